//! The plan of a run. The filters choose cases and runtimes, and this machine may lack some of these.

use std::time::Duration;

use oneloop_bench::record::Family;

use crate::args::Options;
use crate::child::{self, Role};
use crate::counting::{self, Counted};
use crate::peers::Serve;
use crate::report::{Outcome, Sheet};
use crate::{http, operations, peers, servers};

/// A case of the plan.
pub struct Job<'a> {
    /// The name of the case, its subjects, and their outcomes.
    pub sheet: Sheet,
    pub rounds: usize,
    /// The approximate time of one measurement.
    pub estimate: Duration,
    /// Measures the subject at an index.
    pub measure: Box<dyn Fn(usize) -> Outcome + 'a>,
}

/// The filters that match some of `names`. They choose among these names.
struct Filter<'a> {
    names: Vec<&'static str>,
    words: Vec<&'a str>,
}

impl<'a> Filter<'a> {
    fn new(filters: &'a [String], names: impl Iterator<Item = &'static str>) -> Filter<'a> {
        let mut names: Vec<&str> = names.collect();
        names.sort_unstable();
        names.dedup();
        let matches = |filter: &&str| names.iter().any(|name| name.contains(filter));
        Filter { words: filters.iter().map(String::as_str).filter(matches).collect(), names }
    }

    fn chooses(&self, name: &str) -> bool {
        self.words.is_empty() || self.words.iter().any(|word| name.contains(word))
    }

    /// The same for cases, but a whole name chooses only its own case: `echo-1` does not choose
    /// `echo-1000`.
    fn chooses_case(&self, name: &str, quick_too: bool, quick: bool) -> bool {
        let fits = |word: &&str| name.contains(word) && (*word == name || !self.names.contains(word));
        let fits = self.words.is_empty() || self.words.iter().any(fits);
        fits && (quick_too || !quick || self.words.contains(&name))
    }
}

/// The cases and runtimes that the filters choose.
pub struct Chosen {
    pub server_cases: Vec<&'static servers::Case>,
    servers: Vec<servers::Subject>,
    pub http_cases: Vec<&'static http::Case>,
    http_servers: Vec<servers::Subject>,
    /// The cases whose instructions are counted.
    pub counted: Vec<Counted>,
    counted_servers: Vec<&'static peers::Server>,
    pub counted_http_servers: Vec<&'static peers::Server>,
    operation_cases: Vec<&'static operations::Case>,
    pub executors: Vec<&'static peers::Candidate>,
    /// The servers that run in other programs, each with the name and version of its program.
    pub interpreters: Vec<(&'static str, String)>,
    /// The servers that this machine cannot run, each with the reason.
    pub left_out: Vec<(&'static str, String)>,
}

impl Chosen {
    pub fn from_options(options: &Options) -> Result<Chosen, String> {
        let filters = &options.filters;
        let server_cases = servers::CASES.iter().map(|case| case.name.as_str());
        let operation_cases = operations::CASES.iter().map(|case| case.name.as_str());
        let http_cases = http::CASES.iter().map(|case| case.name.as_str());
        let case_filter = Filter::new(filters, server_cases.chain(http_cases).chain(operation_cases));
        let servers = peers::SERVERS.iter().chain(peers::HTTP_SERVERS.iter()).map(|server| server.name);
        let executors = peers::EXECUTORS.iter().map(|executor| executor.name);
        let runtime_filter = Filter::new(filters, servers.chain(executors));
        let known =
            |filter: &str| case_filter.words.contains(&filter) || runtime_filter.words.contains(&filter);
        if let Some(unknown) = filters.iter().find(|filter| !known(filter)) {
            let (cases, runtimes) = (case_filter.names.join(" "), runtime_filter.names.join(" "));
            return Err(format!(
                "No case and no runtime has a name that contains {unknown}.\nCases: {cases}\nRuntimes: {runtimes}"
            ));
        }
        let runtime = |name| runtime_filter.chooses(name);
        let case = |name: &str, quick_too| case_filter.chooses_case(name, quick_too, options.quick);
        let no_case = options.counts_named || options.facts_named && case_filter.words.is_empty();
        let counted = |name| options.counts && case_filter.chooses_case(name, true, false);
        let case = |name: &str, quick_too| !no_case && case(name, quick_too);
        let mut chosen = Chosen {
            server_cases: servers::CASES.iter().filter(|it| case(&it.name, it.quick)).collect(),
            servers: Vec::new(),
            http_cases: http::CASES.iter().filter(|it| case(&it.name, it.quick)).collect(),
            http_servers: Vec::new(),
            counted: counting::cases().into_iter().filter(|it| counted(it.name())).collect(),
            counted_servers: Vec::new(),
            counted_http_servers: Vec::new(),
            operation_cases: operations::CASES.iter().filter(|it| case(&it.name, it.quick)).collect(),
            executors: with_baseline(&peers::EXECUTORS, |it| runtime(it.name)),
            interpreters: Vec::new(),
            left_out: Vec::new(),
        };
        if !chosen.server_cases.is_empty() {
            chosen.find(with_baseline(&peers::SERVERS, |it| runtime(it.name)));
        }
        let http_servers = || with_baseline(&peers::HTTP_SERVERS, |it| runtime(it.name));
        if !chosen.http_cases.is_empty() {
            let subject = |server| servers::Subject { server, interpreter: None };
            chosen.http_servers = http_servers().into_iter().map(subject).collect();
        }
        if chosen.counted.iter().any(|it| matches!(it, Counted::Http(_))) {
            chosen.counted_http_servers = http_servers();
        }
        if chosen.counted.iter().any(|it| matches!(it, Counted::Server(_))) {
            chosen.find_counted(with_baseline(&peers::SERVERS, |it| runtime(it.name)));
        }
        Ok(chosen)
    }

    /// Enters the servers for counts. A server whose instructions cannot be counted is left out, with
    /// the reason.
    fn find_counted(&mut self, servers: Vec<&'static peers::Server>) {
        for server in servers {
            match server.not_counted {
                None => self.counted_servers.push(server),
                Some(reason) => {
                    self.left_out.push((server.name, format!("its instructions are not counted: {reason}")));
                }
            }
        }
    }

    /// Removes the counts from the plan, because valgrind is missing.
    pub fn leave_counts_out(&mut self, reason: String) {
        self.counted.clear();
        self.left_out.retain(|(_, why)| !why.starts_with("its instructions are not counted"));
        self.left_out.push(("counts", reason));
    }

    /// Returns the servers whose instructions are counted.
    pub fn counted_servers(&self) -> &[&'static peers::Server] {
        &self.counted_servers
    }

    /// Enters the servers for times. A server that this machine cannot run is left out, with the reason.
    fn find(&mut self, servers: Vec<&'static peers::Server>) {
        for server in servers {
            match &server.serve {
                Serve::Here(_) => self.servers.push(servers::Subject { server, interpreter: None }),
                Serve::Script(script) => match script.find() {
                    Ok(found) => {
                        self.interpreters.push((server.name, found.version.clone()));
                        self.servers.push(servers::Subject { server, interpreter: Some(found) });
                    }
                    Err(reason) => self.left_out.push((server.name, reason)),
                },
            }
        }
    }

    pub fn server_jobs<'a>(
        &'a self,
        options: &'a Options,
        setting: &'a servers::Setting,
    ) -> impl Iterator<Item = Job<'a>> {
        let time = options.server_time();
        let cases: &[&servers::Case] = if self.servers.is_empty() { &[] } else { &self.server_cases };
        cases.iter().map(move |case| {
            let subjects = self.servers.iter().map(|subject| subject.server.name);
            Job {
                sheet: Sheet::new(Family::Servers, case, subjects),
                rounds: options.rounds_of(case.rounds(options.quick)),
                estimate: case.estimate(time),
                measure: Box::new(move |subject| case.measure(&self.servers[subject], time, setting)),
            }
        })
    }

    pub fn http_jobs<'a>(
        &'a self,
        options: &'a Options,
        setting: &'a servers::Setting,
    ) -> impl Iterator<Item = Job<'a>> {
        let time = options.server_time();
        let cases: &[&http::Case] = if self.http_servers.is_empty() { &[] } else { &self.http_cases };
        cases.iter().map(move |case| {
            let subjects = self.http_servers.iter().map(|subject| subject.server.name);
            Job {
                sheet: Sheet::new(Family::Http, case, subjects),
                rounds: options.rounds_of(case.rounds(options.quick)),
                estimate: case.estimate(time),
                measure: Box::new(move |subject| case.measure(&self.http_servers[subject], time, setting)),
            }
        })
    }

    pub fn operation_jobs<'a>(
        &'a self,
        options: &'a Options,
        setting: impl Fn(Duration) -> operations::Setting + Copy + 'a,
    ) -> impl Iterator<Item = Job<'a>> {
        let time = options.operation_time();
        let cases: &[&operations::Case] = if self.executors.is_empty() { &[] } else { &self.operation_cases };
        cases.iter().map(move |&case| {
            let subjects = self.executors.iter().map(|executor| executor.name);
            let estimate = case.estimate(time);
            let limit = estimate * 10 + Duration::from_secs(5);
            Job {
                sheet: Sheet::new(Family::Operations, case, subjects),
                rounds: options.rounds_of(case.rounds(options.quick)),
                estimate,
                measure: Box::new(move |subject| {
                    let executor = self.executors[subject];
                    child::operate(&Role::Operate { executor, case, setting: setting(time) }, None, limit)
                }),
            }
        })
    }
}

/// Returns the chosen elements of a list. If at least one is chosen, the result also has the first
/// element, which is the baseline.
fn with_baseline<T>(list: &'static [T], chosen: impl Fn(&T) -> bool) -> Vec<&'static T> {
    if !list.iter().any(&chosen) {
        return Vec::new();
    }
    let (first, others) = list.split_first().expect("there are runtimes");
    std::iter::once(first).chain(others.iter().filter(|it| chosen(it))).collect()
}

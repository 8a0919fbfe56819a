//! The plan and its execution: cases times rounds times subjects, in that order from the outside to the inside.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::args::Options;
use crate::child::{self, Role};
use crate::machine::Moment;
use crate::report::{self, Outcome, Sheet};
use crate::{operations, peers, servers, sys};

/// So much of one core may other processes use before a case gets a warning.
const OTHERS_PERCENT_MAX: f64 = 5.0;

/// A case of the plan.
struct Case<'a> {
    /// Its name, who takes part, and room for what they will show.
    sheet: Sheet,
    rounds: usize,
    /// How long one measurement takes, roughly.
    estimate: Duration,
    /// Measures the subject at an index.
    measure: Box<dyn Fn(usize) -> Outcome + 'a>,
}

/// Runs everything that the options choose.
pub fn all(options: &Options) -> Result<(), String> {
    let told = |error: std::io::Error| error.to_string();
    let descriptors_max = sys::raise_descriptor_limit().map_err(told)?;
    let cores = sys::cores().map_err(told)?;
    let chosen = Chosen::from_filters(&options.filters)?;
    let [subject_core, load_core] = match cores[..] {
        [first, second, ..] => [first, second],
        [only] => [only, only],
        [] => return Err("no core to run on".into()),
    };
    let two_cores = subject_core != load_core;
    let server_setting = servers::Setting::new(subject_core, descriptors_max).map_err(told)?;
    let mut cases = Vec::new();
    if two_cores {
        cases.extend(chosen.server_cases(options, &server_setting));
    } else if !chosen.server_cases.is_empty() {
        println!("The server cases are left out: they need one core for the server and one for its load.");
    }
    let other_core = two_cores.then_some(load_core);
    let operation = move |time| operations::Setting { time, core: subject_core, other_core };
    cases.extend(chosen.operation_cases(options, operation));
    if cases.is_empty() {
        return Err("Nothing is left to measure: no chosen runtime takes part in a chosen case.".into());
    }
    sys::pin_to(load_core).map_err(told)?;
    execute(cases)
}

/// The filters that match some of `names`: they choose among these.
struct Filter<'a> {
    names: Vec<&'static str>,
    words: Vec<&'a String>,
}

impl<'a> Filter<'a> {
    fn new(filters: &'a [String], names: impl Iterator<Item = &'static str>) -> Filter<'a> {
        let mut names: Vec<&str> = names.collect();
        names.sort_unstable();
        names.dedup();
        let matches = |filter: &&String| names.iter().any(|name| name.contains(filter.as_str()));
        Filter { words: filters.iter().filter(matches).collect(), names }
    }

    fn chooses(&self, name: &str) -> bool {
        self.words.is_empty() || self.words.iter().any(|word| name.contains(word.as_str()))
    }
}

/// What the filters choose.
struct Chosen {
    server_cases: Vec<&'static servers::Case>,
    servers: Vec<&'static peers::Server>,
    operation_cases: Vec<&'static operations::Case>,
    executors: Vec<&'static peers::Candidate>,
}

impl Chosen {
    fn from_filters(filters: &[String]) -> Result<Chosen, String> {
        let server_cases = servers::CASES.iter().map(|case| case.name);
        let operation_cases = operations::CASES.iter().map(|case| case.name);
        let case_filter = Filter::new(filters, server_cases.chain(operation_cases));
        let servers = peers::SERVERS.iter().map(|server| server.name);
        let executors = peers::EXECUTORS.iter().map(|executor| executor.name);
        let runtime_filter = Filter::new(filters, servers.chain(executors));
        let known =
            |filter: &&String| case_filter.words.contains(filter) || runtime_filter.words.contains(filter);
        if let Some(stranger) = filters.iter().find(|filter| !known(filter)) {
            let (cases, runtimes) = (case_filter.names.join(" "), runtime_filter.names.join(" "));
            return Err(format!("Nothing is named like {stranger}.\nCases: {cases}\nRuntimes: {runtimes}"));
        }
        let case = |name| case_filter.chooses(name);
        let runtime = |name| runtime_filter.chooses(name);
        let mut chosen = Chosen {
            server_cases: servers::CASES.iter().filter(|it| case(it.name)).collect(),
            servers: peers::SERVERS.iter().filter(|it| runtime(it.name)).collect(),
            operation_cases: operations::CASES.iter().filter(|it| case(it.name)).collect(),
            executors: peers::EXECUTORS.iter().filter(|it| runtime(it.name)).collect(),
        };
        // The first of each list is the baseline.
        if chosen.servers.is_empty() {
            chosen.server_cases.clear();
        } else if !runtime(peers::SERVERS[0].name) {
            chosen.servers.insert(0, &peers::SERVERS[0]);
        }
        if chosen.executors.is_empty() {
            chosen.operation_cases.clear();
        } else if !runtime(peers::EXECUTORS[0].name) {
            chosen.executors.insert(0, &peers::EXECUTORS[0]);
        }
        Ok(chosen)
    }

    fn server_cases<'a>(
        &'a self,
        options: &'a Options,
        setting: &'a servers::Setting,
    ) -> impl Iterator<Item = Case<'a>> {
        let time = options.server_time();
        self.server_cases.iter().map(move |case| {
            let subjects = self.servers.iter().map(|server| server.name);
            // The servers are close to each other.
            let ratio_digits = 3;
            Case {
                sheet: Sheet::new(case.name, case.about, case.metrics, subjects, ratio_digits),
                rounds: options.rounds().long,
                estimate: case.estimate(time),
                measure: Box::new(move |subject| case.measure(self.servers[subject], time, setting)),
            }
        })
    }

    fn operation_cases<'a>(
        &'a self,
        options: &'a Options,
        setting: impl Fn(Duration) -> operations::Setting + Copy + 'a,
    ) -> impl Iterator<Item = Case<'a>> {
        let time = options.operation_time();
        self.operation_cases.iter().map(move |&case| {
            let subjects = self.executors.iter().map(|executor| executor.name);
            let estimate = case.estimate(time);
            let limit = estimate * 10 + Duration::from_secs(5);
            Case {
                sheet: Sheet::new(case.name, case.about, case.metrics, subjects, 2),
                rounds: if case.is_long() { options.rounds().long } else { options.rounds().short },
                estimate,
                measure: Box::new(move |subject| {
                    let executor = self.executors[subject];
                    child::operate(&Role::Operate { executor, case, setting: setting(time) }, limit)
                }),
            }
        })
    }
}

fn execute(mut cases: Vec<Case>) -> Result<(), String> {
    let measurements = |case: &Case| case.sheet.subjects.len() * case.rounds;
    let total: usize = cases.iter().map(measurements).sum();
    let seconds: f64 = cases.iter().map(|case| case.estimate.as_secs_f64() * measurements(case) as f64).sum();
    println!("{total} measurements, about {}.", minutes(seconds));
    let bar = ProgressBar::new(total as u64);
    let style = ProgressStyle::with_template("[{pos}/{len}] {wide_msg} about {eta} left");
    bar.set_style(style.map_err(|error| error.to_string())?);
    for case in &mut cases {
        let before = Moment::now().map_err(|error| error.to_string())?;
        measure(case, &bar);
        let others_percent = before.others_percent().map_err(|error| error.to_string())?;
        if others_percent > OTHERS_PERCENT_MAX {
            case.sheet.note(format!(
                "Other work took {others_percent:.0} % of a core meanwhile: do not trust this."
            ));
        }
        bar.suspend(|| print!("{}", case.sheet.table()));
    }
    bar.finish_and_clear();
    let sheets: Vec<&Sheet> = cases.iter().map(|case| &case.sheet).collect();
    for family in sheets.chunk_by(|one, other| one.subjects == other.subjects) {
        if family.len() > 1 {
            print!("{}", report::overview(family));
        }
    }
    Ok(())
}

fn minutes(seconds: f64) -> String {
    if seconds < 90.0 { format!("{seconds:.0} s") } else { format!("{:.1} min", seconds / 60.0) }
}

/// Rounds outside, subjects inside: whatever disturbs the machine for a while meets all of them.
fn measure(case: &mut Case, bar: &ProgressBar) {
    let (rounds, sheet) = (case.rounds, &mut case.sheet);
    for round in 1..=rounds {
        for subject in 0..sheet.subjects.len() {
            bar.set_message(format!(
                "{}: round {round} of {rounds}: {}",
                sheet.name, sheet.subjects[subject]
            ));
            sheet.enter(subject, (case.measure)(subject));
            bar.inc(1);
        }
        if !std::io::stderr().is_terminal() {
            eprintln!("{}: round {round} of {rounds} done", sheet.name);
        }
    }
}

//! The execution of the plan: cases times rounds times subjects, in that order from the outside to the inside.

use std::io::IsTerminal;
use std::path::Path;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use oneloop_bench::library;
use oneloop_bench::record::FactsRecord;

use crate::args::Options;
use crate::counting::{self, Valgrind};
use crate::machine::Moment;
use crate::overview;
use crate::plan::{Chosen, Job};
use crate::report::Sheet;
use crate::{operations, record_run, servers, sys};

/// So much of one core may other processes use before a case gets a warning.
const OTHERS_PERCENT_MAX: f64 = 5.0;

/// Runs everything that the options choose.
pub fn all(options: &Options) -> Result<(), String> {
    let directory = record_run::directory(options)?;
    let cores = Cores::find()?;
    if let Some(table) = &options.table {
        return counting::hold::run(table, &directory, cores.load);
    }
    let told = |error: std::io::Error| error.to_string();
    let descriptors_max = sys::raise_descriptor_limit().map_err(told)?;
    let mut chosen = Chosen::from_options(options)?;
    let valgrind = match (chosen.counted.is_empty(), Valgrind::find(&directory)) {
        (true, _) => None,
        (false, Ok(found)) => Some(found),
        (false, Err(reason)) => {
            chosen.leave_counts_out(reason);
            None
        }
    };
    let chosen = &chosen;
    let server_setting = servers::Setting::new(cores.subject, descriptors_max).map_err(told)?;
    let mut counts: Vec<Job> =
        valgrind.iter().flat_map(|valgrind| counting::jobs(chosen, valgrind, cores.load)).collect();
    let mut times = Vec::new();
    if cores.are_two() {
        times.extend(chosen.server_jobs(options, &server_setting));
        times.extend(chosen.http_jobs(options, &server_setting));
    } else if !(chosen.server_cases.is_empty() && chosen.http_cases.is_empty()) {
        println!("The server cases are left out: they need one core for the server and one for its load.");
    }
    times.extend(chosen.operation_jobs(options, |time| cores.setting(time)));
    let left_out = || chosen.left_out.iter().for_each(|(name, why)| println!("Left out: {name}: {why}."));
    chosen
        .interpreters
        .iter()
        .for_each(|(name, version)| println!("Runs in another program: {name}: {version}."));
    left_out();
    if counts.is_empty() && times.is_empty() && !options.facts {
        return Err("Nothing is left to measure: no chosen runtime takes part in a chosen case.".into());
    }
    // First, as a build may use all cores, and from the next line on there is one.
    let facts = if options.facts { library_facts(options, chosen, &directory) } else { Vec::new() };
    sys::pin_to(cores.load).map_err(told)?;
    execute(&mut counts, &mut times)?;
    // Again, where the tables are.
    left_out();
    let sheets = |jobs: &[Job]| jobs.iter().map(|job| job.sheet.record()).collect::<Vec<_>>();
    let record = record_run::record(options, chosen, cores.count, sheets(&counts), sheets(&times), facts);
    let files = record_run::write(&record, &directory)?;
    files.iter().for_each(|file| println!("Written: {}", file.display()));
    Ok(())
}

/// The cores of this machine and what they are for.
struct Cores {
    count: usize,
    /// That of the measured process.
    subject: usize,
    /// That of the load and of everything else; the same if there is no second.
    load: usize,
}

impl Cores {
    fn find() -> Result<Cores, String> {
        let cores = sys::cores().map_err(|error| error.to_string())?;
        let subject = *cores.first().ok_or("no core to run on")?;
        Ok(Cores { count: cores.len(), subject, load: cores.get(1).copied().unwrap_or(subject) })
    }

    fn are_two(&self) -> bool {
        self.subject != self.load
    }

    fn setting(&self, time: Duration) -> operations::Setting {
        let other_core = self.are_two().then_some(self.load);
        operations::Setting { length: operations::Length::Time(time), core: self.subject, other_core }
    }
}

fn library_facts(options: &Options, chosen: &Chosen, directory: &Path) -> Vec<FactsRecord> {
    let takes_part = |name: &str| chosen.executors.iter().any(|it| it.name == name);
    let facts = library::facts(directory, options.jobs, takes_part);
    print!("{}", library::table(&facts));
    facts
}

/// Why counts come first.
const COUNTS_FIRST: &str = "\nCounts come first: the instructions of one operation are the same in every run, while its \
    time on a shared machine varies by a fifth from minute to minute.";

fn execute(counts: &mut [Job], times: &mut [Job]) -> Result<(), String> {
    let measurements = |job: &Job| job.sheet.subjects.len() * job.rounds;
    let jobs = || counts.iter().chain(times.iter());
    let total: usize = jobs().map(measurements).sum();
    let seconds: f64 = jobs().map(|job| job.estimate.as_secs_f64() * measurements(job) as f64).sum();
    if total == 0 {
        return Ok(());
    }
    println!("{total} measurements, about {}.", minutes(seconds));
    let bar = ProgressBar::new(total as u64);
    let style = ProgressStyle::with_template("[{pos}/{len}] {wide_msg} about {eta} left");
    bar.set_style(style.map_err(|error| error.to_string())?);
    if !counts.is_empty() {
        bar.suspend(|| println!("{COUNTS_FIRST}"));
    }
    for job in counts.iter_mut() {
        measure(job, &bar);
        bar.suspend(|| print!("{}", job.sheet.table()));
    }
    for job in times.iter_mut() {
        let before = Moment::now().map_err(|error| error.to_string())?;
        measure(job, &bar);
        let others_percent = before.others_percent().map_err(|error| error.to_string())?;
        if others_percent > OTHERS_PERCENT_MAX {
            job.sheet.note(format!(
                "Other work took {others_percent:.0} % of a core meanwhile: do not trust this."
            ));
        }
        bar.suspend(|| print!("{}", job.sheet.table()));
    }
    bar.finish_and_clear();
    overviews("Counts", counts);
    overviews("Times", times);
    Ok(())
}

/// Many cases in one table, for those that have the same subjects.
fn overviews(title: &str, jobs: &[Job]) {
    let sheets: Vec<&Sheet> = jobs.iter().map(|job| &job.sheet).collect();
    for family in sheets.chunk_by(|one, other| one.subjects == other.subjects) {
        overview::tables(title, family).iter().for_each(|table| print!("{table}"));
    }
}

fn minutes(seconds: f64) -> String {
    if seconds < 90.0 { format!("{seconds:.0} s") } else { format!("{:.1} min", seconds / 60.0) }
}

/// Rounds outside, subjects inside: whatever disturbs the machine for a while meets all of them. Each round begins with
/// another subject: what comes first in a round meets a cooler machine than what comes last.
fn measure(job: &mut Job, bar: &ProgressBar) {
    let (rounds, sheet) = (job.rounds, &mut job.sheet);
    for round in 1..=rounds {
        let count = sheet.subjects.len();
        for subject in (0..count).map(|place| (place + round - 1) % count) {
            bar.set_message(format!(
                "{}: round {round} of {rounds}: {}",
                sheet.name, sheet.subjects[subject]
            ));
            if !sheet.given_up(subject) {
                sheet.enter(subject, (job.measure)(subject));
            }
            bar.inc(1);
        }
        if !std::io::stderr().is_terminal() {
            eprintln!("{}: round {round} of {rounds} done", sheet.name);
        }
    }
}

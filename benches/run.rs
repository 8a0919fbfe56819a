//! The execution of the plan: cases times rounds times subjects, in that order from the outside to the inside.

use std::io::IsTerminal;
use std::path::Path;

use indicatif::{ProgressBar, ProgressStyle};
use oneloop_bench::library;
use oneloop_bench::record::FactsRecord;

use crate::args::Options;
use crate::machine::Moment;
use crate::overview;
use crate::plan::{Chosen, Job};
use crate::report::Sheet;
use crate::{operations, record_run, servers, sys};

/// So much of one core may other processes use before a case gets a warning.
const OTHERS_PERCENT_MAX: f64 = 5.0;

/// Runs everything that the options choose.
pub fn all(options: &Options) -> Result<(), String> {
    let told = |error: std::io::Error| error.to_string();
    let descriptors_max = sys::raise_descriptor_limit().map_err(told)?;
    let cores = sys::cores().map_err(told)?;
    let chosen = Chosen::from_options(options)?;
    let [subject_core, load_core] = match cores[..] {
        [first, second, ..] => [first, second],
        [only] => [only, only],
        [] => return Err("no core to run on".into()),
    };
    let two_cores = subject_core != load_core;
    let server_setting = servers::Setting::new(subject_core, descriptors_max).map_err(told)?;
    let mut jobs = Vec::new();
    if two_cores {
        jobs.extend(chosen.server_jobs(options, &server_setting));
    } else if !chosen.server_cases.is_empty() {
        println!("The server cases are left out: they need one core for the server and one for its load.");
    }
    let other_core = two_cores.then_some(load_core);
    let operation = move |time| operations::Setting { time, core: subject_core, other_core };
    jobs.extend(chosen.operation_jobs(options, operation));
    let left_out = || chosen.left_out.iter().for_each(|(name, why)| println!("Left out: {name}: {why}."));
    chosen
        .interpreters
        .iter()
        .for_each(|(name, version)| println!("Runs in another program: {name}: {version}."));
    left_out();
    if jobs.is_empty() && !options.facts {
        return Err("Nothing is left to measure: no chosen runtime takes part in a chosen case.".into());
    }
    let directory = record_run::directory(options)?;
    // First, as a build may use all cores, and from the next line on there is one.
    let facts = if options.facts { library_facts(options, &chosen, &directory) } else { Vec::new() };
    sys::pin_to(load_core).map_err(told)?;
    if !jobs.is_empty() {
        execute(&mut jobs)?;
    }
    // Again, where the tables are.
    left_out();
    let sheets: Vec<&Sheet> = jobs.iter().map(|job| &job.sheet).collect();
    let record = record_run::record(options, &chosen, cores.len(), &sheets, facts);
    let files = record_run::write(&record, &directory)?;
    files.iter().for_each(|file| println!("Written: {}", file.display()));
    Ok(())
}

fn library_facts(options: &Options, chosen: &Chosen, directory: &Path) -> Vec<FactsRecord> {
    let takes_part = |name: &str| chosen.executors.iter().any(|it| it.name == name);
    let facts = library::facts(directory, options.jobs, takes_part);
    print!("{}", library::table(&facts));
    facts
}

fn execute(jobs: &mut [Job]) -> Result<(), String> {
    let measurements = |job: &Job| job.sheet.subjects.len() * job.rounds;
    let total: usize = jobs.iter().map(measurements).sum();
    let seconds: f64 = jobs.iter().map(|job| job.estimate.as_secs_f64() * measurements(job) as f64).sum();
    println!("{total} measurements, about {}.", minutes(seconds));
    let bar = ProgressBar::new(total as u64);
    let style = ProgressStyle::with_template("[{pos}/{len}] {wide_msg} about {eta} left");
    bar.set_style(style.map_err(|error| error.to_string())?);
    for job in jobs.iter_mut() {
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
    let sheets: Vec<&Sheet> = jobs.iter().map(|job| &job.sheet).collect();
    for family in sheets.chunk_by(|one, other| one.subjects == other.subjects) {
        overview::tables(family).iter().for_each(|table| print!("{table}"));
    }
    Ok(())
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

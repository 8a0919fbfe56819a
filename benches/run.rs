//! A whole run: the choice of the cases and of the cores, the measurements, and the files at the end.

use std::path::Path;
use std::time::{Duration, Instant};

use oneloop_bench::estimate::about;
use oneloop_bench::library;
use oneloop_bench::record::FactsRecord;

use crate::args::Options;
use crate::counting::{self, Valgrind};
use crate::execute::{Run, overviews};
use crate::plan::{Chosen, Job};
use crate::record_run::{self, Measured};
use crate::stop::Stop;
use crate::{operations, servers, sys};

/// The end of a run.
pub enum Ended {
    Whole,
    Interrupted,
}

/// Runs all cases that the options choose.
pub fn all(options: &Options) -> Result<Ended, String> {
    let directory = record_run::directory(options)?;
    let cores = Cores::find()?;
    if let Some(table) = &options.table {
        return counting::hold::run(table, &directory, cores.load).map(|()| Ended::Whole);
    }
    let message = |error: std::io::Error| error.to_string();
    let (begin, stop) = (Instant::now(), Stop::on_signals().map_err(message)?);
    let descriptors_max = sys::raise_descriptor_limit().map_err(message)?;
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
    let server_setting = servers::Setting::new(cores.subject, descriptors_max).map_err(message)?;
    let mut counts: Vec<Job> =
        valgrind.iter().flat_map(|valgrind| counting::jobs(chosen, valgrind, cores.load)).collect();
    let mut times = Vec::new();
    if cores.are_two() {
        times.extend(chosen.server_jobs(options, &server_setting));
        times.extend(chosen.http_jobs(options, &server_setting));
    } else if !(chosen.server_cases.is_empty() && chosen.http_cases.is_empty()) {
        println!(
            "The server cases are left out, because they need one core for the server and one for its load."
        );
    }
    times.extend(chosen.operation_jobs(options, |time| cores.setting(time)));
    let left_out = || chosen.left_out.iter().for_each(|(name, why)| println!("{name} is left out: {why}."));
    chosen
        .interpreters
        .iter()
        .for_each(|(name, version)| println!("{name} runs in another program: {version}."));
    left_out();
    if counts.is_empty() && times.is_empty() && !options.facts {
        return Err("No case is left to measure: no chosen runtime takes part in a chosen case.".into());
    }
    let mut run = Run::new(&counts, &times, &stop);
    run.announce(if options.facts { library_count(chosen) } else { 0 });
    // The builds come first, because they may use all cores. The next statement pins this process to one
    // core.
    let facts = if options.facts { library_facts(options, chosen, &directory, &stop) } else { Vec::new() };
    sys::pin_to(cores.load).map_err(message)?;
    run.execute(&mut counts, &mut times)?;
    let (counts, times) = (run.begun(counts), run.begun(times));
    overviews("Counts", &counts);
    overviews("Times", &times);
    // The messages are repeated below the tables, so that the user sees them at the end.
    left_out();
    let sheets = |jobs: &[Job]| jobs.iter().map(|job| job.sheet.record()).collect::<Vec<_>>();
    let measured = Measured {
        counts: sheets(&counts),
        cases: sheets(&times),
        facts,
        interrupted: stop.is_asked(),
        elapsed: begin.elapsed(),
    };
    finish(options, chosen, cores.count, measured, &directory)
}

/// Writes the results and prints the paths of the files.
fn finish(
    options: &Options,
    chosen: &Chosen,
    cores: usize,
    measured: Measured,
    directory: &Path,
) -> Result<Ended, String> {
    let (interrupted, elapsed) = (measured.interrupted, about(measured.elapsed));
    if interrupted && measured.is_empty() {
        println!("Interrupted after {elapsed}. No round is finished, so that no file is written.");
        return Ok(Ended::Interrupted);
    }
    let record = record_run::record(options, chosen, cores, measured);
    let files = record_run::write(options, &record, directory)?;
    if interrupted {
        println!("Interrupted after {elapsed}. The finished rounds are kept.");
    } else {
        println!("Finished after {elapsed}.");
    }
    files.iter().for_each(|file| println!("Written: {}", file.display()));
    if let Some(full) = record_run::full_run(directory).filter(|full| !files.contains(full)) {
        println!("The results of the last full run stay as they are: {}", full.display());
    }
    Ok(if interrupted { Ended::Interrupted } else { Ended::Whole })
}

/// The cores of this machine and their purpose.
struct Cores {
    count: usize,
    /// The core of the measured process.
    subject: usize,
    /// The core of the load and of all other work. It is the same core if the machine has only one.
    load: usize,
}

impl Cores {
    fn find() -> Result<Cores, String> {
        let cores = sys::cores().map_err(|error| error.to_string())?;
        let subject = *cores.first().ok_or("this process may run on no core")?;
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

fn takes_part(chosen: &Chosen, name: &str) -> bool {
    chosen.executors.iter().any(|it| it.name == name)
}

fn library_count(chosen: &Chosen) -> usize {
    library::count(|name| takes_part(chosen, name))
}

fn library_facts(options: &Options, chosen: &Chosen, directory: &Path, stop: &Stop) -> Vec<FactsRecord> {
    let stopped = || stop.is_asked();
    let facts = library::facts(directory, options.jobs, |name| takes_part(chosen, name), stopped);
    if !facts.is_empty() {
        print!("{}", library::table(&facts));
    }
    facts
}

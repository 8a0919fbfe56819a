//! The execution of the plan. It measures the cases one after the other, and shows the progress bar and
//! the tables.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use oneloop_bench::estimate::{Estimate, about};
use oneloop_bench::library::BUILD_ESTIMATE;
use oneloop_bench::record::Family;
use oneloop_bench::rounds;

use crate::machine::Moment;
use crate::overview;
use crate::plan::Job;
use crate::report::Sheet;
use crate::stop::Stop;

/// The share of one core that other processes may use before a case gets a warning.
const OTHERS_PERCENT_MAX: f64 = 5.0;

/// The message that precedes the counts.
const COUNTS_FIRST: &str = "\nCounts come first. The instructions of one operation are the same in every \
    run, while its time on a shared machine varies by a fifth from minute to minute.";

/// A run that is being executed.
pub struct Run<'a> {
    estimate: Estimate,
    stop: &'a Stop,
    bar: ProgressBar,
    /// Whether the estimate after the first round has been printed.
    is_estimate_printed: bool,
}

impl<'a> Run<'a> {
    /// Creates a run. The estimate has the counts first, then the times, because they are measured in
    /// this order.
    pub fn new(counts: &[Job], times: &[Job], stop: &'a Stop) -> Run<'a> {
        let mut estimate = Estimate::default();
        let mut plan = |kind, job: &Job| {
            estimate.plan(kind, job.sheet.subjects.len() * job.rounds, job.estimate);
        };
        counts.iter().for_each(|job| plan(3 + kind(job), job));
        times.iter().for_each(|job| plan(kind(job), job));
        let bar = ProgressBar::hidden();
        Run { estimate, stop, bar, is_estimate_printed: false }
    }

    /// Prints the planned time of the run.
    pub fn announce(&self, builds: usize) {
        let measurements = self.estimate.measurements();
        let time = about(self.estimate.left() + BUILD_ESTIMATE * builds as u32);
        let parts = [(builds, "builds"), (measurements, "measurements")].into_iter();
        let parts = parts.filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
        let parts = parts.collect::<Vec<_>>().join(", then ");
        println!(
            "{parts}: about {time} on a machine that does nothing else. The first round \
             shows the time on this machine. Ctrl+C ends the run and keeps the finished rounds."
        );
    }

    /// Measures all jobs. If the user asks to stop, the jobs keep the finished rounds.
    pub fn execute(&mut self, counts: &mut [Job], times: &mut [Job]) -> Result<(), String> {
        self.bar = ProgressBar::new(self.estimate.measurements() as u64);
        let style = ProgressStyle::with_template("[{pos}/{len}] {wide_msg} {prefix}");
        self.bar.set_style(style.map_err(|error| error.to_string())?);
        if !counts.is_empty() {
            self.bar.suspend(|| println!("{COUNTS_FIRST}"));
        }
        let count = counts.len();
        for (case, job) in counts.iter_mut().enumerate() {
            self.measure(case, job);
            self.print(&job.sheet);
        }
        for (case, job) in times.iter_mut().enumerate() {
            let before = Moment::now().map_err(|error| error.to_string())?;
            self.measure(count + case, job);
            let others_percent = before.others_percent().map_err(|error| error.to_string())?;
            if others_percent > OTHERS_PERCENT_MAX {
                job.sheet.note(format!(
                    "Other work took {others_percent:.0} % of a core meanwhile. Do not trust this case."
                ));
            }
            self.print(&job.sheet);
        }
        self.bar.finish_and_clear();
        Ok(())
    }

    fn print(&self, sheet: &Sheet) {
        if sheet.rounds() > 0 {
            self.bar.suspend(|| print!("{}", sheet.table()));
        }
    }

    /// Returns the jobs with at least one finished round.
    pub fn begun<'b>(&self, jobs: Vec<Job<'b>>) -> Vec<Job<'b>> {
        jobs.into_iter().filter(|job| job.sheet.rounds() > 0).collect()
    }

    fn measure(&mut self, case: usize, job: &mut Job) {
        let (planned, sheet, stop) = (job.rounds, &mut job.sheet, self.stop);
        let count = sheet.subjects.len();
        let mut ended = 0;
        let finished = rounds::interleaved(
            planned,
            count,
            || stop.is_asked(),
            |round, subject| {
                let (name, number) = (sheet.subjects[subject], round + 1);
                self.bar.set_message(format!("{}: round {number} of {planned}: {name}", sheet.name));
                self.bar.set_prefix(format!("about {} left", about(self.estimate.left())));
                let begin = Instant::now();
                if !sheet.given_up(subject) {
                    sheet.enter(subject, (job.measure)(subject));
                }
                self.estimate.enter(case, begin.elapsed());
                self.bar.inc(1);
                ended += 1;
                if ended % count == 0 && !stop.is_asked() {
                    self.round_ends(sheet.name, number, planned);
                }
            },
        );
        sheet.keep_rounds(finished, planned);
    }

    fn round_ends(&mut self, name: &str, round: usize, rounds: usize) {
        let left = self.estimate.left();
        if !std::io::stderr().is_terminal() {
            eprintln!("{name}: round {round} of {rounds} done, about {} left", about(left));
        } else if !self.is_estimate_printed && left > Duration::from_secs(20) {
            self.bar.suspend(|| println!("After the first round: about {} left.", about(left)));
        }
        self.is_estimate_printed = true;
    }
}

/// Returns the kind of a job. Jobs of one kind are slowed down by the same factor.
fn kind(job: &Job) -> usize {
    match job.sheet.family {
        Family::Servers => 0,
        Family::Http => 1,
        Family::Operations => 2,
    }
}

/// Prints one table for all cases that have the same subjects.
pub fn overviews(title: &str, jobs: &[Job]) {
    let sheets: Vec<&Sheet> = jobs.iter().map(|job| &job.sheet).collect();
    for family in sheets.chunk_by(|one, other| one.subjects == other.subjects) {
        overview::tables(title, family).iter().for_each(|table| print!("{table}"));
    }
}

//! The output: the progress, and the tables at the end.

use std::fmt::Write;
use std::rc::Rc;
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, HumanCount, ProgressBar};
use oneloop::time::{interval, sleep};

use crate::bar;
use crate::counted::counted;
use crate::process::say;
use crate::rest::{self, Sample, Samples};
use crate::verdict::{self, Tolerance, Verdict};
use crate::work::Soak;

/// The progress: a bar if standard error is a terminal, otherwise a line at intervals.
pub struct Progress {
    bar: ProgressBar,
    time: Duration,
}

impl Progress {
    pub fn new(time: Duration) -> Progress {
        let bar = ProgressBar::new(time.as_millis() as u64);
        bar.set_style(bar::style());
        Progress { bar, time }
    }

    /// Shows the progress until the future is dropped.
    pub async fn follow(self, soak: Rc<Soak>) {
        let started = Instant::now();
        if self.bar.is_hidden() {
            let pause = (self.time / 10).clamp(Duration::from_secs(1), Duration::from_secs(60));
            loop {
                sleep(pause).await;
                say(&format!("[{:5.0} s] {}", started.elapsed().as_secs_f64(), so_far(&soak)));
            }
        }
        let mut redraw = interval(Duration::from_millis(200));
        loop {
            redraw.tick().await;
            self.bar.set_position(started.elapsed().as_millis() as u64);
            self.bar.set_message(so_far(&soak));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn so_far(soak: &Soak) -> String {
    let operations = HumanCount(soak.total(|tally| &tally.operations));
    let bytes = HumanBytes(soak.total(|tally| &tally.bytes));
    let memory =
        rest::resident().map_or_else(String::new, |bytes| format!(", {} of memory", HumanBytes(bytes)));
    format!("{}, {operations} operations, {bytes} checked{memory}", counted(soak.errors(), "error"))
}

/// Returns the table of the work, with a line for each kind.
pub fn work(soak: &Soak) -> String {
    let mut table = format!("{:<20}{:>16}{:>22}{:>9}\n", "work", "operations", "bytes checked", "errors");
    let mut line = |kind: &str, operations: u64, bytes: u64, errors: u64| {
        let (operations, bytes) = (HumanCount(operations).to_string(), HumanCount(bytes).to_string());
        let _ = writeln!(table, "{kind:<20}{operations:>16}{bytes:>22}{errors:>9}");
    };
    for tally in soak.tallies.borrow().iter() {
        line(tally.kind, tally.operations.get(), tally.bytes.get(), tally.errors.get());
    }
    let (operations, bytes) = (soak.total(|tally| &tally.operations), soak.total(|tally| &tally.bytes));
    line("all", operations, bytes, soak.errors());
    table
}

/// The samples of the rests: after the warm-up, in the middle, at the end.
#[derive(Default)]
pub struct Rests {
    pub start: Option<Samples>,
    pub middle: Option<Samples>,
    pub end: Option<Samples>,
}

impl Rests {
    /// Returns the verdict on all rows. A row that this system does not report does not count.
    pub fn verdict(&self) -> Verdict {
        if self.start.is_none() || self.end.is_none() {
            return Verdict::Unknown;
        }
        let mut rows = self.ours().into_iter().chain(self.servers().into_iter().flatten());
        if rows.any(|row| row.verdict() == Verdict::Grew) { Verdict::Grew } else { Verdict::Flat }
    }

    fn ours(&self) -> [Row; 4] {
        rows([self.start, self.middle, self.end].map(|rest| rest.map(|rest| rest.ours)))
    }

    /// Returns the rows of the servers, if they have a process of their own.
    fn servers(&self) -> Option<[Row; 4]> {
        self.end?.servers?;
        Some(rows([self.start, self.middle, self.end].map(|rest| rest?.servers)))
    }

    pub fn tables(&self) -> String {
        let mut tables = table("at rest", self.ours());
        if let Some(rows) = self.servers() {
            tables += &format!("\n{}", table("servers' process", rows));
        }
        tables
    }
}

fn rows(samples: [Option<Sample>; 3]) -> [Row; 4] {
    let row = |what, tolerance, look: fn(&Sample) -> Option<u64>, show| Row {
        what,
        tolerance,
        values: samples.map(|sample| sample.as_ref().and_then(look)),
        show,
    };
    let connections = samples[0].map_or(0, |sample| sample.connections);
    let bytes: fn(u64) -> String = |bytes| HumanBytes(bytes).to_string();
    let count: fn(u64) -> String = |count| HumanCount(count).to_string();
    [
        row("memory, resident", verdict::resident(connections), |sample| sample.resident, bytes),
        row("memory, allocated", verdict::heap(connections), |sample| Some(sample.heap), bytes),
        row("descriptors", verdict::NONE, |sample| sample.descriptors, count),
        row("connections served", verdict::NONE, |sample| Some(sample.connections), count),
    ]
}

fn table(title: &str, rows: [Row; 4]) -> String {
    let mut table =
        format!("{title:<18}{:>12}{:>12}{:>12}  {:<8}may grow by\n", "start", "middle", "end", "verdict");
    for row in rows {
        let [start, middle, end] = row.values.map(|value| value.map_or("-".to_owned(), row.show));
        let (what, verdict) = (row.what, row.verdict());
        let allowed = match row.tolerance {
            Tolerance { percent: 0, plus: 0 } => "0".to_owned(),
            Tolerance { percent, plus } => format!("{percent} %, {}", (row.show)(plus)),
        };
        let _ = writeln!(table, "{what:<18}{start:>12}{middle:>12}{end:>12}  {verdict:<8}{allowed}");
    }
    table
}

struct Row {
    what: &'static str,
    tolerance: Tolerance,
    values: [Option<u64>; 3],
    show: fn(u64) -> String,
}

impl Row {
    fn verdict(&self) -> Verdict {
        Verdict::of(self.values[0], self.values[2], self.tolerance)
    }
}

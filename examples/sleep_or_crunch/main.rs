//! Three kinds of work in four models, and the choice that the figures support.
//!
//! From the articles: `only_sleep` and `crunch_numbers` (which counts to 10,000,000) run four times
//! each: serially, in threads, in processes. The articles then ask which model to choose for which
//! work. This program adds a model, tasks on one loop. It also adds a third kind of work, quick input
//! and output: it reads a file that the system has in memory.
//!
//! ```text
//! cargo run --release --example sleep_or_crunch
//! ```
//!
//! | file | holds |
//! |---|---|
//! | `main.rs` | the lines of the articles, the table, the choice |
//! | `work.rs` | the three kinds of work |
//! | `models.rs` | the four models |
//! | `choice.rs` | the choice of a model by the figures of one kind of work |
//!
//! Notice that sleeping scales with tasks, while crunching needs cores. Notice also the names of the
//! processes and threads that do the work. With `--slow` each worker sleeps a second, as in the
//! article. Otherwise it sleeps a twentieth of a second. The figures of a busy machine may support no
//! choice, and the program says so.

mod choice;
#[path = "../shared/counted.rs"]
mod counted;
#[path = "../shared/demo.rs"]
mod demo;
mod models;
mod work;

use std::error::Error;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use futures::future::join_all;
use oneloop::Runtime;
use oneloop::time::sleep;

use choice::{Expected, Figures};
use counted::counted;
use demo::{Outcome, say};
use models::{MODELS, WORKERS};
use work::{Kind, Work};

/// The number of times that a worker reads the file.
const READS: u64 = 1_000;

/// The number of tasks that sleep at once, to show how far sleeping scales.
const SLEEPERS: usize = 1_000;

/// The number of rounds. Other programs may interrupt a round, but hardly every one, so the best round
/// counts.
const ROUNDS: usize = 3;

fn main() -> ExitCode {
    if let Some(exit_code) = models::child() {
        return exit_code;
    }
    demo::run_timed("Sleeps, crunches and reads in four models, and chooses by the figures.", |slow| {
        let sleep_ms = if slow { 1_000 } else { 50 };
        let cores = thread::available_parallelism()?.get();
        say!("  each kind of work is done by {WORKERS} workers, on {}", counted(cores, "core"));
        let nap = Duration::from_millis(sleep_ms);

        say!("\n  only_sleep: each sleeps {sleep_ms} ms");
        let work = Work { kind: Kind::OnlySleep, amount: sleep_ms, says: true };
        // One round is enough, because the right figures are known: the time of one sleep, or of four.
        let sleeping = measure(work, 1, Expected::AtOnce(nap))?;
        sleep_in_many_tasks(nap)?;

        say!("\n  crunch_numbers: each counts to 10,000,000");
        let work = Work { kind: Kind::CrunchNumbers, amount: 1, says: true };
        let crunching = measure(work, ROUNDS, Expected::TimesAsFast(WORKERS.min(cores)))?;

        say!("\n  read_a_file: each reads {} bytes of this program's file, {READS} times", work::READ_BYTES);
        let work = Work { kind: Kind::ReadAFile, amount: READS, says: false };
        let reading = measure(work, ROUNDS, Expected::Unknown)?;

        table(&sleeping, &crunching, &reading);
        choose(&sleeping, &crunching, &reading);
        Ok(())
    })
}

/// Does the work in every model, in the article's order, `rounds` times. The first round prints the
/// article's lines.
fn measure(work: Work, rounds: usize, expected: Expected) -> Result<Figures, Box<dyn Error>> {
    let mut figures = Figures::new(expected);
    for round in 0..rounds {
        let work = Work { says: work.says && round == 0, ..work };
        for (place, model) in MODELS.iter().enumerate() {
            let began = Instant::now();
            (model.run)(work)?;
            let time = began.elapsed();
            figures.add(place, time);
            if work.says {
                say!("{}{}= {:.3}", model.margin, model.label, time.as_secs_f64());
            }
        }
    }
    Ok(figures)
}

fn sleep_in_many_tasks(time: Duration) -> Outcome {
    let began = Instant::now();
    Runtime::new()?.block_on(join_all((0..SLEEPERS).map(|_| sleep(time))));
    say!("  {SLEEPERS} tasks at once: {:.3}", began.elapsed().as_secs_f64());
    Ok(())
}

fn table(sleeping: &Figures, crunching: &Figures, reading: &Figures) {
    say!(
        "\n  {:<20}{:>12}{:>16}{:>13}",
        "seconds, best round",
        "only_sleep",
        "crunch_numbers",
        "read_a_file"
    );
    for (place, model) in MODELS.iter().enumerate() {
        let [sleep, crunch, read] =
            [sleeping, crunching, reading].map(|figures| figures.best(place).as_secs_f64());
        say!("  {:<20}{sleep:>12.3}{crunch:>16.3}{read:>13.3}", model.name);
    }
}

/// Prints the last lines: the choice that the figures support.
fn choose(sleeping: &Figures, crunching: &Figures, reading: &Figures) {
    say!("\n  the choice by these figures, among tasks, threads and processes: the one that");
    say!("  costs least, of those that take at most {} times as long as the fastest", choice::AS_FAST);
    let rows = [("slow waits", sleeping), ("computing", crunching), ("quick operations", reading)];
    for (purpose, figures) in rows {
        say!("    {purpose:<18}{}", figures.choice(|place| MODELS[place].name));
    }
    say!("  more network traffic than one core serves: a loop on each core");
    say!("  (the example echo_cores of the crate oneloop-cores)");
    if rows.iter().any(|row| row.1.are_doubtful()) {
        say!("  (this machine is busy with other things: run it again when it is idle)");
    }
}

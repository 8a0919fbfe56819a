//! Three kinds of work in four models, and the choice that the figures support.
//!
//! From the articles: `only_sleep` and `crunch_numbers` (which counts to 10,000,000), each four times: serially, in
//! threads, in processes; then the question which model to choose for which work. Here tasks on one loop are a model,
//! too, and quick input and output (reading a file that the system has in memory) is a third kind of work.
//!
//! ```text
//! cargo run --release --example sleep_or_crunch
//! ```
//!
//! Notice that sleeping scales with tasks, while crunching needs cores; and whose processes and threads did the work.
//! `--slow` sleeps a second and crunches half a one; without it both take a tenth of that. The choice is as good as the
//! figures: on a machine that is busy with other things, more threads are not faster.

#[path = "shared/demo.rs"]
mod demo;

use std::env;
use std::error::Error;
use std::fs::File;
use std::hint::black_box;
use std::io::{self, Read};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};

use demo::{Outcome, say};
use futures::future::{join_all, try_join_all};
use oneloop::process::Command;
use oneloop::time::sleep;
use oneloop::{Runtime, unblock};

const WORKERS: usize = 4;

/// How often a worker reads the file.
const READS: u64 = 5_000;
const READ_BYTES: usize = 64 * 1024;

/// How many tasks sleep at once, to see how far sleeping scales.
const SLEEPERS: usize = 1_000;

/// A model is fast enough if it takes at most this many times as long as the fastest.
const AS_FAST: f64 = 1.25;

/// With this argument, a kind of work and its amount, the program is one of the worker processes.
const CHILD: &str = "--child";

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().collect();
    if let [_, flag, kind, amount] = arguments.as_slice()
        && flag == CHILD
    {
        return child(kind, amount);
    }
    demo::run_timed("Sleeps, crunches and reads in four models, and chooses by the figures.", |slow| {
        let (sleep_ms, crunch_ms) = if slow { (1_000, 500) } else { (100, 50) };
        say!("each kind of work is done by {WORKERS} workers, on {} cores", thread::available_parallelism()?);

        say!("\nonly_sleep: each sleeps {sleep_ms} ms");
        let sleeping = compare(Work { kind: Kind::OnlySleep, amount: sleep_ms })?;
        sleep_in_many_tasks(sleep_ms)?;

        let rounds = rounds_within(Duration::from_millis(crunch_ms));
        say!("\ncrunch_numbers: each counts to 10,000,000, {rounds} times over");
        let crunching = compare(Work { kind: Kind::CrunchNumbers, amount: rounds })?;

        say!("\nread_a_file: each reads {READ_BYTES} bytes of this program's file, {READS} times");
        let reading = compare(Work { kind: Kind::ReadAFile, amount: READS })?;

        say!("\nthe choice by these figures, among tasks, threads and processes: the one that costs");
        say!("least, of those that take at most {AS_FAST} times as long as the fastest");
        say!("  slow waits        {}", choice(&sleeping));
        say!("  computing         {}", choice(&crunching));
        say!("  quick operations  {}", choice(&reading));
        Ok(())
    })
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    OnlySleep,
    CrunchNumbers,
    ReadAFile,
}

#[derive(Clone, Copy)]
struct Work {
    kind: Kind,
    /// Milliseconds, rounds, or reads.
    amount: u64,
}

impl Work {
    /// Keeps this thread until it is done.
    fn run(self) -> io::Result<Who> {
        match self.kind {
            Kind::OnlySleep => thread::sleep(Duration::from_millis(self.amount)),
            Kind::CrunchNumbers => (0..self.amount).for_each(|_| crunch_numbers()),
            Kind::ReadAFile => (0..self.amount).try_for_each(|_| read_a_file())?,
        }
        Ok(Who::am_i())
    }

    /// The same as a task: it waits where the loop can wait for it. The system has no such form for files, so that
    /// each read is handed to another thread; and none for computing, of course.
    async fn run_as_task(self) -> io::Result<Who> {
        match self.kind {
            Kind::OnlySleep => sleep(Duration::from_millis(self.amount)).await,
            Kind::CrunchNumbers => (0..self.amount).for_each(|_| crunch_numbers()),
            Kind::ReadAFile => {
                for _ in 0..self.amount {
                    unblock(read_a_file).await?;
                }
            }
        }
        Ok(Who::am_i())
    }
}

/// Not inlined: how fast so short a loop is depends on the code around it, and every model is to run the same one.
#[inline(never)]
fn crunch_numbers() {
    let mut number = 0;
    while number < 10_000_000 {
        // Otherwise the optimiser knows the outcome, and there is no loop left to measure.
        number = black_box(number + 1);
    }
}

fn rounds_within(time: Duration) -> u64 {
    let began = Instant::now();
    crunch_numbers();
    (time.as_nanos() / began.elapsed().as_nanos().max(1)).max(1) as u64
}

fn read_a_file() -> io::Result<()> {
    static PATH: LazyLock<io::Result<PathBuf>> = LazyLock::new(env::current_exe);
    let path = PATH.as_ref().map_err(|error| error.kind())?;
    File::open(path)?.read_exact(&mut [0; READ_BYTES])
}

fn sleep_in_many_tasks(ms: u64) -> Outcome {
    let began = Instant::now();
    Runtime::new()?.block_on(join_all((0..SLEEPERS).map(|_| sleep(Duration::from_millis(ms)))));
    say!("  {:<20}{:.3} s", format!("{SLEEPERS} tasks at once"), began.elapsed().as_secs_f64());
    Ok(())
}

/// Who did the work.
struct Who {
    process: String,
    thread: String,
}

impl Who {
    fn am_i() -> Who {
        let thread = thread::current().name().unwrap_or("?").to_owned();
        Who { process: std::process::id().to_string(), thread }
    }
}

/// In the order of what one worker costs: none of its own, a task, a stack, a process.
const MODELS: [(&str, Model); 4] = [
    ("serially", serially),
    ("tasks on one loop", in_tasks),
    ("threads", in_threads),
    ("processes", in_processes),
];

type Model = fn(Work) -> Workers;
type Workers = Result<Vec<Who>, Box<dyn Error>>;

fn serially(work: Work) -> Workers {
    Ok((0..WORKERS).map(|_| work.run()).collect::<io::Result<_>>()?)
}

fn in_tasks(work: Work) -> Workers {
    Runtime::new()?.block_on(async {
        let tasks: Vec<_> = (0..WORKERS).map(|_| oneloop::spawn(work.run_as_task())).collect();
        Ok(try_join_all(tasks).await?.into_iter().collect::<io::Result<_>>()?)
    })
}

fn in_threads(work: Work) -> Workers {
    let named = |number| thread::Builder::new().name(format!("worker-{number}"));
    let threads: Vec<_> =
        (1..=WORKERS).map(|number| named(number).spawn(move || work.run())).collect::<io::Result<_>>()?;
    threads.into_iter().map(|thread| Ok(thread.join().map_err(|_| "a thread panicked")??)).collect()
}

fn in_processes(work: Work) -> Workers {
    Runtime::new()?.block_on(try_join_all((0..WORKERS).map(|_| in_process(work))))
}

async fn in_process(work: Work) -> Result<Who, Box<dyn Error>> {
    let mut command = Command::new(env::current_exe()?);
    command.args([CHILD, &format!("{:?}", work.kind), &work.amount.to_string()]);
    let output = command.output().await?; // the loop awaits it, on no other thread
    let text = String::from_utf8_lossy(&output.stdout);
    match text.trim_end().split_once(' ') {
        Some((process, thread)) => Ok(Who { process: process.to_owned(), thread: thread.to_owned() }),
        None => Err(format!("a process failed: {}", String::from_utf8_lossy(&output.stderr)).into()),
    }
}

fn child(kind: &str, amount: &str) -> ExitCode {
    let kinds = [Kind::OnlySleep, Kind::CrunchNumbers, Kind::ReadAFile];
    let kind = kinds.into_iter().find(|known| format!("{known:?}") == kind);
    let outcome = match (kind, amount.parse()) {
        (Some(kind), Ok(amount)) => Work { kind, amount }.run(),
        _ => Err(io::ErrorKind::InvalidInput.into()),
    };
    match outcome {
        Ok(who) => {
            say!("{} {}", who.process, who.thread);
            ExitCode::SUCCESS
        }
        Err(error) => {
            demo::complain(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

/// Does the work in every model; returns their times.
fn compare(work: Work) -> Result<[Duration; 4], Box<dyn Error>> {
    let mut times = [Duration::ZERO; 4];
    for ((name, model), time) in MODELS.into_iter().zip(&mut times) {
        let began = Instant::now();
        let workers = model(work)?;
        *time = began.elapsed();
        let processes = distinct(workers.iter().map(|who| &*who.process));
        let threads = distinct(workers.iter().map(|who| &*who.thread));
        say!("  {name:<20}{:.3} s   process {processes}, thread {threads}", time.as_secs_f64());
    }
    Ok(times)
}

fn distinct<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut names: Vec<_> = names.collect();
    names.dedup();
    names.join(" ")
}

/// The cheapest model that is fast enough.
fn choice(times: &[Duration; 4]) -> String {
    let [alone, at_once @ ..] = times.map(|time| time.as_secs_f64());
    let fastest = at_once.into_iter().fold(f64::INFINITY, f64::min);
    let place = at_once.iter().position(|&time| time <= AS_FAST * fastest).expect("the fastest is");
    if at_once[place] > alone {
        return "none of them, serially is faster".to_owned();
    }
    format!("{}, {:.1} times as fast as serially", MODELS[1 + place].0, alone / at_once[place])
}

//! The four models: how the same work is divided among tasks, threads or processes.

use std::env;
use std::error::Error;
use std::io;
use std::process::ExitCode;
use std::thread;

use futures::future::try_join_all;
use oneloop::Runtime;
use oneloop::process::Command;

use crate::demo::{self, Outcome};
use crate::work::{Kind, Work};

pub const WORKERS: usize = 4;

/// The article's name for the process that the user has started.
const MAIN: &str = "MainProcess";

/// With this argument, a worker's number, its kind of work and the amount, the program is one of the
/// worker processes. With `--quiet-child` it does not print the article's line.
const CHILD: &str = "--child";
const QUIET_CHILD: &str = "--quiet-child";

pub struct Model {
    pub name: &'static str,
    /// The text before the time.
    pub label: &'static str,
    /// The indentation of lines that the article doesn't have.
    pub margin: &'static str,
    pub run: fn(Work) -> Outcome,
}

/// The article's three models, and one of this program.
pub const MODELS: [Model; 4] = [
    Model { name: "serially", label: "Serial time", margin: "", run: serially },
    Model { name: "threads", label: "Threads time", margin: "", run: in_threads },
    Model { name: "processes", label: "Parallel time", margin: "", run: in_processes },
    Model { name: "tasks on one loop", label: "Tasks time", margin: "  ", run: in_tasks },
];

fn serially(work: Work) -> Outcome {
    (0..WORKERS).try_for_each(|_| work.run(MAIN))?;
    Ok(())
}

fn in_tasks(work: Work) -> Outcome {
    Runtime::new()?.block_on(async {
        let tasks: Vec<_> = (0..WORKERS).map(|_| oneloop::spawn(work.run_as_task(MAIN))).collect();
        try_join_all(tasks).await?.into_iter().collect::<io::Result<()>>()?;
        Ok(())
    })
}

fn in_threads(work: Work) -> Outcome {
    let named = |number| thread::Builder::new().name(format!("Thread-{number}"));
    let threads: Vec<_> =
        (1..=WORKERS).map(|number| named(number).spawn(move || work.run(MAIN))).collect::<io::Result<_>>()?;
    threads.into_iter().try_for_each(|thread| Ok(thread.join().map_err(|_| "a thread panicked")??))
}

fn in_processes(work: Work) -> Outcome {
    Runtime::new()?.block_on(async {
        try_join_all((1..=WORKERS).map(|number| in_process(number, work))).await?;
        Ok(())
    })
}

async fn in_process(number: usize, work: Work) -> Result<(), Box<dyn Error>> {
    let mut command = Command::new(env::current_exe()?);
    let flag = if work.says { CHILD } else { QUIET_CHILD };
    command.args([flag, &number.to_string(), &format!("{:?}", work.kind), &work.amount.to_string()]);
    let status = command.status().await?; // the loop awaits the child without another thread
    if status.success() { Ok(()) } else { Err(format!("a worker's process failed: {status}").into()) }
}

/// Does the work of a worker's process. Returns `None` in the process that the user has started.
pub fn child() -> Option<ExitCode> {
    let arguments: Vec<_> = env::args_os().skip(1).map(|a| a.into_string().ok()).collect::<Option<_>>()?;
    let [flag, number, kind, amount] = arguments.as_slice() else { return None };
    if ![CHILD, QUIET_CHILD].contains(&flag.as_str()) {
        return None;
    }
    let work = Work { kind: Kind::named(kind)?, amount: amount.parse().ok()?, says: flag == CHILD };
    match work.run(&format!("Process-{number}")) {
        Ok(()) => Some(ExitCode::SUCCESS),
        Err(error) => {
            demo::complain(&error.to_string());
            Some(ExitCode::FAILURE)
        }
    }
}

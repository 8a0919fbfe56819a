//! The three kinds of work: waiting, computing, and quick operations of the system.

use std::env;
use std::fs::File;
use std::hint::black_box;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::LazyLock;
use std::thread;
use std::time::Duration;

use oneloop::time::sleep;
use oneloop::unblock;

use crate::demo::say;

pub const READ_BYTES: usize = 64 * 1024;

#[derive(Clone, Copy, Debug)]
pub enum Kind {
    OnlySleep,
    CrunchNumbers,
    ReadAFile,
}

impl Kind {
    pub fn named(name: &str) -> Option<Kind> {
        [Kind::OnlySleep, Kind::CrunchNumbers, Kind::ReadAFile]
            .into_iter()
            .find(|kind| format!("{kind:?}") == name)
    }
}

#[derive(Clone, Copy)]
pub struct Work {
    pub kind: Kind,
    /// The amount, in milliseconds, rounds or reads.
    pub amount: u64,
    /// Whether the work begins with the article's line.
    pub says: bool,
}

impl Work {
    /// Does the work. Blocks the thread until the work is done.
    pub fn run(self, process: &str) -> io::Result<()> {
        self.say("", process);
        match self.kind {
            Kind::OnlySleep => thread::sleep(Duration::from_millis(self.amount)),
            Kind::CrunchNumbers => (0..self.amount).for_each(|_| crunch_numbers()),
            Kind::ReadAFile => (0..self.amount).try_for_each(|_| read_a_file())?,
        }
        Ok(())
    }

    /// Does the same as a task. A sleep waits on the loop. The system can't report that a file is
    /// ready, so each read is handed to another thread. Computing has no such form and blocks the loop.
    pub async fn run_as_task(self, process: &str) -> io::Result<()> {
        self.say("  ", process);
        match self.kind {
            Kind::OnlySleep => sleep(Duration::from_millis(self.amount)).await,
            Kind::CrunchNumbers => (0..self.amount).for_each(|_| crunch_numbers()),
            Kind::ReadAFile => {
                for _ in 0..self.amount {
                    unblock(read_a_file).await?;
                }
            }
        }
        Ok(())
    }

    fn say(self, margin: &str, process: &str) {
        if self.says {
            let (pid, thread) = (std::process::id(), thread::current());
            let thread = thread.name().unwrap_or("without a name");
            say!("{margin}PID: {pid}, Process Name: {process}, Thread Name: {thread}");
        }
    }
}

/// This function is not inlined, because the speed of so short a loop depends on the code around it,
/// and every model must run the same loop.
#[inline(never)]
fn crunch_numbers() {
    let mut number = 0;
    while number < 10_000_000 {
        // Without `black_box` the optimiser knows the result and removes the loop.
        number = black_box(number + 1);
    }
}

fn read_a_file() -> io::Result<()> {
    static PATH: LazyLock<io::Result<PathBuf>> = LazyLock::new(env::current_exe);
    let path = PATH.as_ref().map_err(|error| error.kind())?;
    File::open(path)?.read_exact(&mut [0; READ_BYTES])
}

//! Child processes: what is written to them comes back, and they end as they are told to.

use std::rc::Rc;

use fastrand::Rng;
use oneloop::future::try_zip;
use oneloop::io::AsyncWriteExt;
use oneloop::process::{Child, Command, Stdio};

use crate::check::Pattern;
use crate::stream::receive_to_end;
use crate::work::{Done, During, Soak};

const WORKERS: usize = 2;
const INPUT_BYTES_MAX: usize = 1 << 18;

pub fn start(soak: &Rc<Soak>) {
    let tally = soak.kind("child processes");
    for _ in 0..WORKERS {
        let pattern = soak.pattern.clone();
        soak.worker(&tally, async move |rng| run(&pattern, rng).await);
    }
}

/// A child that writes what it reads.
fn copier() -> Result<Command, String> {
    #[cfg(unix)]
    let mut command = Command::new("cat");
    #[cfg(not(unix))]
    let mut command = {
        let mut ourselves = Command::new(std::env::current_exe().during("our own program")?);
        ourselves.arg(crate::options::COPY);
        ourselves
    };
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    Ok(command)
}

async fn run(pattern: &Pattern, rng: &mut Rng) -> Result<Done, String> {
    let mut child = copier()?.spawn().during("starting a child")?;
    let message = pattern.message(rng, INPUT_BYTES_MAX);
    match rng.u8(..4) {
        // Killed, and waited for or not.
        0 => {
            child.kill().await.during("killing a child")?;
            Done::bytes(0)
        }
        1 => Done::bytes(0),
        _ => Done::bytes(through(child, message, rng.bool()).await?),
    }
}

/// Its input is closed in one of two ways, because dropping it must lose nothing either.
async fn through(mut child: Child, message: &[u8], close: bool) -> Result<u64, String> {
    let mut stdin = child.stdin.take().ok_or("a child without standard input")?;
    let stdout = child.stdout.take().ok_or("a child without standard output")?;
    let feed = async move {
        stdin.write_all(message).await.during("writing to a child")?;
        if close {
            stdin.close().await.during("closing a child's input")?;
        }
        Ok(())
    };
    let (_, bytes) = try_zip(feed, receive_to_end(stdout, message)).await?;
    let status = child.wait().await.during("waiting for a child")?;
    if status.success() { Ok(bytes) } else { Err(format!("a child ended with {status}")) }
}

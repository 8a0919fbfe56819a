//! Child processes. They return the bytes that are written to them, and they end as expected.

use std::rc::Rc;

use fastrand::Rng;
use oneloop::future::try_zip;
use oneloop::io::AsyncWriteExt;
use oneloop::process::{Child, Command, ExitStatus, Stdio};

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

/// Makes the command of a child that writes the bytes that it reads.
fn copier() -> Result<Command, String> {
    #[cfg(unix)]
    let mut command = Command::new("cat");
    #[cfg(not(unix))]
    let mut command = {
        let mut ourselves = Command::new(std::env::current_exe().during("our own program")?);
        ourselves.arg(crate::options::COPY);
        ourselves
    };
    // The terminal sends Ctrl+C to every process of its group. The child has a group of its own, so
    // that operations under way can finish.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command.as_std_mut(), 0);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    Ok(command)
}

async fn run(pattern: &Pattern, rng: &mut Rng) -> Result<Done, String> {
    let mut child = copier()?.spawn().during("starting a child")?;
    let message = pattern.message(rng, INPUT_BYTES_MAX);
    match rng.u8(..4) {
        // The child is killed: by `kill`, or by the drop of its handle.
        0 => {
            child.kill().await.during("killing a child")?;
            Done::bytes(0)
        }
        1 => Done::bytes(0),
        _ => match through(&mut child, message, rng.bool()).await {
            Ok(bytes) => Done::bytes(bytes),
            Err(reason) => {
                child.kill().await.during(&reason)?;
                let status = child.wait().await.during(&reason)?;
                if was_interrupted(status) { Done::bytes(0) } else { Err(reason) }
            }
        },
    }
}

/// Returns whether a request to end has ended the child as well. Between the fork and the change of its
/// group, the child is in our group, and a signal from the terminal reaches it.
fn was_interrupted(status: ExitStatus) -> bool {
    #[cfg(unix)]
    {
        use oneloop::signal::SignalKind;
        let signal = std::os::unix::process::ExitStatusExt::signal(&status);
        [SignalKind::INTERRUPT, SignalKind::TERMINATE].iter().any(|kind| signal == Some(kind.number()))
    }
    #[cfg(not(unix))]
    {
        const CONTROL_C_EXIT: i32 = 0xC000_013A_u32 as i32;
        status.code() == Some(CONTROL_C_EXIT)
    }
}

/// Writes a message to a child and checks its output. The input is closed in one of two ways, because
/// dropping it must not lose bytes either.
async fn through(child: &mut Child, message: &[u8], close: bool) -> Result<u64, String> {
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

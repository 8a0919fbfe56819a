//! Signals and child processes on the loop, as in asyncio's low-level interface. Neither needs a
//! thread.
//!
//! ```text
//! cargo run --example signals_and_children
//! ```
//!
//! Notice that every listener of a signal receives every delivery. The loop awaits the end of a child
//! like a socket, here of ten children at once. A child that takes too long is killed when its handle
//! is dropped, and no zombie is left. Operations that can't work return the reason.

#[path = "shared/demo.rs"]
mod demo;

use std::process::ExitCode;

const ABOUT: &str = "Signals and child processes on the loop. (It needs Unix and its usual programs.)";

#[cfg(not(unix))]
fn main() -> ExitCode {
    demo::run(ABOUT, || Err("there are no Unix signals on this system".into()))
}

#[cfg(unix)]
fn main() -> ExitCode {
    demo::run(ABOUT, || {
        oneloop::Runtime::new()?.block_on(async {
            unix::every_listener_receives_a_signal().await?;
            unix::ten_children_at_once().await?;
            unix::through_pipes().await?;
            unix::too_slow_a_child().await?;
            unix::what_cannot_work().await
        })
    })
}

#[cfg(unix)]
mod unix {
    use std::time::{Duration, Instant};

    use futures::future::try_join_all;
    use oneloop::io::{AsyncReadExt, AsyncWriteExt};
    use oneloop::process::{Command, Stdio};
    use oneloop::signal::{Signal, SignalKind};
    use oneloop::time::timeout;

    use crate::demo::{Outcome, say};

    pub async fn every_listener_receives_a_signal() -> Outcome {
        say!("a child sends this process SIGUSR1, twice:");
        let (mut first, mut second) = (Signal::new(SignalKind::USER1)?, Signal::new(SignalKind::USER1)?);
        for delivery in 1..=2 {
            let me = std::process::id().to_string();
            let status = Command::new("kill").args(["-USR1", &me]).status().await?;
            first.recv().await?;
            second.recv().await?;
            say!("  delivery {delivery}: both listeners received it; the child has ended: {status}");
        }
        Ok(())
    }

    pub async fn ten_children_at_once() -> Outcome {
        say!("ten children that sleep for 100 ms:");
        let start = Instant::now();
        let statuses = try_join_all((0..10).map(|n| shell(format!("sleep 0.1; exit {n}")))).await?;
        let codes: Vec<_> = statuses.iter().map(|status| status.code().unwrap_or(-1)).collect();
        say!("  exit codes {codes:?}, all after {:.1} s", start.elapsed().as_secs_f64());
        Ok(())
    }

    async fn shell(script: String) -> std::io::Result<std::process::ExitStatus> {
        Command::new("sh").args(["-c", &script]).status().await
    }

    pub async fn through_pipes() -> Outcome {
        say!("a child's standard input and output are streams:");
        let mut child =
            Command::new("tr").args(["a-z", "A-Z"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut stdin = child.stdin.take().expect("it is piped");
        stdin.write_all(b"hello from the loop").await?;
        drop(stdin); // `tr` waits for the end of its input
        let mut text = Vec::new();
        child.stdout.take().expect("it is piped").read_to_end(&mut text).await?;
        say!("  tr says {:?}, and ended with {}", String::from_utf8_lossy(&text), child.wait().await?);
        Ok(())
    }

    pub async fn too_slow_a_child() -> Outcome {
        say!("a child that would take a minute gets 50 ms:");
        let minute = async { Command::new("sleep").arg("60").kill_on_drop(true).status().await };
        match timeout(Duration::from_millis(50), minute).await {
            Ok(status) => say!("  it ended by itself: {}", status?),
            Err(elapsed) => say!("  {elapsed}; its handle is dropped, which kills and reaps it"),
        }
        Ok(())
    }

    pub async fn what_cannot_work() -> Outcome {
        say!("operations that can't work return the reason:");
        if let Err(error) = Command::new("no-such-program").status().await {
            say!("  {error}");
        }
        if let Err(error) = Signal::new(SignalKind::from(9)) {
            say!("  {error}");
        }
        let mut child = Command::new("false").spawn()?;
        say!("  `false` has ended: {}", child.wait().await?);
        Ok(())
    }
}

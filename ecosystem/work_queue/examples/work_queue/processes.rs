//! Worker processes. Each is this program with the command `work`.

use std::time::Duration;

use oneloop::io::{AsyncBufReadExt, BufReader};
use oneloop::process::{Child, Command, Stdio};
use oneloop::time::sleep;
use oneloop::{JoinHandle, JoinSet};
use tokio::sync::watch;

use crate::options::{Options, URL_VARIABLE};
use crate::process::{complain, say};

/// The pause before a dead process is replaced.
const PAUSE: Duration = Duration::from_millis(500);

pub struct Processes {
    running: JoinSet<()>,
    stop: watch::Sender<bool>,
}

impl Processes {
    /// Starts the processes. Each stops when its standard input ends. This process closes that input to
    /// stop it, and the system closes it at the end of this process.
    pub fn start(options: &Options) -> Processes {
        let (stop, stopping) = watch::channel(false);
        let mut running = JoinSet::new();
        for number in 1..=options.workers {
            running.spawn(keep_running(number, options.clone(), stopping.clone()));
        }
        Processes { running, stop }
    }

    /// Makes the processes end in order, and waits for their ends.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        while self.running.join_next().await.is_some() {}
    }
}

/// Runs one worker process after the other, until `stopping`.
async fn keep_running(number: usize, options: Options, mut stopping: watch::Receiver<bool>) {
    while !*stopping.borrow() {
        let (mut child, lines) = match start(number, &options) {
            Ok(started) => started,
            Err(error) => return complain(&format!("worker {number} can't be started: {error}")),
        };
        let input = child.stdin.take();
        let asked = async {
            let _ = stopping.wait_for(|stop| *stop).await;
            drop(input);
            std::future::pending().await
        };
        let ended = oneloop::future::or(child.wait(), asked).await;
        let _ = lines.await; // The task ends after the last line of the process.
        match ended {
            _ if *stopping.borrow() => return,
            Ok(status) => complain(&format!("worker {number} has ended: {status}; its replacement starts")),
            Err(error) => complain(&format!("worker {number}: {error}")),
        }
        sleep(PAUSE).await;
    }
}

fn start(number: usize, options: &Options) -> std::io::Result<(Child, JoinHandle<()>)> {
    let mut command = Command::new(std::env::current_exe()?);
    let ms = |time: Duration| time.as_millis().to_string();
    command.args(["work", "--until-eof", "--redis", "-", "--queue", &options.queue]);
    command.args([
        "--at-once",
        &options.at_once.to_string(),
        "--attempts",
        &options.attempts_max.to_string(),
    ]);
    command.args(["--work", &ms(options.work), "--fail", &options.fail_every.to_string()]);
    command.args(["--pause", &ms(options.pause), "--job-timeout", &ms(options.job_timeout)]);
    command.args(["--heartbeat", &ms(options.heartbeat), "--grace", &ms(options.grace)]);
    if let Some(file) = &options.record {
        command.arg("--record").arg(file);
    }
    if options.quiet {
        command.arg("--quiet");
    }
    command.env(URL_VARIABLE, options.url.as_deref().unwrap_or_default());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
    let process = child.id().unwrap_or_default();
    say(&format!("worker {number} is process {process}"));
    let output = child.stdout.take();
    let lines = oneloop::spawn(async move {
        let Some(output) = output else { return };
        let (mut output, mut line) = (BufReader::new(output), String::new());
        while matches!(output.read_line(&mut line).await, Ok(1..)) {
            say(&format!("[{number}] {}", line.trim_end()));
            line.clear();
        }
    });
    Ok((child, lines))
}

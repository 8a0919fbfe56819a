//! This file starts programs by the runtime itself, so no thread waits for them.

use std::path::Path;
use std::time::{Duration, Instant};

use common::runner::skip;
use futures::StreamExt;
use oneloop::io::{AsyncBufReadExt, AsyncRead, BufReader};
use oneloop::process::{Child, Command, Stdio};
use oneloop::signal::SignalKind;
use tempfile::TempDir;

use super::{LIMIT, within};

/// The time in which a server has to end after its signal, before it is killed.
const GRACE: Duration = Duration::from_secs(10);

/// A server that a test has started. Its drop, also during a panic, sends the server a signal to end,
/// and waits for the end.
pub struct Server {
    child: Child,
    end: SignalKind,
    /// The server's files. They are removed after its end.
    folder: TempDir,
}

impl Server {
    /// Starts a server, and waits until `output` has a line that contains `ready`. Returns the server
    /// with that line, or `None` if the server has ended before it.
    pub async fn start<R: AsyncRead + Unpin + 'static>(
        command: &mut Command,
        output: impl FnOnce(&mut Child) -> R,
        ready: &str,
        end: SignalKind,
        folder: TempDir,
    ) -> Option<(Server, String)> {
        let mut child = command.stdin(Stdio::null()).spawn().expect("the server can be started");
        let output = output(&mut child);
        let server = Server { child, end, folder };
        let mut lines = BufReader::new(output).lines();
        let line = within(async {
            loop {
                let line = lines.next().await?.expect("its output is text");
                if line.contains(ready) {
                    break Some(line);
                }
                eprintln!("{line}"); // The test program shows the line if the test fails.
            }
        })
        .await?;
        // A full pipe would block the server.
        drop(oneloop::spawn(async move {
            while let Some(Ok(line)) = lines.next().await {
                eprintln!("{line}")
            }
        }));
        Some((server, line))
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.signal(self.end);
        let begun = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) {
            if begun.elapsed() > GRACE {
                let _ = self.child.start_kill();
            }
            std::thread::sleep(Duration::from_millis(1)); // The loop has ended.
        }
    }
}

/// Returns whether a program is installed. If not, a message says that the test is skipped.
pub fn has_program(test: &str, program: &Path, remedy: &str) -> bool {
    let found = std::process::Command::new(program).arg("--version").output().is_ok();
    if !found {
        skip(test, &format!("there is no {}", program.display()), remedy);
    }
    found
}

/// Returns whether Python has a module. If not, a message says that the test is skipped.
pub fn has_python_module(test: &str, module: &str, package: &str) -> bool {
    let import = format!("import {module}");
    let found = std::process::Command::new("python3")
        .args(["-c", &import])
        .output()
        .is_ok_and(|output| output.status.success());
    if !found {
        skip(test, &format!("python3 has no module {module}"), &format!("pip install {package}"));
    }
    found
}

/// Returns the command of a Python program in the folder `clients`.
pub fn client(name: &str) -> Command {
    let mut command = Command::new("python3");
    command
        .arg("-u") // `-u` makes Python write each line at once.
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(name))
        .stdin(Stdio::null());
    command
}

/// Runs a program until its exit, which must be a success, and returns its output.
pub async fn output_of(command: &mut Command) -> String {
    let output = within(command.kill_on_drop(true).output()).await.expect("the program can be started");
    let [stdout, stderr] =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(output.status.success(), "{}, in {LIMIT:?}\n{stdout}\n{stderr}", output.status);
    stdout
}

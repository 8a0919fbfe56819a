//! Programs that a test starts, by the runtime itself: no thread waits for them.

use std::path::Path;
use std::time::{Duration, Instant};

use common::runner::skip;
use futures::StreamExt;
use oneloop::io::{AsyncBufReadExt, AsyncRead, BufReader};
use oneloop::process::{Child, Command, Stdio};
use oneloop::signal::SignalKind;
use tempfile::TempDir;

use super::{LIMIT, within};

/// How long a server may take to end after its signal, before it is killed.
const GRACE: Duration = Duration::from_secs(10);

/// A server that a test has started. When this is dropped, also by a panic, the server is asked to
/// end and its end is awaited.
pub struct Server {
    child: Child,
    end: SignalKind,
    /// The server's files, removed after its end.
    folder: TempDir,
}

impl Server {
    /// Starts a server, and waits until `output` gives it a line that contains `ready`. Returns it
    /// with that line, or `None` if the server has ended before.
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
                eprintln!("{line}"); // The test shows it if it fails.
            }
        })
        .await?;
        // A pipe that is full would hold the server up.
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
            std::thread::sleep(Duration::from_millis(1)); // The test is over, and the loop with it.
        }
    }
}

/// Whether a program is installed. If not, the test says that it is skipped.
pub fn has_program(test: &str, program: &Path, remedy: &str) -> bool {
    let found = std::process::Command::new(program).arg("--version").output().is_ok();
    if !found {
        skip(test, &format!("there is no {}", program.display()), remedy);
    }
    found
}

/// Whether Python has a module. If not, the test says that it is skipped.
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

/// A Python program of the folder `clients`.
pub fn client(name: &str) -> Command {
    let mut command = Command::new("python3");
    command
        .arg("-u") // Each line at once.
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(name))
        .stdin(Stdio::null());
    command
}

/// Runs a program to its end, which must be a success, and returns what it wrote.
pub async fn output_of(command: &mut Command) -> String {
    let output = within(command.kill_on_drop(true).output()).await.expect("the program can be started");
    let [stdout, stderr] =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(output.status.success(), "{}, in {LIMIT:?}\n{stdout}\n{stderr}", output.status);
    stdout
}

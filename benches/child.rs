//! The child processes. The benchmark starts itself again, in a process of its own, and measures this
//! process.
//!
//! A new process has a new heap and a memory layout of its own. If a peer crashes, only its own figures
//! are lost.

use std::io::{self, Read};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::counting::Valgrind;
use crate::sys::{self, CpuClock};
use crate::{operations, peers, servers};

/// The hidden first word of a child's command line.
pub const MARKER: &str = "__child";

/// The task of a child process.
pub enum Role {
    /// The child serves on the listener that is its standard input.
    Serve { server: &'static peers::Server, core: usize, buffer_bytes: usize, interpreter: Option<PathBuf> },
    /// The child measures an operation and prints its figures.
    Operate {
        executor: &'static peers::Candidate,
        case: &'static operations::Case,
        setting: operations::Setting,
    },
}

impl Role {
    fn words(&self) -> Vec<String> {
        match self {
            Role::Serve { server, core, buffer_bytes, interpreter } => {
                let mut words =
                    vec!["serve".into(), server.name.into(), core.to_string(), buffer_bytes.to_string()];
                words.extend(interpreter.as_deref().map(Path::to_string_lossy).map(String::from));
                words
            }
            Role::Operate { executor, case, setting } => {
                let mut words = vec!["operate".into(), executor.name.into(), case.name.clone()];
                words.extend(setting.words());
                words
            }
        }
    }

    pub fn from_words(words: &[String]) -> Result<Role, String> {
        let role = match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            ["serve", server, core, buffer_bytes, ref interpreter @ ..] => {
                let mut servers = peers::SERVERS.iter().chain(peers::HTTP_SERVERS.iter());
                let server = servers.find(|known| known.name == server);
                let numbers = core.parse().ok().zip(buffer_bytes.parse().ok());
                let interpreter = interpreter.first().map(PathBuf::from);
                server.zip(numbers).map(|(server, (core, buffer_bytes))| Role::Serve {
                    server,
                    core,
                    buffer_bytes,
                    interpreter,
                })
            }
            ["operate", executor, case, ref setting @ ..] => {
                let executor = peers::EXECUTORS.iter().find(|known| known.name == executor);
                let case = operations::CASES.iter().find(|known| known.name == case);
                let setting = operations::Setting::from_words(setting);
                executor.zip(case).zip(setting).map(|((executor, case), setting)| Role::Operate {
                    executor,
                    case,
                    setting,
                })
            }
            _ => None,
        };
        role.ok_or_else(|| format!("{MARKER} is reserved for the benchmark itself"))
    }

    /// Starts a child process, under valgrind if `under` names it.
    fn start(&self, input: Stdio, under: Option<&Valgrind>) -> Result<Child, String> {
        let mut command = match under {
            Some(valgrind) => valgrind.command(),
            None => {
                let program = std::env::current_exe();
                Command::new(program.map_err(|error| format!("cannot find this program: {error}"))?)
            }
        };
        command.arg(MARKER).args(self.words());
        command.stdin(input).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().map_err(|error| format!("cannot start a process: {error}"))
    }
}

/// Runs the role in the child process.
pub fn become_role(role: &Role) -> Result<(), String> {
    let message = |error: io::Error| error.to_string();
    sys::end_with_parent().map_err(message)?;
    match role {
        Role::Serve { server, core, buffer_bytes, interpreter } => {
            sys::pin_to(*core).map_err(message)?;
            match (&server.serve, interpreter) {
                (peers::Serve::Here(serve), _) => {
                    let listener: OwnedFd = io::stdin().as_fd().try_clone_to_owned().map_err(message)?;
                    serve(TcpListener::from(listener), *buffer_bytes).map_err(message)
                }
                // The interpreter replaces this process, so that the clock, the core and the end of this
                // process are those of the server.
                (peers::Serve::Script(script), Some(interpreter)) => Err(message(script.serve(interpreter))),
                (peers::Serve::Script(_), None) => Err("the script's interpreter is not known".into()),
            }
        }
        Role::Operate { executor, case, setting } => {
            sys::pin_to(setting.core).map_err(message)?;
            let figures = (executor.measure)(case, setting)?;
            let words: Vec<String> = figures.iter().map(f64::to_string).collect();
            println!("{}", words.join(" "));
            // Some peers still have threads or a hundred thousand parked tasks here. Their shutdown is
            // not measured.
            std::process::exit(0)
        }
    }
}

/// Starts a child process that measures an operation, and returns its figures.
pub fn operate(role: &Role, under: Option<&Valgrind>, limit: Duration) -> Result<Vec<f64>, String> {
    let mut child = role.start(Stdio::null(), under)?;
    let (mut output, errors) = (child.stdout.take(), child.stderr.take());
    let (sender, receiver) = mpsc::channel();
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        let outcome = output.as_mut().map_or(Ok(0), |output| output.read_to_string(&mut text));
        // After the time limit the receiver is dropped.
        let _ = sender.send(outcome.map(|_| text));
    });
    let answer = receiver.recv_timeout(limit);
    if answer.is_err() {
        // The call fails if the child has ended in this moment. Then there is no process to kill.
        let _ = child.kill();
    }
    let status = child.wait().map_err(|error| error.to_string())?;
    let _ = reader.join();
    let text = match answer {
        Ok(text) => text.map_err(|error| error.to_string())?,
        Err(_) => return Err(format!("no answer within {} s", limit.as_secs())),
    };
    if !status.success() {
        return Err(error_message(errors).unwrap_or_else(|| status.to_string()));
    }
    let figures: Result<Vec<f64>, _> = text.split_whitespace().map(str::parse).collect();
    figures.map_err(|_| format!("unreadable answer: {text}"))
}

/// Returns the error message of a process that failed, on one line.
fn error_message(errors: Option<impl Read>) -> Option<String> {
    let mut text = String::new();
    errors?.read_to_string(&mut text).ok()?;
    // The place of a panic and its thread say less than its message.
    let panic = |line: &str| line.starts_with("thread '") && line.contains(" panicked at ");
    let is_filler = |line: &str| line.is_empty() || line.starts_with("note:") || panic(line);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !is_filler(line)).collect();
    // The interpreters of other languages write the error between the lines of its stack trace.
    let error = lines.iter().rfind(|line| line.contains("Error: "));
    let text = error.map_or_else(|| lines.join(" "), |line| line.to_string());
    let line: String = text.chars().take(160).collect();
    (!line.is_empty()).then_some(line)
}

/// A server in a process of its own. Dropping this value ends the process.
pub struct ServerProcess {
    child: Child,
    pub address: SocketAddr,
    pub clock: CpuClock,
}

impl ServerProcess {
    /// Starts the server on a listener that is already open, so that a client can connect at once.
    pub fn start(
        subject: &servers::Subject,
        core: usize,
        buffer_bytes: usize,
        listener: TcpListener,
        under: Option<&Valgrind>,
    ) -> Result<ServerProcess, String> {
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        let interpreter = subject.interpreter.as_ref().map(|found| found.path.clone());
        let role = Role::Serve { server: subject.server, core, buffer_bytes, interpreter };
        let child = role.start(Stdio::from(OwnedFd::from(listener)), under)?;
        let clock = CpuClock::of_process(child.id()).map_err(|error| error.to_string())?;
        Ok(ServerProcess { child, address, clock })
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Returns the reason why the server has ended, or `None` while it runs.
    pub fn failure(&mut self) -> Option<String> {
        // The connections of a server that fails end a moment before its process ends.
        std::thread::sleep(Duration::from_millis(50));
        let status = self.child.try_wait().ok()??;
        Some(error_message(self.child.stderr.take()).unwrap_or_else(|| format!("the server ended: {status}")))
    }
}

impl ServerProcess {
    /// Ends the server by `SIGTERM`, so that valgrind writes its counts.
    ///
    /// # Errors
    ///
    /// The error is a message, if the signal can't be sent or if the server runs for 10 s longer.
    pub fn end(mut self) -> Result<(), String> {
        const WAIT_MAX: Duration = Duration::from_secs(10);
        sys::terminate(self.id()).map_err(|error| error.to_string())?;
        let start = Instant::now();
        while self.child.try_wait().map_err(|error| error.to_string())?.is_none() {
            if start.elapsed() > WAIT_MAX {
                return Err(format!("the server did not end within {} s", WAIT_MAX.as_secs()));
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // Both calls fail only if the process has already ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

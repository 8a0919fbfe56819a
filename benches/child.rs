//! This program started again, in a process of its own, to be measured.
//!
//! A fresh process has a fresh heap and a memory layout of its own, and a peer that crashes takes only its own
//! figures with it.

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

/// What a child is for.
pub enum Role {
    /// Serve on the listener that is this process's standard input.
    Serve { server: &'static peers::Server, core: usize, buffer_bytes: usize, interpreter: Option<PathBuf> },
    /// Measure an operation and print its figures.
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
        role.ok_or_else(|| format!("{MARKER} is for the benchmark's own use"))
    }

    /// Starts a child, under valgrind if that is given.
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

/// The child's side: does what the role says.
pub fn become_role(role: &Role) -> Result<(), String> {
    let told = |error: io::Error| error.to_string();
    sys::end_with_parent().map_err(told)?;
    match role {
        Role::Serve { server, core, buffer_bytes, interpreter } => {
            sys::pin_to(*core).map_err(told)?;
            match (&server.serve, interpreter) {
                (peers::Serve::Here(serve), _) => {
                    let listener: OwnedFd = io::stdin().as_fd().try_clone_to_owned().map_err(told)?;
                    serve(TcpListener::from(listener), *buffer_bytes).map_err(told)
                }
                // In this same process, so that its clock, its core and its end are those of the server.
                (peers::Serve::Script(script), Some(interpreter)) => Err(told(script.serve(interpreter))),
                (peers::Serve::Script(_), None) => Err("the script's interpreter is not known".into()),
            }
        }
        Role::Operate { executor, case, setting } => {
            sys::pin_to(setting.core).map_err(told)?;
            let figures = (executor.measure)(case, setting)?;
            let words: Vec<String> = figures.iter().map(f64::to_string).collect();
            println!("{}", words.join(" "));
            // Some peers have threads or a hundred thousand parked tasks left: none of that is measured.
            std::process::exit(0)
        }
    }
}

/// Has a child measure an operation.
pub fn operate(role: &Role, under: Option<&Valgrind>, limit: Duration) -> Result<Vec<f64>, String> {
    let mut child = role.start(Stdio::null(), under)?;
    let (mut output, errors) = (child.stdout.take(), child.stderr.take());
    let (sender, receiver) = mpsc::channel();
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        let outcome = output.as_mut().map_or(Ok(0), |output| output.read_to_string(&mut text));
        // The receiver has gone when the time was over.
        let _ = sender.send(outcome.map(|_| text));
    });
    let answer = receiver.recv_timeout(limit);
    if answer.is_err() {
        // It may have ended in this moment; then there is nothing to kill.
        let _ = child.kill();
    }
    let status = child.wait().map_err(|error| error.to_string())?;
    let _ = reader.join();
    let text = match answer {
        Ok(text) => text.map_err(|error| error.to_string())?,
        Err(_) => return Err(format!("no answer within {} s", limit.as_secs())),
    };
    if !status.success() {
        return Err(last_words(errors).unwrap_or_else(|| status.to_string()));
    }
    let figures: Result<Vec<f64>, _> = text.split_whitespace().map(str::parse).collect();
    figures.map_err(|_| format!("unreadable answer: {text}"))
}

/// What a process that failed wrote last, on one line.
fn last_words(errors: Option<impl Read>) -> Option<String> {
    let mut text = String::new();
    errors?.read_to_string(&mut text).ok()?;
    // Where a panic happened, and in which thread, says less than its message.
    let panic = |line: &str| line.starts_with("thread '") && line.contains(" panicked at ");
    let wordy = |line: &str| line.is_empty() || line.starts_with("note:") || panic(line);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !wordy(line)).collect();
    // In other languages the error stands in the middle of the places that it went through.
    let error = lines.iter().rfind(|line| line.contains("Error: "));
    let said = error.map_or_else(|| lines.join(" "), |line| line.to_string());
    let line: String = said.chars().take(160).collect();
    (!line.is_empty()).then_some(line)
}

/// A server in a process of its own; dropping it ends the process.
pub struct ServerProcess {
    child: Child,
    pub address: SocketAddr,
    pub clock: CpuClock,
}

impl ServerProcess {
    /// Starts the server on a listener that is open already: a client may connect at once.
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

    /// The reason why the server is no more; `None` while it runs.
    pub fn failure(&mut self) -> Option<String> {
        // A server that breaks ends its connections a moment before its process.
        std::thread::sleep(Duration::from_millis(50));
        let status = self.child.try_wait().ok()??;
        Some(last_words(self.child.stderr.take()).unwrap_or_else(|| format!("the server ended: {status}")))
    }
}

impl ServerProcess {
    /// Ends the server in order, so that valgrind writes what it has counted.
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
        // Both fail only if the process has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

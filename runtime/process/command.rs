//! `Command`, a program to start and its options.

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::process::{ExitStatus, Output, Stdio};
use std::rc::Rc;

use futures_lite::{AsyncRead, future};

use super::Child;
use crate::engine::context;
use crate::engine::happening::Happening;

const SPAWNED: &str = "a oneloop child was spawned";

/// A program to start. It is a [`std::process::Command`] whose children the loop awaits.
///
/// The [inner command](Command::as_std_mut) has the options without a method here (user, process
/// group, code between fork and exec). A program may start a command several times.
///
/// # Examples
///
/// ```ignore-windows
/// # fn main() -> std::io::Result<()> {
/// use oneloop::process::Command;
///
/// oneloop::block_on(async {
///     let mut sh = Command::new("sh");
///     sh.args(["-c", "echo $GREETING from $PWD"]).env("GREETING", "hello").current_dir("/");
///     assert_eq!(sh.output().await?.stdout, b"hello from /\n");
/// #   Ok(())
/// })
/// # }
/// ```
#[derive(Debug)]
pub struct Command {
    std: std::process::Command,
    /// Whether the program has set stdin, stdout and stderr, because std does not expose it.
    chosen: [bool; 3],
    kill_on_drop: bool,
}

impl Command {
    /// Creates a command that starts `program`. The search for `program` is the same as in std. The
    /// command has no arguments, and the child has the environment and the directory of this
    /// process.
    pub fn new(program: impl AsRef<OsStr>) -> Command {
        std::process::Command::new(program).into()
    }

    /// Appends an argument.
    pub fn arg(&mut self, arg: impl AsRef<OsStr>) -> &mut Command {
        self.std.arg(arg);
        self
    }

    /// Appends several arguments.
    pub fn args(&mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> &mut Command {
        self.std.args(args);
        self
    }

    /// Sets an environment variable.
    pub fn env(&mut self, key: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> &mut Command {
        self.std.env(key, value);
        self
    }

    /// Sets several environment variables.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut command = oneloop::process::Command::new("sh");
    /// command.envs([("LANG", "C"), ("TZ", "UTC")]);
    /// assert_eq!(command.as_std().get_envs().count(), 2);
    /// ```
    pub fn envs<K: AsRef<OsStr>, V: AsRef<OsStr>>(
        &mut self,
        vars: impl IntoIterator<Item = (K, V)>,
    ) -> &mut Command {
        self.std.envs(vars);
        self
    }

    /// Removes a variable from the child's environment.
    ///
    /// # Examples
    ///
    /// ```
    /// oneloop::process::Command::new("sh").env_remove("LD_PRELOAD");
    /// ```
    pub fn env_remove(&mut self, key: impl AsRef<OsStr>) -> &mut Command {
        self.std.env_remove(key);
        self
    }

    /// Clears the child's environment: the child inherits no variable, and all variables that were
    /// set before are removed.
    ///
    /// # Examples
    ///
    /// ```
    /// oneloop::process::Command::new("/bin/sh").env_clear().env("PATH", "/bin");
    /// ```
    pub fn env_clear(&mut self) -> &mut Command {
        self.std.env_clear();
        self
    }

    /// Sets the child's working directory.
    pub fn current_dir(&mut self, dir: impl AsRef<Path>) -> &mut Command {
        self.std.current_dir(dir);
        self
    }

    /// Sets the child's standard input. The default is the standard input of this process for
    /// [`spawn`](Command::spawn) and [`status`](Command::status), and an empty input for
    /// [`output`](Command::output). [`ChildStdin`](super::ChildStdin) has an example.
    pub fn stdin(&mut self, stdin: impl Into<Stdio>) -> &mut Command {
        self.std.stdin(stdin);
        self.chosen[0] = true;
        self
    }

    /// Sets the child's standard output. The default is the standard output of this process for
    /// [`spawn`](Command::spawn) and [`status`](Command::status), and a pipe for
    /// [`output`](Command::output). [`ChildStdout`](super::ChildStdout) has an example.
    pub fn stdout(&mut self, stdout: impl Into<Stdio>) -> &mut Command {
        self.std.stdout(stdout);
        self.chosen[1] = true;
        self
    }

    /// Sets the child's standard error. The defaults are those of [`stdout`](Command::stdout).
    ///
    /// # Examples
    ///
    /// ```ignore-windows
    /// # fn main() -> std::io::Result<()> {
    /// use oneloop::process::{Command, Stdio};
    ///
    /// oneloop::block_on(async {
    ///     let mut ls = Command::new("ls");
    ///     let status = ls.arg("/no/such/file").stderr(Stdio::null()).status().await?;
    ///     assert!(!status.success());
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub fn stderr(&mut self, stderr: impl Into<Stdio>) -> &mut Command {
        self.std.stderr(stderr);
        self.chosen[2] = true;
        self
    }

    /// Sets whether the drop of a [`Child`] kills the child. The drop of a cancelled future or of
    /// the runtime also drops the `Child`. By default the child continues to run.
    ///
    /// # Examples
    ///
    /// ```ignore-windows
    /// # fn main() {
    /// use std::time::Duration;
    /// use oneloop::process::Command;
    /// use oneloop::time::timeout;
    ///
    /// oneloop::block_on(async {
    ///     let mut sleep = Command::new("sleep");
    ///     sleep.arg("1000").kill_on_drop(true);
    ///     assert!(timeout(Duration::from_millis(10), sleep.status()).await.is_err());
    /// });
    /// # }
    /// ```
    pub fn kill_on_drop(&mut self, kill_on_drop: bool) -> &mut Command {
        self.kill_on_drop = kill_on_drop;
        self
    }

    /// Returns the inner command of std.
    ///
    /// # Examples
    ///
    /// ```
    /// let command = oneloop::process::Command::new("sh");
    /// assert_eq!(command.as_std().get_program(), "sh");
    /// ```
    pub fn as_std(&self) -> &std::process::Command {
        &self.std
    }

    /// Returns the inner command of std, for options that have no method here. Set the three
    /// streams with the methods of this type, because [`output`](Command::output) replaces streams
    /// that are set on the inner command.
    ///
    /// # Examples
    ///
    /// ```ignore-windows
    /// # fn main() {
    /// use std::os::unix::process::CommandExt;
    ///
    /// let mut command = oneloop::process::Command::new("sh");
    /// command.as_std_mut().process_group(0);
    /// # }
    /// ```
    pub fn as_std_mut(&mut self) -> &mut std::process::Command {
        &mut self.std
    }

    /// Starts a child, which runs without being awaited.
    ///
    /// The call blocks until the system has started the program, for about a millisecond.
    ///
    /// # Errors
    ///
    /// The call returns the operating system's error, for example `NotFound` or `PermissionDenied`
    /// for the program or the directory. The message names the program.
    ///
    /// # Panics
    ///
    /// The call panics outside a runtime.
    #[track_caller]
    pub fn spawn(&mut self) -> io::Result<Child> {
        let core = context::with(SPAWNED, Rc::clone); // panics before a child is started
        let child = self.std.spawn().map_err(|error| self.explain(&error))?;
        let process = child.id();
        context::tell(|_| Happening::ChildStarted { process });
        Child::new(child, core, self.kill_on_drop).map_err(|error| self.explain(&error))
    }

    /// Starts a child at the first poll, and waits until the child ends. If an output is set to a
    /// pipe, the future discards the bytes that the child writes.
    ///
    /// # Errors
    ///
    /// The errors are those of [`spawn`](Command::spawn) and [`Child::wait`].
    ///
    /// # Panics
    ///
    /// Polling the future outside a runtime panics.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the child, which continues to run unless
    /// [`kill_on_drop`](Command::kill_on_drop) is set.
    ///
    /// # Examples
    ///
    /// ```ignore-windows
    /// # fn main() -> std::io::Result<()> {
    /// use oneloop::process::Command;
    ///
    /// oneloop::block_on(async {
    ///     let status = Command::new("sh").args(["-c", "exit 3"]).status().await?;
    ///     assert_eq!(status.code(), Some(3));
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub async fn status(&mut self) -> io::Result<ExitStatus> {
        let mut child = self.spawn()?;
        let outputs = future::zip(discard(child.stdout.take()), discard(child.stderr.take()));
        let never = async {
            outputs.await;
            future::pending().await
        };
        future::or(child.wait(), never).await
    }

    /// Starts a child at the first poll, waits until the child ends, and returns the bytes of its
    /// outputs; see [`Child::wait_with_output`]. An output that is not set to a pipe keeps its
    /// setting, and is empty in the result.
    ///
    /// # Errors
    ///
    /// The errors are those of [`spawn`](Command::spawn) and [`Child::wait_with_output`]. The
    /// failure of a child is not an error, but part of its status.
    ///
    /// # Panics
    ///
    /// Polling the future outside a runtime panics.
    ///
    /// # Cancel safety
    ///
    /// The future behaves as the one of [`status`](Command::status). Dropping it also loses the
    /// bytes that were read.
    pub async fn output(&mut self) -> io::Result<Output> {
        context::require(SPAWNED); // a panic below would keep the changed defaults
        self.set_defaults(Stdio::null, Stdio::piped);
        let child = self.spawn();
        self.set_defaults(Stdio::inherit, Stdio::inherit); // the defaults of `spawn`
        child?.wait_with_output().await
    }

    fn set_defaults(&mut self, input: fn() -> Stdio, output: fn() -> Stdio) {
        let [stdin, stdout, stderr] = self.chosen;
        if !stdin {
            self.std.stdin(input());
        }
        if !stdout {
            self.std.stdout(output());
        }
        if !stderr {
            self.std.stderr(output());
        }
    }

    /// Adds the program and the directory to the system's error, because either may be missing.
    #[cold]
    fn explain(&self, error: &io::Error) -> io::Error {
        let program = self.std.get_program().display();
        let text = match self.std.get_current_dir() {
            Some(dir) => {
                let missing = if dir.is_dir() { "" } else { ", which is not a directory" };
                format!("`{program}` can't be started in `{}`{missing}: {error}", dir.display())
            }
            None => format!("`{program}` can't be started: {error}"),
        };
        io::Error::new(error.kind(), text)
    }
}

/// Reads to the end or to an error, so that the child does not wait for a reader.
async fn discard(stream: Option<impl AsyncRead + Unpin>) {
    if let Some(stream) = stream {
        let _ = futures_lite::io::copy(stream, futures_lite::io::sink()).await;
    }
}

impl From<std::process::Command> for Command {
    /// [`output`](Command::output) replaces streams that are set on `std`.
    fn from(std: std::process::Command) -> Command {
        Command { std, chosen: [false; 3], kill_on_drop: false }
    }
}

//! `Command`: a program to start, and its options.

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::process::{ExitStatus, Output, Stdio};
use std::rc::Rc;

use futures_lite::{AsyncRead, future};

use super::Child;
use crate::engine::context;

const SPAWNED: &str = "a oneloop child was spawned";

/// A program to start: [`std::process::Command`], whose children the loop awaits.
///
/// Options without a method here (user, process group, code between fork and exec) are set on the
/// [inner one](Command::as_std_mut). A command may be started several times.
///
/// # Examples
///
/// ```
/// # #[cfg(unix)]
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
/// # #[cfg(not(unix))]
/// # fn main() {}
/// ```
#[derive(Debug)]
pub struct Command {
    std: std::process::Command,
    /// Whether the user has chosen stdin, stdout and stderr: std doesn't tell.
    chosen: [bool; 3],
    kill_on_drop: bool,
}

impl Command {
    /// A command that starts `program`, found as std finds it, without arguments, in this process's
    /// environment and directory.
    ///
    /// # Examples
    ///
    /// See [`Command`].
    pub fn new(program: impl AsRef<OsStr>) -> Command {
        std::process::Command::new(program).into()
    }

    /// Appends an argument.
    ///
    /// # Examples
    ///
    /// See [`Command`].
    pub fn arg(&mut self, arg: impl AsRef<OsStr>) -> &mut Command {
        self.std.arg(arg);
        self
    }

    /// Appends several arguments.
    ///
    /// # Examples
    ///
    /// See [`Command`].
    pub fn args(&mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> &mut Command {
        self.std.args(args);
        self
    }

    /// Sets an environment variable.
    ///
    /// # Examples
    ///
    /// See [`Command`].
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

    /// Removes one variable of this process's environment.
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

    /// Removes all of this process's environment, and every variable that was set before.
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

    /// Starts the program in another directory.
    ///
    /// # Examples
    ///
    /// See [`Command`].
    pub fn current_dir(&mut self, dir: impl AsRef<Path>) -> &mut Command {
        self.std.current_dir(dir);
        self
    }

    /// Sets the child's standard input. The default is this process's own with
    /// [`spawn`](Command::spawn) and [`status`](Command::status), and empty with
    /// [`output`](Command::output).
    ///
    /// # Examples
    ///
    /// See [`ChildStdin`](super::ChildStdin).
    pub fn stdin(&mut self, stdin: impl Into<Stdio>) -> &mut Command {
        self.std.stdin(stdin);
        self.chosen[0] = true;
        self
    }

    /// Sets the child's standard output. The default is this process's own with
    /// [`spawn`](Command::spawn) and [`status`](Command::status), and a pipe with
    /// [`output`](Command::output).
    ///
    /// # Examples
    ///
    /// See [`ChildStdout`](super::ChildStdout).
    pub fn stdout(&mut self, stdout: impl Into<Stdio>) -> &mut Command {
        self.std.stdout(stdout);
        self.chosen[1] = true;
        self
    }

    /// Sets the child's standard error. The defaults are those of [`stdout`](Command::stdout).
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(unix)]
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
    /// # #[cfg(not(unix))]
    /// # fn main() {}
    /// ```
    pub fn stderr(&mut self, stderr: impl Into<Stdio>) -> &mut Command {
        self.std.stderr(stderr);
        self.chosen[2] = true;
        self
    }

    /// Whether a child is killed when its [`Child`] is dropped, also in a future that is cancelled
    /// or with the runtime. By default it runs on.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(unix)]
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
    /// # #[cfg(not(unix))]
    /// # fn main() {}
    /// ```
    pub fn kill_on_drop(&mut self, kill_on_drop: bool) -> &mut Command {
        self.kill_on_drop = kill_on_drop;
        self
    }

    /// std's own command, by reference.
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

    /// std's own command, for options that have no method here. The three streams should be set by
    /// the methods here: [`output`](Command::output) replaces those that were chosen on the inner
    /// one.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(unix)]
    /// # fn main() {
    /// use std::os::unix::process::CommandExt;
    ///
    /// let mut command = oneloop::process::Command::new("sh");
    /// command.as_std_mut().process_group(0);
    /// # }
    /// # #[cfg(not(unix))]
    /// # fn main() {}
    /// ```
    pub fn as_std_mut(&mut self) -> &mut std::process::Command {
        &mut self.std
    }

    /// Starts a child. It runs, also without being awaited.
    ///
    /// The call blocks until the system has started the program, a millisecond or so.
    ///
    /// # Errors
    ///
    /// The operating system's error, with the program named: `NotFound` or `PermissionDenied` for
    /// the program or the directory, for instance.
    ///
    /// # Panics
    ///
    /// Outside a runtime.
    ///
    /// # Examples
    ///
    /// See [`Child`].
    #[track_caller]
    pub fn spawn(&mut self) -> io::Result<Child> {
        let core = context::with(SPAWNED, Rc::clone); // before anything is started
        let child = self.std.spawn().map_err(|error| self.explain(&error))?;
        Child::new(child, core, self.kill_on_drop).map_err(|error| self.explain(&error))
    }

    /// Starts a child when it is first polled, and waits until it has ended. Bytes that the child
    /// writes into pipes, if those were chosen, are discarded.
    ///
    /// # Errors
    ///
    /// As [`spawn`](Command::spawn) and [`Child::wait`].
    ///
    /// # Panics
    ///
    /// When polled outside a runtime.
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops the child, which runs on unless [`kill_on_drop`](Command::kill_on_drop)
    /// says otherwise.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(unix)]
    /// # fn main() -> std::io::Result<()> {
    /// use oneloop::process::Command;
    ///
    /// oneloop::block_on(async {
    ///     let status = Command::new("sh").args(["-c", "exit 3"]).status().await?;
    ///     assert_eq!(status.code(), Some(3));
    /// #   Ok(())
    /// })
    /// # }
    /// # #[cfg(not(unix))]
    /// # fn main() {}
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

    /// Starts a child when it is first polled, waits until it has ended, and returns the bytes of
    /// its outputs: see [`Child::wait_with_output`]. Outputs that were set to something else than
    /// pipes keep that, and are empty here.
    ///
    /// # Errors
    ///
    /// As [`spawn`](Command::spawn) and [`Child::wait_with_output`]. A child that fails is no
    /// error: its status says so.
    ///
    /// # Panics
    ///
    /// When polled outside a runtime.
    ///
    /// # Cancel safety
    ///
    /// As [`status`](Command::status); the bytes that were read are lost.
    ///
    /// # Examples
    ///
    /// See [`Command`].
    pub async fn output(&mut self) -> io::Result<Output> {
        context::require(SPAWNED); // a panic below would leave the defaults behind
        self.set_defaults(Stdio::null, Stdio::piped);
        let child = self.spawn();
        self.set_defaults(Stdio::inherit, Stdio::inherit); // as `spawn` has them
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

    /// Adds the program to the system's error, and the directory, which may be the one that is
    /// missing.
    #[cold]
    fn explain(&self, error: &io::Error) -> io::Error {
        let program = self.std.get_program().display();
        let text = match self.std.get_current_dir() {
            Some(dir) => {
                let missing = if dir.is_dir() { "" } else { ", which is no directory" };
                format!("`{program}` can't be started in `{}`{missing}: {error}", dir.display())
            }
            None => format!("`{program}` can't be started: {error}"),
        };
        io::Error::new(error.kind(), text)
    }
}

/// Reads to the end, or to an error, so that the child need not wait for a reader.
async fn discard(stream: Option<impl AsyncRead + Unpin>) {
    if let Some(stream) = stream {
        let _ = futures_lite::io::copy(stream, futures_lite::io::sink()).await;
    }
}

impl From<std::process::Command> for Command {
    /// [`output`](Command::output) replaces those of the three streams that were chosen there.
    fn from(std: std::process::Command) -> Command {
        Command { std, chosen: [false; 3], kill_on_drop: false }
    }
}

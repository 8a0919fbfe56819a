//! `Child`: a process that was started.

use std::fmt;
use std::io;
use std::process::{ExitStatus, Output};
use std::rc::Rc;

use futures_lite::{AsyncRead, AsyncReadExt, future};

use super::reap::Process;
use super::{ChildStderr, ChildStdin, ChildStdout};
use crate::engine::core::Core;

/// A child process, made by [`Command::spawn`](super::Command::spawn).
///
/// Dropping it neither ends the child (unless [`kill_on_drop`](super::Command::kill_on_drop) says
/// so) nor leaves a zombie: see the [module](super). It closes the streams that are still in it, so
/// a child that reads its input to the end finds the end.
///
/// A child belongs to the runtime that it was spawned in, and to its thread:
///
/// ```compile_fail,E0277
/// fn is_send(_: impl Send) {}
/// fn check(child: oneloop::process::Child) {
///     is_send(child);
/// }
/// ```
///
/// # Examples
///
/// ```
/// # #[cfg(unix)]
/// # fn main() -> std::io::Result<()> {
/// use oneloop::io::{AsyncReadExt, AsyncWriteExt};
/// use oneloop::process::{Command, Stdio};
///
/// oneloop::block_on(async {
///     let mut cat = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
///     let (mut stdin, mut stdout) = (cat.stdin.take().unwrap(), cat.stdout.take().unwrap());
///     stdin.write_all(b"hello").await?;
///     drop(stdin);
///     let mut text = String::new();
///     stdout.read_to_string(&mut text).await?;
///     assert_eq!(text, "hello");
///     assert!(cat.wait().await?.success());
/// #   Ok(())
/// })
/// # }
/// # #[cfg(not(unix))]
/// # fn main() {}
/// ```
pub struct Child {
    /// The child's standard input, if it is piped. The program may take it out.
    pub stdin: Option<ChildStdin>,
    /// The child's standard output, if it is piped.
    pub stdout: Option<ChildStdout>,
    /// The child's standard error, if it is piped.
    pub stderr: Option<ChildStderr>,
    process: Process,
}

impl Child {
    /// Takes over a child of std's. A child whose streams can't be watched is killed: no caller has
    /// its handle yet.
    #[track_caller]
    pub(super) fn new(child: std::process::Child, core: Rc<Core>, kill_on_drop: bool) -> io::Result<Child> {
        let mut process = Process::new(child, core, true);
        let std = process.child();
        let (stdin, stdout, stderr) = (std.stdin.take(), std.stdout.take(), std.stderr.take());
        let stdin = stdin.map(ChildStdin::new).transpose()?;
        let stdout = stdout.map(ChildStdout::new).transpose()?;
        let stderr = stderr.map(ChildStderr::new).transpose()?;
        process.kill_on_drop = kill_on_drop;
        Ok(Child { stdin, stdout, stderr, process })
    }

    /// The child's number in the system, while it names this child: `None` once its status is
    /// known.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(unix)]
    /// # fn main() -> std::io::Result<()> {
    /// use oneloop::process::Command;
    ///
    /// oneloop::block_on(async {
    ///     let mut child = Command::new("true").spawn()?;
    ///     assert!(child.id().is_some());
    ///     child.wait().await?;
    ///     assert!(child.id().is_none());
    /// #   Ok(())
    /// })
    /// # }
    /// # #[cfg(not(unix))]
    /// # fn main() {}
    /// ```
    pub fn id(&self) -> Option<u32> {
        self.process.id()
    }

    /// Waits until the child has ended, and returns its status. A later call returns the same.
    ///
    /// It closes [`stdin`](Child::stdin) first, so that a child that waits for the end of its input
    /// does not wait for ever. It doesn't read the other streams: a child that fills a pipe without
    /// a reader never ends. [`wait_with_output`](Child::wait_with_output) reads them.
    ///
    /// # Errors
    ///
    /// If the operating system has no descriptor left to wait with; then it may be called again. If
    /// another part of the program has taken the status (see the [module](super)).
    ///
    /// # Panics
    ///
    /// On Unix, when polled outside a runtime while the child still runs.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it may be called again. `stdin` stays closed.
    ///
    /// # Examples
    ///
    /// See [`Child`].
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        drop(self.stdin.take());
        self.process.wait().await
    }

    /// The child's status, if it has ended. One system call.
    ///
    /// # Errors
    ///
    /// If another part of the program has taken the status (see the [module](super)).
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(unix)]
    /// # fn main() -> std::io::Result<()> {
    /// use oneloop::process::{Command, Stdio};
    ///
    /// oneloop::block_on(async {
    ///     let mut cat = Command::new("cat").stdin(Stdio::piped()).spawn()?;
    ///     assert!(cat.try_wait()?.is_none()); // it still reads
    ///     let status = cat.wait().await?;
    ///     assert_eq!(cat.try_wait()?, Some(status));
    /// #   Ok(())
    /// })
    /// # }
    /// # #[cfg(not(unix))]
    /// # fn main() {}
    /// ```
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        self.process.try_wait()
    }

    /// Kills the child (`SIGKILL` on Unix), and doesn't wait for its end. A child that has ended
    /// already stays as it is, and another process is never killed.
    ///
    /// # Errors
    ///
    /// If the operating system refuses, as for a child that has become another user's.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(unix)]
    /// # fn main() -> std::io::Result<()> {
    /// use oneloop::process::Command;
    ///
    /// oneloop::block_on(async {
    ///     let mut child = Command::new("sleep").arg("1000").spawn()?;
    ///     child.start_kill()?;
    ///     let status = child.wait().await?;
    ///     assert!(!status.success());
    /// #   Ok(())
    /// })
    /// # }
    /// # #[cfg(not(unix))]
    /// # fn main() {}
    /// ```
    pub fn start_kill(&mut self) -> io::Result<()> {
        self.process.kill()
    }

    /// Sends the child a signal, for instance
    /// [`SignalKind::TERMINATE`](crate::signal::SignalKind::TERMINATE) to ask it politely to end.
    /// `false` if it has ended already; another process never receives the signal.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a number that is no signal with a name: a program can listen for
    /// real-time signals, but not send them here. If the operating system refuses.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use oneloop::process::Command;
    /// use oneloop::signal::SignalKind;
    /// use std::os::unix::process::ExitStatusExt;
    ///
    /// oneloop::block_on(async {
    ///     let mut child = Command::new("sleep").arg("1000").spawn()?;
    ///     assert!(child.signal(SignalKind::TERMINATE)?);
    ///     assert_eq!(child.wait().await?.signal(), Some(15));
    ///     assert!(!child.signal(SignalKind::TERMINATE)?);
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    #[cfg(unix)]
    pub fn signal(&mut self, kind: crate::signal::SignalKind) -> io::Result<bool> {
        self.process.signal(kind.number())
    }

    /// Kills the child and waits until it has ended: [`start_kill`](Child::start_kill), then
    /// [`wait`](Child::wait).
    ///
    /// # Errors
    ///
    /// As those two.
    ///
    /// # Panics
    ///
    /// As [`wait`](Child::wait).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it may be called again.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(unix)]
    /// # fn main() -> std::io::Result<()> {
    /// use std::time::Duration;
    /// use oneloop::process::Command;
    /// use oneloop::time::timeout;
    ///
    /// oneloop::block_on(async {
    ///     let mut child = Command::new("sleep").arg("1000").spawn()?;
    ///     if timeout(Duration::from_millis(10), child.wait()).await.is_err() {
    ///         child.kill().await?;
    ///     }
    ///     assert!(child.id().is_none()); // it has ended
    /// #   Ok(())
    /// })
    /// # }
    /// # #[cfg(not(unix))]
    /// # fn main() {}
    /// ```
    pub async fn kill(&mut self) -> io::Result<()> {
        self.start_kill()?;
        self.wait().await.map(drop)
    }

    /// Waits until the child has ended, and meanwhile collects the bytes of those of its outputs
    /// that are piped and still in it; the others are empty. Closes `stdin` first.
    ///
    /// The future is ready when the outputs have ended, too: they last longer than the child if it
    /// has passed them on to children of its own. All bytes are kept in memory, without a bound.
    ///
    /// # Errors
    ///
    /// As [`wait`](Child::wait), or the error of a read. The child is then dropped.
    ///
    /// # Panics
    ///
    /// As [`wait`](Child::wait).
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops the child, and the bytes that were read.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(unix)]
    /// # fn main() -> std::io::Result<()> {
    /// use oneloop::process::{Command, Stdio};
    ///
    /// oneloop::block_on(async {
    ///     let child = Command::new("echo").arg("hello").stdout(Stdio::piped()).spawn()?;
    ///     let output = child.wait_with_output().await?;
    ///     assert_eq!(output.stdout, b"hello\n");
    /// #   Ok(())
    /// })
    /// # }
    /// # #[cfg(not(unix))]
    /// # fn main() {}
    /// ```
    pub async fn wait_with_output(mut self) -> io::Result<Output> {
        // At the same time: a child that waits until one pipe is read would never end the other.
        let outputs = future::try_zip(collect(self.stdout.take()), collect(self.stderr.take()));
        let (status, (stdout, stderr)) = future::try_zip(self.wait(), outputs).await?;
        Ok(Output { status, stdout, stderr })
    }
}

async fn collect(stream: Option<impl AsyncRead + Unpin>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(mut stream) = stream {
        stream.read_to_end(&mut bytes).await?;
    }
    Ok(bytes)
}

impl fmt::Debug for Child {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Child")
            .field("id", &self.id())
            .field("stdin", &self.stdin)
            .field("stdout", &self.stdout)
            .field("stderr", &self.stderr)
            .finish_non_exhaustive()
    }
}

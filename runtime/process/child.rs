//! `Child`, the handle of a started process.

use std::fmt;
use std::io;
use std::process::{ExitStatus, Output};
use std::rc::Rc;

use futures_lite::{AsyncRead, AsyncReadExt, future};

use super::reap::Process;
use super::{ChildStderr, ChildStdin, ChildStdout};
use crate::engine::core::Core;

/// A child process, returned by [`Command::spawn`](super::Command::spawn).
///
/// Dropping the handle does not end the child, unless
/// [`kill_on_drop`](super::Command::kill_on_drop) is set, and leaves no zombie; see the
/// [module](super). The drop closes the streams that the handle still holds, so that a child that
/// reads its input receives the end of the input.
///
/// A child belongs to the runtime in which it was spawned, and to the runtime's thread:
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
/// ```ignore-windows
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
/// ```
pub struct Child {
    /// The child's standard input, if it is piped. The program may take the stream.
    pub stdin: Option<ChildStdin>,
    /// The child's standard output, if it is piped.
    pub stdout: Option<ChildStdout>,
    /// The child's standard error, if it is piped.
    pub stderr: Option<ChildStderr>,
    process: Process,
}

impl Child {
    /// Converts a child of std. If a stream can't be watched, the child is killed, because no
    /// caller has its handle yet.
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

    /// Returns the child's process id. The id is `None` after the status was received, because the
    /// system may then reuse the id.
    ///
    /// # Examples
    ///
    /// ```ignore-windows
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
    /// ```
    pub fn id(&self) -> Option<u32> {
        self.process.id()
    }

    /// Waits until the child ends, and returns its status. A later call returns the same status.
    ///
    /// The future closes [`stdin`](Child::stdin) first, so that a child that waits for the end of
    /// its input does not wait for ever. The future does not read the other streams, and a child
    /// that fills a pipe without a reader never ends. [`wait_with_output`](Child::wait_with_output)
    /// reads these streams.
    ///
    /// # Errors
    ///
    /// The future returns an error if the operating system has no descriptor left for the wait. The
    /// program may call `wait` again after this error. The future also returns an error if another
    /// part of the program has received the status (see the [module](super)).
    ///
    /// # Panics
    ///
    /// On Unix, polling the future outside a runtime panics while the child still runs.
    ///
    /// # Cancel safety
    ///
    /// The future is cancel safe: the program may call `wait` again. `stdin` stays closed.
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        drop(self.stdin.take());
        self.process.wait().await
    }

    /// Returns the child's status, or `None` while the child runs. The call costs one system call.
    ///
    /// # Errors
    ///
    /// The call returns an error if another part of the program has received the status (see the
    /// [module](super)).
    ///
    /// # Examples
    ///
    /// ```ignore-windows
    /// # fn main() -> std::io::Result<()> {
    /// use oneloop::process::{Command, Stdio};
    ///
    /// oneloop::block_on(async {
    ///     let mut cat = Command::new("cat").stdin(Stdio::piped()).spawn()?;
    ///     assert!(cat.try_wait()?.is_none()); // `cat` still reads
    ///     let status = cat.wait().await?;
    ///     assert_eq!(cat.try_wait()?, Some(status));
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        self.process.try_wait()
    }

    /// Kills the child (`SIGKILL` on Unix) without waiting for its end. The call does nothing to a
    /// child that has ended, and never kills another process.
    ///
    /// # Errors
    ///
    /// The call returns the error of the operating system, for example for a child that has changed
    /// its user.
    ///
    /// # Examples
    ///
    /// ```ignore-windows
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
    /// ```
    pub fn start_kill(&mut self) -> io::Result<()> {
        self.process.kill()
    }

    /// Sends a signal to the child, for example
    /// [`SignalKind::TERMINATE`](crate::signal::SignalKind::TERMINATE) as a request to end. The
    /// call returns `false` if the child has ended. Another process never receives the signal.
    ///
    /// # Errors
    ///
    /// `InvalidInput` is the error for a number without a signal name. So a program can listen for
    /// real-time signals but can't send them with this method. All other errors are those of the
    /// operating system.
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

    /// Kills the child and waits until it ends. The method calls [`start_kill`](Child::start_kill)
    /// and then [`wait`](Child::wait).
    ///
    /// # Errors
    ///
    /// The errors are those of the two methods.
    ///
    /// # Panics
    ///
    /// The panics are those of [`wait`](Child::wait).
    ///
    /// # Cancel safety
    ///
    /// The future is cancel safe: the program may call `kill` again.
    ///
    /// # Examples
    ///
    /// ```ignore-windows
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
    ///     assert!(child.id().is_none()); // the child has ended
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub async fn kill(&mut self) -> io::Result<()> {
        self.start_kill()?;
        self.wait().await.map(drop)
    }

    /// Waits until the child ends, and collects the bytes of its outputs. An output that is not
    /// piped, or that the program has taken, is empty in the result. The future closes `stdin`
    /// first.
    ///
    /// The future completes when the child and both outputs have ended. An output ends after the
    /// child if the child has passed it to children of its own. The future keeps all bytes in
    /// memory, without a bound.
    ///
    /// # Errors
    ///
    /// The errors are those of [`wait`](Child::wait) and of reading. The child is dropped after an
    /// error.
    ///
    /// # Panics
    ///
    /// The panics are those of [`wait`](Child::wait).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the child and the bytes that were read.
    ///
    /// # Examples
    ///
    /// ```ignore-windows
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
    /// ```
    pub async fn wait_with_output(mut self) -> io::Result<Output> {
        // Both pipes are read at the same time, because a child that waits for a reader of one pipe
        // does not close the other.
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

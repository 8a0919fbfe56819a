//! Unix signals, with a self-pipe for each listener (D. J. Bernstein, "The self-pipe trick").

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_io::AsyncRead;
use signal_hook::{SigId, consts, low_level};

use crate::engine::context;
use crate::engine::happening::Happening;
use crate::net::UnixStream;
use crate::net::send::send;

/// The number of a signal. The constants are the signals that programs usually listen for. Any
/// other number converts with `From`.
///
/// # Examples
///
/// ```
/// use oneloop::signal::SignalKind;
///
/// assert_eq!(SignalKind::from(15), SignalKind::TERMINATE);
/// assert_eq!(format!("{:?}", SignalKind::TERMINATE), "SIGTERM");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SignalKind(i32);

impl SignalKind {
    /// `SIGINT`: Ctrl+C at the terminal.
    pub const INTERRUPT: SignalKind = SignalKind(consts::SIGINT);
    /// `SIGTERM`: a request to end.
    pub const TERMINATE: SignalKind = SignalKind(consts::SIGTERM);
    /// `SIGHUP`: the terminal was closed. Servers by convention reload their configuration.
    pub const HANGUP: SignalKind = SignalKind(consts::SIGHUP);
    /// `SIGQUIT`: Ctrl+\ at the terminal.
    pub const QUIT: SignalKind = SignalKind(consts::SIGQUIT);
    /// `SIGUSR1`: reserved for the program's own use.
    pub const USER1: SignalKind = SignalKind(consts::SIGUSR1);
    /// `SIGUSR2`: reserved for the program's own use.
    pub const USER2: SignalKind = SignalKind(consts::SIGUSR2);
    /// `SIGCHLD`: a child process ended or stopped.
    pub const CHILD: SignalKind = SignalKind(consts::SIGCHLD);
    /// `SIGWINCH`: the terminal's window has a new size.
    pub const WINDOW_CHANGE: SignalKind = SignalKind(consts::SIGWINCH);

    /// Returns the signal's number. Some numbers differ between systems.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(oneloop::signal::SignalKind::HANGUP.number(), 1);
    /// ```
    pub fn number(self) -> i32 {
        self.0
    }
}

impl From<i32> for SignalKind {
    fn from(number: i32) -> SignalKind {
        SignalKind(number)
    }
}

impl fmt::Debug for SignalKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match low_level::signal_name(self.0) {
            Some(name) => f.write_str(name),
            None => write!(f, "signal {}", self.0),
        }
    }
}

/// A listener for a signal, from its creation until its drop. The listener belongs to the runtime
/// in which it was created. A listener costs two descriptors. A delivery costs one write by the
/// handler and one read.
///
/// Dropping the listener does not restore the signal's default action; see the [module](super).
///
/// # Examples
///
/// ```no_run
/// # fn main() -> std::io::Result<()> {
/// use oneloop::signal::{Signal, SignalKind};
///
/// oneloop::block_on(async {
///     let mut hangup = Signal::new(SignalKind::HANGUP)?;
///     loop {
///         hangup.recv().await?;
///         println!("reloading the configuration");
///     }
/// })
/// # }
/// ```
#[derive(Debug)]
pub struct Signal {
    kind: SignalKind,
    id: SigId,
    bytes: UnixStream,
}

impl Signal {
    /// Registers a listener, which reports each later delivery. The first listener removes the
    /// signal's default action for the rest of the process.
    ///
    /// # Errors
    ///
    /// `InvalidInput` is the error for a signal that can't be caught (`SIGKILL`, `SIGSTOP`), after
    /// which the program can't continue (`SIGSEGV`, `SIGILL`, `SIGFPE`), or that doesn't exist. All
    /// other errors are those of the operating system.
    ///
    /// # Panics
    ///
    /// The call panics outside a runtime.
    #[track_caller]
    pub fn new(kind: SignalKind) -> io::Result<Signal> {
        if consts::FORBIDDEN.contains(&kind.0) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("{kind:?} can't be listened for"),
            ));
        }
        let (ours, handlers) = std::os::unix::net::UnixStream::pair()?;
        let bytes = UnixStream::try_from(ours)?;
        handlers.set_nonblocking(true)?;
        // A child shares the handler and the socket until it executes its program. A signal that
        // the child receives in this time is not a signal of this process.
        let process = std::process::id();
        let notify = move || {
            if std::process::id() == process {
                let _ = send(&handlers, &[0]); // a full pipe already holds a delivery
            }
        };
        // SAFETY: a handler may call only async-signal-safe functions. This handler makes two
        // system calls, and it neither allocates, locks nor panics.
        let id = unsafe { low_level::register(kind.0, notify) }.map_err(|error| {
            io::Error::new(error.kind(), format!("{kind:?} can't be listened for: {error}"))
        })?;
        Ok(Signal { kind, id, bytes })
    }

    /// Waits for the next delivery. The operating system merges several deliveries of a signal that
    /// is pending, and the pipe holds a limited number of bytes. So one report may stand for
    /// several deliveries, but at least one report follows each delivery.
    ///
    /// # Errors
    ///
    /// The future returns an error if the pipe fails, or if the listener's runtime was dropped.
    ///
    /// # Cancel safety
    ///
    /// The future is cancel safe: the next call reports a delivery that is not reported yet.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use oneloop::signal::{Signal, SignalKind};
    ///
    /// oneloop::block_on(async {
    ///     let mut user1 = Signal::new(SignalKind::USER1)?;
    ///     // … and from a shell: kill -USR1 …
    /// #     signal_hook::low_level::raise(SignalKind::USER1.number())?;
    ///     user1.recv().await?;
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub async fn recv(&mut self) -> io::Result<()> {
        poll_fn(|cx| self.poll_recv(cx)).await
    }

    /// Polls for [`recv`](Signal::recv).
    pub(crate) fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let read = ready!(Pin::new(&mut self.bytes).poll_read(cx, &mut [0]))?;
        let number = self.kind.number();
        context::tell(|_| Happening::Signal { number });
        // The handler's end closes only when this listener is dropped.
        Poll::Ready(if read == 1 { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) })
    }

    /// Returns the signal of this listener.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use oneloop::signal::{Signal, SignalKind};
    ///
    /// oneloop::block_on(async {
    ///     assert_eq!(Signal::new(SignalKind::USER2)?.kind(), SignalKind::USER2);
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub fn kind(&self) -> SignalKind {
        self.kind
    }
}

impl Drop for Signal {
    fn drop(&mut self) {
        low_level::unregister(self.id);
    }
}

/// Waits for the next `SIGTERM`, a request to end.
///
/// The future listens from its first poll until it completes or is dropped. A signal between two such
/// futures is lost. A [`Signal`] avoids this, because it listens continuously. The completion or the
/// drop of the future does not restore the signal's default action, which is to end the process.
///
/// # Errors
///
/// The future returns an error if the handler can't be set, or if the operating system can't create
/// a pipe.
///
/// # Panics
///
/// Polling the future outside a runtime panics.
///
/// # Cancel safety
///
/// The future is not cancel safe. Dropping it loses a signal that arrives after the first poll and is
/// not reported yet.
///
/// # Examples
///
/// ```no_run
/// # fn main() -> std::io::Result<()> {
/// use oneloop::future::or;
/// use oneloop::signal::{ctrl_c, terminate};
///
/// oneloop::block_on(async {
///     // … serve, in tasks of their own …
///     or(ctrl_c(), terminate()).await?;
///     println!("good bye");
/// #   Ok(())
/// })
/// # }
/// ```
pub async fn terminate() -> io::Result<()> {
    Signal::new(SignalKind::TERMINATE)?.recv().await
}

/// Waits for the next `SIGHUP`. The signal means that the terminal was closed, or, by convention, that a
/// server should reload its configuration.
///
/// The future listens from its first poll until it completes or is dropped. A signal between two such
/// futures is lost. A [`Signal`] avoids this, because it listens continuously. The completion or the
/// drop of the future does not restore the signal's default action, which is to end the process.
///
/// # Errors
///
/// The future returns an error if the handler can't be set, or if the operating system can't create
/// a pipe.
///
/// # Panics
///
/// Polling the future outside a runtime panics.
///
/// # Cancel safety
///
/// The future is not cancel safe. Dropping it loses a signal that arrives after the first poll and is
/// not reported yet.
///
/// # Examples
///
/// ```no_run
/// # fn main() -> std::io::Result<()> {
/// oneloop::block_on(async {
///     oneloop::signal::hangup().await?;
///     println!("the terminal was closed");
/// #   Ok(())
/// })
/// # }
/// ```
pub async fn hangup() -> io::Result<()> {
    Signal::new(SignalKind::HANGUP)?.recv().await
}

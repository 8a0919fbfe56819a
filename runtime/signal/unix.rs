//! Unix signals: a self-pipe for each listener (D. J. Bernstein, "The self-pipe trick").

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_io::AsyncRead;
use signal_hook::{SigId, consts, low_level};

use crate::net::UnixStream;
use crate::net::send::send;

/// Names a signal. The constants are those that programs usually listen for; any other number
/// converts with `From`.
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
    /// `SIGTERM`: a polite request to end.
    pub const TERMINATE: SignalKind = SignalKind(consts::SIGTERM);
    /// `SIGHUP`: the terminal was closed; for servers, by custom, "read your configuration again".
    pub const HANGUP: SignalKind = SignalKind(consts::SIGHUP);
    /// `SIGQUIT`: Ctrl+\ at the terminal.
    pub const QUIT: SignalKind = SignalKind(consts::SIGQUIT);
    /// `SIGUSR1`: the user's own.
    pub const USER1: SignalKind = SignalKind(consts::SIGUSR1);
    /// `SIGUSR2`: the user's own.
    pub const USER2: SignalKind = SignalKind(consts::SIGUSR2);
    /// `SIGCHLD`: a child process ended or stopped.
    pub const CHILD: SignalKind = SignalKind(consts::SIGCHLD);
    /// `SIGWINCH`: the terminal's window has a new size.
    pub const WINDOW_CHANGE: SignalKind = SignalKind(consts::SIGWINCH);

    /// The signal's number, which for some differs between systems.
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

/// Listens for a signal for as long as it exists. It belongs to the runtime it was made in. A
/// listener costs two descriptors; a delivery costs a byte that the handler writes, and a read.
///
/// Dropping the listener does not bring the signal's default action back; see the [module](super).
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
///         println!("reading the configuration again");
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
    /// Begins to listen: each delivery from now on is reported. The first listener takes the
    /// signal's default action away for good.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a signal that can't be caught (`SIGKILL`, `SIGSTOP`), that the program
    /// can't go on after (`SIGSEGV`, `SIGILL`, `SIGFPE`), or that doesn't exist; otherwise the
    /// operating system's error.
    ///
    /// # Panics
    ///
    /// Outside a runtime.
    ///
    /// # Examples
    ///
    /// See [`Signal`], and [`recv`](Signal::recv).
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
        // Until it executes its program, a child has the handler and the socket, too; what it
        // receives then is no signal of this process.
        let process = std::process::id();
        let notify = move || {
            if std::process::id() == process {
                let _ = send(&handlers, &[0]); // full: a delivery is there already
            }
        };
        // SAFETY: a handler may do only what is async-signal-safe. This one makes two system calls
        // and neither allocates, locks nor panics.
        let id = unsafe { low_level::register(kind.0, notify) }.map_err(|error| {
            io::Error::new(error.kind(), format!("{kind:?} can't be listened for: {error}"))
        })?;
        Ok(Signal { kind, id, bytes })
    }

    /// Waits for the next delivery. Deliveries that the operating system merges (several of one
    /// signal while it is pending) count once, and the pipe keeps no more than fit; at least one is
    /// reported after each.
    ///
    /// # Errors
    ///
    /// If the pipe fails, or the listener's runtime was dropped.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a delivery that was not reported is reported by the next call.
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

    /// The poll behind [`recv`](Signal::recv).
    pub(crate) fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let read = ready!(Pin::new(&mut self.bytes).poll_read(cx, &mut [0]))?;
        // Only this listener's drop closes the handler's end.
        Poll::Ready(if read == 1 { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) })
    }

    /// The signal that this listens for.
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

/// Waits for the next `SIGTERM`: a polite request to end.
///
/// The future listens from its first poll until it is ready or dropped. To miss none in between
/// two, use a [`Signal`]. The signal's default action, to end the process, does not come back.
///
/// # Errors
///
/// If the handler can't be set, or the operating system gives no pipe.
///
/// # Panics
///
/// When polled outside a runtime.
///
/// # Cancel safety
///
/// Not cancel safe: a signal that came after the first poll and was not reported yet is lost to
/// this listener.
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

/// Waits for the next `SIGHUP`: the terminal was closed, or "read your configuration again".
///
/// The future listens from its first poll until it is ready or dropped. To miss none in between
/// two, use a [`Signal`]. The signal's default action, to end the process, does not come back.
///
/// # Errors
///
/// If the handler can't be set, or the operating system gives no pipe.
///
/// # Panics
///
/// When polled outside a runtime.
///
/// # Cancel safety
///
/// Not cancel safe: a signal that came after the first poll and was not reported yet is lost to
/// this listener.
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

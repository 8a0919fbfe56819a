//! `Source`: any I/O object of the user's, watched by the loop.

use std::fmt;
use std::io;
use std::task::{Context, Poll};

use super::ready::Ready;
use super::socket::{Socket, Watchable};
use crate::engine::context;
use crate::engine::driver::{Object, Readiness};
use crate::engine::interest::Interest;
use crate::engine::registration::Registration;

/// Makes any I/O object async: anything with a descriptor (on Unix), or any [`mio::event::Source`].
///
/// The object must be non-blocking. Operations on it go through [`try_io`](Source::try_io) or
/// [`async_io`](Source::async_io), which keep the loop's idea of its readiness true.
///
/// A source belongs to the runtime it was made in, and to its thread. Dropping it ends the watch
/// with a system call, and then drops the object.
///
/// # Limits
///
/// * Where mio is built on `poll(2)` (its fallback, `mio_unsupported_force_poll_poll`), it ends the
///   watch of a descriptor that had an error or was hung up. A task that waits then is woken at once,
///   but to wait for it again is an error (`NotFound`), and so is
///   [`into_inner`](Source::into_inner).
/// * Linux announces urgent data (`MSG_OOB`, `POLLPRI`), which then makes the object count as
///   readable. Other systems don't.
///
/// # Examples
///
/// ```
/// # #[cfg(unix)]
/// # fn main() -> std::io::Result<()> {
/// use oneloop::{Interest, Source};
/// use std::io::{Read, Write};
/// use std::os::unix::net::UnixStream;
///
/// oneloop::block_on(async {
///     let (mut ours, theirs) = UnixStream::pair()?;
///     theirs.set_nonblocking(true)?;
///     let theirs = Source::new(theirs)?;
///     ours.write_all(b"hello")?;
///
///     let mut text = [0; 5];
///     let n = theirs.async_io(Interest::Readable, |mut stream| stream.read(&mut text)).await?;
///     assert_eq!(&text[..n], b"hello");
/// #   Ok(())
/// })
/// # }
/// # #[cfg(not(unix))]
/// # fn main() {}
/// ```
pub struct Source<T>(Socket<UserObject<T>>);

/// An object of the user's, of which the loop knows only how to watch it.
struct UserObject<T> {
    /// `None` once `into_inner` has taken it.
    io: Option<T>,
    /// How the driver sees the object, chosen when the source was made.
    object: fn(&mut T) -> Object<'_>,
}

impl<T> UserObject<T> {
    fn get_ref(&self) -> &T {
        self.io.as_ref().expect("only into_inner takes it")
    }
}

impl<T> Watchable for UserObject<T> {
    fn object(&mut self) -> Option<Object<'_>> {
        self.io.as_mut().map(self.object)
    }

    /// Dropping `T` need not close the object (it may be a shared one), so this ends the watch. It
    /// fails only if the object was closed already, which has ended the watch, too.
    fn end_watch(&mut self, registration: Registration<'_>) {
        if let Some(object) = self.object() {
            let _ = registration.deregister(object);
        }
    }
}

#[cfg(unix)]
impl<T: std::os::fd::AsFd> Source<T> {
    /// Watches a descriptor, in both directions. One system call.
    ///
    /// A descriptor is watched once. To read and write from two tasks, share the source.
    ///
    /// # Errors
    ///
    /// What the operating system says: a regular file, for one, can't be watched. `AlreadyExists`
    /// for a descriptor that this runtime watches already, except on kqueue (macOS and the BSDs)
    /// with [`Driver::Mio`](crate::Driver::Mio): there the system doesn't tell, and the second
    /// watch silently replaces the first, which receives no more events.
    ///
    /// # Panics
    ///
    /// Outside a runtime.
    ///
    /// # Examples
    ///
    /// See [`Source`].
    #[track_caller]
    pub fn new(io: T) -> io::Result<Source<T>> {
        use std::os::fd::AsRawFd;
        Source::watch(io, |io| Object { mio: None, raw: Some(io.as_fd().as_raw_fd()) })
    }
}

impl<T: mio::event::Source> Source<T> {
    /// Watches anything that mio can. Needs the driver [`Driver::Mio`](crate::Driver::Mio).
    ///
    /// On Windows, and where mio falls back to `poll(2)`, only types whose operations go through
    /// mio's own I/O methods work, as those of [`mio::net`] do: there it is they that watch the
    /// object again after a `WouldBlock`.
    ///
    /// # Errors
    ///
    /// What the object's own `register` says; `Unsupported` on another driver.
    ///
    /// # Panics
    ///
    /// Outside a runtime.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use oneloop::{Driver, Interest, Runtime, Source};
    ///
    /// Runtime::builder().driver(Driver::Mio).build()?.block_on(async {
    ///     let socket = mio::net::UdpSocket::bind("127.0.0.1:0".parse().unwrap())?;
    ///     let addr = socket.local_addr()?;
    ///     let source = Source::from_mio(socket)?;
    ///     source.async_io(Interest::Writable, |socket| socket.send_to(b"ping", addr)).await?;
    ///
    ///     let mut buf = [0; 16];
    ///     let (n, _) = source.async_io(Interest::Readable, |socket| socket.recv_from(&mut buf)).await?;
    ///     assert_eq!(&buf[..n], b"ping");
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    #[track_caller]
    pub fn from_mio(io: T) -> io::Result<Source<T>> {
        Source::watch(io, |io| Object { mio: Some(io), raw: None })
    }
}

impl<T> Source<T> {
    #[track_caller]
    fn watch(io: T, object: fn(&mut T) -> Object<'_>) -> io::Result<Source<T>> {
        let io = UserObject { io: Some(io), object };
        context::with("a oneloop Source was made", |core| Socket::on(core, io, Readiness::NONE)).map(Source)
    }

    /// Waits until the object counts as readable. It may turn out not to be: try, and wait again.
    ///
    /// An object that counts as readable already costs no system call here. Only an operation that
    /// says `WouldBlock`, tried through this source, makes it count as not readable: one that waits
    /// without trying in between spins.
    ///
    /// # Errors
    ///
    /// If the source's runtime was dropped; on the driver `Polling`, and on mio's `poll(2)`
    /// fallback, also if the operating system refuses to watch the object.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it only looks.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(unix)]
    /// # fn main() -> std::io::Result<()> {
    /// use std::io::{Read, Write};
    /// use std::os::unix::net::UnixStream;
    /// use oneloop::{Interest, Source};
    ///
    /// oneloop::block_on(async {
    /// #     let (mut ours, theirs) = UnixStream::pair()?;
    /// #     theirs.set_nonblocking(true)?;
    /// #     let mut source = Source::new(theirs)?;
    ///     ours.write_all(b"hello")?;
    ///     source.readable().await?;
    ///     let mut text = [0; 5];
    ///     source.try_io(Interest::Readable, |mut stream| stream.read(&mut text))?;
    ///     assert_eq!(&text, b"hello");
    /// #   Ok(())
    /// })
    /// # }
    /// # #[cfg(not(unix))]
    /// # fn main() {}
    /// ```
    pub fn readable(&self) -> Ready<'_> {
        self.0.readable()
    }

    /// Waits until the object counts as writable. It may turn out not to be: try, and wait again.
    ///
    /// # Errors
    ///
    /// As [`readable`](Source::readable).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it only looks.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(unix)]
    /// # fn main() -> std::io::Result<()> {
    /// use std::io::{Read, Write};
    /// use std::os::unix::net::UnixStream;
    /// use oneloop::{Interest, Source};
    ///
    /// oneloop::block_on(async {
    /// #     let (mut ours, theirs) = UnixStream::pair()?;
    /// #     theirs.set_nonblocking(true)?;
    /// #     let mut source = Source::new(theirs)?;
    ///     source.writable().await?;
    ///     source.try_io(Interest::Writable, |mut stream| stream.write(b"hello"))?;
    ///     let mut text = [0; 5];
    ///     ours.read_exact(&mut text)?;
    ///     assert_eq!(&text, b"hello");
    /// #   Ok(())
    /// })
    /// # }
    /// # #[cfg(not(unix))]
    /// # fn main() {}
    /// ```
    pub fn writable(&self) -> Ready<'_> {
        self.0.writable()
    }

    /// The poll behind [`readable`](Source::readable) and [`writable`](Source::writable). Several
    /// tasks may wait for the same direction: all are woken.
    ///
    /// # Errors
    ///
    /// As [`readable`](Source::readable).
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(unix)]
    /// # fn main() -> std::io::Result<()> {
    /// use std::future::poll_fn;
    /// use std::io::{Read, Write};
    /// use std::os::unix::net::UnixStream;
    /// use oneloop::{Interest, Source};
    ///
    /// oneloop::block_on(async {
    /// #     let (mut ours, theirs) = UnixStream::pair()?;
    /// #     theirs.set_nonblocking(true)?;
    /// #     let mut source = Source::new(theirs)?;
    ///     ours.write_all(b"hello")?;
    ///     poll_fn(|cx| source.poll_ready(cx, Interest::Readable)).await?;
    /// #   Ok(())
    /// })
    /// # }
    /// # #[cfg(not(unix))]
    /// # fn main() {}
    /// ```
    pub fn poll_ready(&self, cx: &mut Context<'_>, interest: Interest) -> Poll<io::Result<()>> {
        self.0.poll_ready(cx, interest)
    }

    /// Tries an operation now, if the object counts as ready for it. One that a signal interrupts
    /// is tried again.
    ///
    /// A source that is new counts as ready once the loop has looked, not at once:
    /// [`readable`](Source::readable) or [`writable`](Source::writable) waits for that.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if the object is not ready, without calling `operation`; otherwise what that
    /// returns. If it returns `WouldBlock` the object counts as not ready until the next event.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(unix)]
    /// # fn main() -> std::io::Result<()> {
    /// use std::io::ErrorKind::WouldBlock;
    /// use std::io::{Read, Write};
    /// use std::os::unix::net::UnixStream;
    /// use oneloop::{Interest, Source};
    ///
    /// oneloop::block_on(async {
    /// #     let (mut ours, theirs) = UnixStream::pair()?;
    /// #     theirs.set_nonblocking(true)?;
    /// #     let mut source = Source::new(theirs)?;
    ///     let nothing_yet = source.try_io(Interest::Readable, |mut stream| stream.read(&mut [0; 5]));
    ///     assert_eq!(nothing_yet.unwrap_err().kind(), WouldBlock);
    ///
    ///     ours.write_all(b"hello")?;
    ///     source.readable().await?;
    ///     let n = source.try_io(Interest::Readable, |mut stream| stream.read(&mut [0; 5]))?;
    ///     assert_eq!(n, 5);
    /// #   Ok(())
    /// })
    /// # }
    /// # #[cfg(not(unix))]
    /// # fn main() {}
    /// ```
    pub fn try_io<R>(
        &self,
        interest: Interest,
        mut operation: impl FnMut(&T) -> io::Result<R>,
    ) -> io::Result<R> {
        self.0.try_io(interest, |object| operation(object.get_ref()))
    }

    /// Waits until the object is ready and tries an operation, until that says something other than
    /// `WouldBlock`.
    ///
    /// # Errors
    ///
    /// What `operation` returns, or that the source's runtime was dropped.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: once `operation` has succeeded, its result is returned in the same poll.
    ///
    /// # Examples
    ///
    /// See [`Source`].
    pub async fn async_io<R>(
        &self,
        interest: Interest,
        mut operation: impl FnMut(&T) -> io::Result<R>,
    ) -> io::Result<R> {
        self.0.async_io(interest, |object| operation(object.get_ref())).await
    }

    /// The object, for what needs no waiting. What may say `WouldBlock` goes through
    /// [`try_io`](Source::try_io).
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(unix)]
    /// # fn main() -> std::io::Result<()> {
    /// use std::io::{Read, Write};
    /// use std::os::unix::net::UnixStream;
    /// use oneloop::{Interest, Source};
    ///
    /// oneloop::block_on(async {
    /// #     let (mut ours, theirs) = UnixStream::pair()?;
    /// #     theirs.set_nonblocking(true)?;
    /// #     let mut source = Source::new(theirs)?;
    ///     assert!(source.get_ref().peer_addr()?.is_unnamed());
    /// #   Ok(())
    /// })
    /// # }
    /// # #[cfg(not(unix))]
    /// # fn main() {}
    /// ```
    pub fn get_ref(&self) -> &T {
        self.0.io().get_ref()
    }

    /// The object, to be changed. It must keep its descriptor.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(unix)]
    /// # fn main() -> std::io::Result<()> {
    /// use std::net::Shutdown;
    /// use std::io::{Read, Write};
    /// use std::os::unix::net::UnixStream;
    /// use oneloop::{Interest, Source};
    ///
    /// oneloop::block_on(async {
    /// #     let (mut ours, theirs) = UnixStream::pair()?;
    /// #     theirs.set_nonblocking(true)?;
    /// #     let mut source = Source::new(theirs)?;
    ///     source.get_mut().shutdown(Shutdown::Write)?;
    ///     assert_eq!(ours.read(&mut [0; 5])?, 0); // the end
    /// #   Ok(())
    /// })
    /// # }
    /// # #[cfg(not(unix))]
    /// # fn main() {}
    /// ```
    pub fn get_mut(&mut self) -> &mut T {
        self.0.io_mut().io.as_mut().expect("only into_inner takes it")
    }

    /// Ends the watch and returns the object, which is non-blocking still. One system call.
    ///
    /// # Errors
    ///
    /// If the operating system refuses; the object is then closed.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(unix)]
    /// # fn main() -> std::io::Result<()> {
    /// use std::io::{Read, Write};
    /// use std::os::unix::net::UnixStream;
    /// use oneloop::{Interest, Source};
    ///
    /// oneloop::block_on(async {
    /// #     let (mut ours, theirs) = UnixStream::pair()?;
    /// #     theirs.set_nonblocking(true)?;
    /// #     let mut source = Source::new(theirs)?;
    ///     let mut theirs = source.into_inner()?;
    ///     theirs.set_nonblocking(false)?;
    ///     ours.write_all(b"hello")?;
    ///     theirs.read_exact(&mut [0; 5])?;
    /// #   Ok(())
    /// })
    /// # }
    /// # #[cfg(not(unix))]
    /// # fn main() {}
    /// ```
    pub fn into_inner(mut self) -> io::Result<T> {
        self.0.deregister()?;
        Ok(self.0.io_mut().io.take().expect("only into_inner takes it"))
    }
}

impl<T: fmt::Debug> fmt::Debug for Source<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Source").field(&self.0.io().io).finish()
    }
}

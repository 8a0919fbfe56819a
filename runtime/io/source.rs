//! `Source`: any I/O object of the program, watched by the loop.

use std::fmt;
use std::io;
use std::task::{Context, Poll};

use super::ready::Ready;
use super::socket::{Socket, Watchable};
use crate::engine::context;
use crate::engine::driver::{Object, Readiness};
use crate::engine::interest::Interest;
use crate::engine::registration::Registration;

/// Makes any I/O object async: any object with a descriptor (on Unix), or any
/// [`mio::event::Source`].
///
/// The object must be non-blocking. Operations on it use [`try_io`](Source::try_io) or
/// [`async_io`](Source::async_io), because these methods tell the loop when the object is not
/// ready.
///
/// A source belongs to the runtime in which it was made, and to its thread. Dropping a source ends
/// the watch with a system call, and then drops the object.
///
/// # Limits
///
/// * Where mio uses `poll(2)` (its fallback, `mio_unsupported_force_poll_poll`), mio ends the watch
///   of a descriptor that had an error or was hung up. A task that waits at that time is woken at
///   once. Later waits return the error `NotFound`, and so does [`into_inner`](Source::into_inner).
/// * Linux reports urgent data (`MSG_OOB`, `POLLPRI`), which makes the object count as readable.
///   Other systems don't.
///
/// # Examples
///
/// ```ignore-windows
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
/// ```
pub struct Source<T>(Socket<UserObject<T>>);

/// An object of the program. The loop only knows how to watch it.
struct UserObject<T> {
    /// `None` after `into_inner` has taken it.
    io: Option<T>,
    /// Converts the object for the driver. Chosen when the source was made.
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

    /// Dropping `T` need not close the object, which may be shared. So this function ends the
    /// watch. `deregister` fails only if the object was already closed, and closing has ended the
    /// watch, too.
    fn end_watch(&mut self, registration: Registration<'_>) {
        if let Some(object) = self.object() {
            let _ = registration.deregister(object);
        }
    }
}

#[cfg(unix)]
impl<T: std::os::fd::AsFd> Source<T> {
    /// Watches a descriptor, in both directions. This makes one system call.
    ///
    /// A runtime watches each descriptor once. Two tasks that read and write share the source.
    /// [`Source`] has an example.
    ///
    /// # Errors
    ///
    /// The operating system's error. For instance, a regular file can't be watched. The error is
    /// `AlreadyExists` for a descriptor that this runtime watches already. The exception is kqueue
    /// (macOS and the BSDs) with [`Driver::Mio`](crate::Driver::Mio). There the system reports no
    /// error: the second watch replaces the first one, which receives no more events.
    ///
    /// # Panics
    ///
    /// The method panics outside a runtime.
    #[track_caller]
    pub fn new(io: T) -> io::Result<Source<T>> {
        use std::os::fd::AsRawFd;
        Source::watch(io, |io| Object { mio: None, raw: Some(io.as_fd().as_raw_fd()) })
    }
}

impl<T: mio::event::Source> Source<T> {
    /// Watches any object that mio can watch. This needs the driver
    /// [`Driver::Mio`](crate::Driver::Mio).
    ///
    /// On Windows, and where mio falls back to `poll(2)`, the object's operations must use mio's
    /// own I/O methods, as those of [`mio::net`] do. There these methods watch the object again
    /// after a `WouldBlock`.
    ///
    /// # Errors
    ///
    /// The error of the object's own `register`, or `Unsupported` on another driver.
    ///
    /// # Panics
    ///
    /// The method panics outside a runtime.
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

    /// Waits until the object counts as readable. An operation may still return `WouldBlock`; the
    /// task then waits again.
    ///
    /// If the object already counts as readable, the call makes no system call. Only an operation
    /// through this source that returns `WouldBlock` makes the object count as not readable. So a
    /// task that waits in a loop and tries nothing in between spins.
    ///
    /// # Errors
    ///
    /// The future returns an error if the source's runtime was dropped. On the driver `Polling`,
    /// and on mio's `poll(2)` fallback, it also returns an error if the operating system refuses to
    /// watch the object.
    ///
    /// # Cancel safety
    ///
    /// The future is cancel safe: it takes nothing from the object.
    ///
    /// # Examples
    ///
    /// ```ignore-windows
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
    /// ```
    pub fn readable(&self) -> Ready<'_> {
        self.0.readable()
    }

    /// Waits until the object counts as writable. An operation may still return `WouldBlock`; the
    /// task then waits again.
    ///
    /// # Errors
    ///
    /// The future returns the errors of [`readable`](Source::readable).
    ///
    /// # Cancel safety
    ///
    /// The future is cancel safe: it takes nothing from the object.
    ///
    /// # Examples
    ///
    /// ```ignore-windows
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
    /// ```
    pub fn writable(&self) -> Ready<'_> {
        self.0.writable()
    }

    /// The poll function behind [`readable`](Source::readable) and [`writable`](Source::writable).
    /// Several tasks may wait for the same direction, and all are woken.
    ///
    /// # Errors
    ///
    /// The method returns the errors of [`readable`](Source::readable).
    ///
    /// # Examples
    ///
    /// ```ignore-windows
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
    /// ```
    pub fn poll_ready(&self, cx: &mut Context<'_>, interest: Interest) -> Poll<io::Result<()>> {
        self.0.poll_ready(cx, interest)
    }

    /// Tries an operation now, if the object counts as ready for it. An operation that a signal
    /// interrupts is tried again.
    ///
    /// A new source does not count as ready until the loop has polled the driver.
    /// [`readable`](Source::readable) and [`writable`](Source::writable) wait for that.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if the object is not ready, without a call of `operation`. Otherwise the method
    /// returns the operation's result. If that is `WouldBlock`, the object counts as not ready
    /// until the next event.
    ///
    /// # Examples
    ///
    /// ```ignore-windows
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
    /// ```
    pub fn try_io<R>(
        &self,
        interest: Interest,
        mut operation: impl FnMut(&T) -> io::Result<R>,
    ) -> io::Result<R> {
        self.0.try_io(interest, |object| operation(object.get_ref()))
    }

    /// Waits until the object is ready and tries an operation, until the result is not
    /// `WouldBlock`. [`Source`] has an example.
    ///
    /// # Errors
    ///
    /// The error of `operation`, or an error if the source's runtime was dropped.
    ///
    /// # Cancel safety
    ///
    /// The method is cancel safe: once `operation` has succeeded, its result is returned in the
    /// same poll.
    pub async fn async_io<R>(
        &self,
        interest: Interest,
        mut operation: impl FnMut(&T) -> io::Result<R>,
    ) -> io::Result<R> {
        self.0.async_io(interest, |object| operation(object.get_ref())).await
    }

    /// Returns the object, for operations that need not wait. An operation that may return
    /// `WouldBlock` uses [`try_io`](Source::try_io).
    ///
    /// # Examples
    ///
    /// ```ignore-windows
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
    /// ```
    pub fn get_ref(&self) -> &T {
        self.0.io().get_ref()
    }

    /// Returns the object for a change. The object must keep its descriptor.
    ///
    /// # Examples
    ///
    /// ```ignore-windows
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
    /// ```
    pub fn get_mut(&mut self) -> &mut T {
        self.0.io_mut().io.as_mut().expect("only into_inner takes it")
    }

    /// Ends the watch and returns the object, which stays non-blocking. This makes one system call.
    ///
    /// # Errors
    ///
    /// The operating system's error. The object is then closed.
    ///
    /// # Examples
    ///
    /// ```ignore-windows
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

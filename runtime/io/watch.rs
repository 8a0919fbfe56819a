//! `Watch`: an I/O object that an `EventLoop` can watch.

use std::rc::Rc;

use crate::io::ready::Ready;

/// What an [`EventLoop`](crate::event_loop::EventLoop) can watch: every socket of [`oneloop::net`](crate::net), the
/// reading end of a pipe, a [`Source`](crate::io::source::Source), and whatever has one of them and passes this on.
///
/// # Examples
///
/// ```
/// use oneloop::Ready;
/// use oneloop::event_loop::Watch;
/// use oneloop::net::TcpStream;
///
/// struct Client {
///     name: String,
///     stream: TcpStream,
/// }
///
/// impl Watch for Client {
///     fn readable(&self) -> Ready<'_> {
///         self.stream.readable()
///     }
/// }
/// ```
pub trait Watch {
    /// Waits until it can be read; here it only says which socket it is.
    fn readable(&self) -> Ready<'_>;
}

impl<T: Watch + ?Sized> Watch for Rc<T> {
    fn readable(&self) -> Ready<'_> {
        (**self).readable()
    }
}

//! `Watch`: an I/O object that an `EventLoop` can watch.

use std::rc::Rc;

use crate::io::ready::Ready;
use crate::io::source::Source;
use crate::net::{TcpListener, TcpStream, UdpSocket};
#[cfg(unix)]
use crate::net::{UnixDatagram, UnixListener, UnixStream};
#[cfg(unix)]
use crate::pipe::PipeReader;

/// An object that an [`EventLoop`](super::EventLoop) can watch. The trait is implemented for every
/// socket of [`oneloop::net`](crate::net), the reading end of a pipe, and a [`Source`]. A type that
/// contains one of these implements it by a call of the inner method.
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
    /// Waits until the object is readable. The loop does not poll the future, and uses only its
    /// registration.
    fn readable(&self) -> Ready<'_>;
}

/// Implements the trait for types that have a method of this name.
macro_rules! impl_watch {
    ($($name:ident $(<$T:ident>)?),+) => {$(
        impl $(<$T>)? Watch for $name $(<$T>)? {
            fn readable(&self) -> Ready<'_> {
                self.readable()
            }
        }
    )+};
}

impl_watch!(Source<T>, TcpListener, TcpStream, UdpSocket);
#[cfg(unix)]
impl_watch!(UnixDatagram, UnixListener, UnixStream, PipeReader);

impl<T: Watch + ?Sized> Watch for Rc<T> {
    fn readable(&self) -> Ready<'_> {
        (**self).readable()
    }
}

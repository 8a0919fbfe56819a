//! A connection that counts as open until it is dropped.

use std::fmt;
use std::io::{self, IoSlice, IoSliceMut};
use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_io::{AsyncRead, AsyncWrite};
use oneloop::net::TcpStream;

use crate::shared::Shared;

/// A connection of a core, which is a [`TcpStream`] that counts as open until it is dropped.
///
/// It implements the same I/O traits as the stream, also for a shared reference, and dereferences to the
/// stream. [`into_parts`](Connection::into_parts) returns the stream itself, for instance to split it.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    /// This field is dropped after the stream, so the stream is closed when the count falls.
    open: Open,
}

impl Connection {
    pub(crate) fn new(stream: TcpStream, open: Open) -> Connection {
        Connection { stream, open }
    }

    /// Returns the stream and its [`Open`]. The connection counts as open until the [`Open`] is dropped.
    pub fn into_parts(self) -> (TcpStream, Open) {
        (self.stream, self.open)
    }
}

impl Deref for Connection {
    type Target = TcpStream;

    fn deref(&self) -> &TcpStream {
        &self.stream
    }
}

impl DerefMut for Connection {
    fn deref_mut(&mut self) -> &mut TcpStream {
        &mut self.stream
    }
}

/// Counts a connection as open until it is dropped.
pub struct Open {
    shared: Arc<Shared>,
    core: usize,
    /// True if another core gets the connection before this core has taken it.
    withdrawn: bool,
}

impl Open {
    pub(crate) fn new(shared: &Arc<Shared>, core: usize) -> Open {
        shared.gauge(core).counters.opened();
        Open { shared: shared.clone(), core, withdrawn: false }
    }

    pub(crate) fn withdraw(mut self) {
        self.withdrawn = true;
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let counters = &self.shared.gauge(self.core).counters;
        if self.withdrawn { counters.withdrawn() } else { counters.closed(std::thread::panicking()) }
    }
}

impl fmt::Debug for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Open").field("core", &self.core).finish_non_exhaustive()
    }
}

macro_rules! forward {
    ($name:ty, |$this:ident| $stream:expr) => {
        impl AsyncRead for $name {
            fn poll_read(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buf: &mut [u8],
            ) -> Poll<io::Result<usize>> {
                let $this = self.get_mut();
                AsyncRead::poll_read(Pin::new(&mut $stream), cx, buf)
            }

            fn poll_read_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bufs: &mut [IoSliceMut<'_>],
            ) -> Poll<io::Result<usize>> {
                let $this = self.get_mut();
                AsyncRead::poll_read_vectored(Pin::new(&mut $stream), cx, bufs)
            }
        }

        impl AsyncWrite for $name {
            fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
                let $this = self.get_mut();
                AsyncWrite::poll_write(Pin::new(&mut $stream), cx, buf)
            }

            fn poll_write_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bufs: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                let $this = self.get_mut();
                AsyncWrite::poll_write_vectored(Pin::new(&mut $stream), cx, bufs)
            }

            fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                let $this = self.get_mut();
                AsyncWrite::poll_flush(Pin::new(&mut $stream), cx)
            }

            fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                let $this = self.get_mut();
                AsyncWrite::poll_close(Pin::new(&mut $stream), cx)
            }
        }
    };
}

forward!(Connection, |this| this.stream);
forward!(&Connection, |this| &this.stream);

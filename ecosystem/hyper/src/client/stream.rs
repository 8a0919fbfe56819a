//! This file holds a client's connection: TCP, or TLS over TCP.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper_util::client::legacy::connect::{Connected, Connection};
use oneloop::net::TcpStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
#[cfg(feature = "tls")]
use tokio_rustls::client::TlsStream;

use crate::Io;

/// A connection that [`Connector`](super::Connector) made. It is TCP or, with the feature `tls`, TLS
/// over TCP.
///
/// After an upgrade, [`Upgraded::downcast`](hyper::upgrade::Upgraded::downcast) returns it as
/// `Io<Stream>`.
#[derive(Debug)]
pub struct Stream(Kind);

#[derive(Debug)]
enum Kind {
    Plain(TcpStream),
    #[cfg(feature = "tls")]
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    pub(super) fn plain(stream: TcpStream) -> Stream {
        Stream(Kind::Plain(stream))
    }

    #[cfg(feature = "tls")]
    pub(super) fn over_tls(stream: TlsStream<TcpStream>) -> Stream {
        Stream(Kind::Tls(Box::new(stream)))
    }

    /// Returns the TCP connection, which is below TLS if the connection has TLS.
    pub fn tcp(&self) -> &TcpStream {
        match &self.0 {
            Kind::Plain(stream) => stream,
            #[cfg(feature = "tls")]
            Kind::Tls(stream) => stream.get_ref().0,
        }
    }

    /// Returns the TLS session, which has the server's certificates, or `None` without TLS.
    #[cfg(feature = "tls")]
    pub fn tls(&self) -> Option<&rustls::ClientConnection> {
        match &self.0 {
            Kind::Plain(_) => None,
            Kind::Tls(stream) => Some(stream.get_ref().1),
        }
    }

    fn is_tls(&self) -> bool {
        !matches!(self.0, Kind::Plain(_))
    }

    fn negotiated_h2(&self) -> bool {
        #[cfg(feature = "tls")]
        return self.tls().and_then(|session| session.alpn_protocol()) == Some(b"h2");
        #[cfg(not(feature = "tls"))]
        false
    }
}

/// Calls a method of the stream inside.
macro_rules! inner {
    ($self:ident, $stream:ident => $call:expr) => {
        match &mut $self.get_mut().0 {
            Kind::Plain(stream) => {
                let $stream = Pin::new(stream);
                $call
            }
            #[cfg(feature = "tls")]
            Kind::Tls(stream) => {
                let $stream = Pin::new(&mut **stream);
                $call
            }
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        inner!(self, stream => stream.poll_read(cx, buf))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        inner!(self, stream => stream.poll_write(cx, buf))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        inner!(self, stream => stream.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        inner!(self, stream => stream.poll_shutdown(cx))
    }

    fn is_write_vectored(&self) -> bool {
        match &self.0 {
            Kind::Plain(stream) => stream.is_write_vectored(),
            #[cfg(feature = "tls")]
            Kind::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        inner!(self, stream => stream.poll_write_vectored(cx, bufs))
    }
}

impl Connection for Io<Stream> {
    fn connected(&self) -> Connected {
        let stream = self.get_ref();
        let mut connected = Connected::new();
        if let (Ok(local_addr), Ok(remote_addr)) = (stream.tcp().local_addr(), stream.tcp().peer_addr()) {
            connected = connected.extra(Info { local_addr, remote_addr, tls: stream.is_tls() });
        }
        if stream.negotiated_h2() { connected.negotiated_h2() } else { connected }
    }
}

/// The addresses of the connection that a response came over. Each response has them among its
/// extensions. They are missing if the connection was reset at the moment it was made.
///
/// # Examples
///
/// ```no_run
/// # async fn show() -> Result<(), Box<dyn std::error::Error>> {
/// use oneloop_hyper::client::Info;
///
/// let response = oneloop_hyper::client::<String>().get("http://localhost/".parse()?).await?;
/// if let Some(info) = response.extensions().get::<Info>() {
///     println!("from {} to {}", info.local_addr(), info.remote_addr());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Info {
    local_addr: SocketAddr,
    remote_addr: SocketAddr,
    tls: bool,
}

impl Info {
    /// Returns the address of this side.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Returns the address of the server.
    pub fn remote_addr(&self) -> SocketAddr {
        self.remote_addr
    }

    /// Returns whether the connection uses TLS.
    pub fn is_tls(&self) -> bool {
        self.tls
    }
}

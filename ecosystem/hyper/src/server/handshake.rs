//! This file holds a connection's TLS handshake, if its server has TLS.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use super::listener::Transport;
use super::noted::Noted;
use super::peer::Peer;
use super::record::Record;
use super::stream::Stream;

/// A connection that was accepted, and the input of its handshake.
pub(super) struct Handshake<T> {
    pub stream: T,
    pub remote_addr: Option<SocketAddr>,
    #[cfg(feature = "tls")]
    pub tls: Option<crate::tls::Acceptor>,
}

impl<T: Transport> Handshake<T> {
    /// Performs the handshake. Without TLS the future completes at the first poll.
    pub async fn run(self, record: &Rc<Record>) -> io::Result<(Stream<T>, Peer)> {
        let socket = Noted::new(self.stream, record.clone());
        let remote_addr = self.remote_addr;
        #[cfg(feature = "tls")]
        if let Some(acceptor) = self.tls {
            let stream = acceptor.accept(socket).await?;
            let tls = super::peer::Tls::of(stream.get_ref().1);
            let peer = Peer { remote_addr, tls: Some(tls.into()) };
            return Ok((Stream::Tls(Box::new(stream)), peer));
        }
        let peer = Peer {
            remote_addr,
            #[cfg(feature = "tls")]
            tls: None,
        };
        Ok((Stream::Plain(socket), peer))
    }
}

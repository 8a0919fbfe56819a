//! This file describes the client of a connection.

use std::net::SocketAddr;

/// The client of a connection, as [`serve_with`](crate::serve_with) gives it to the program.
#[derive(Clone, Debug)]
pub struct Peer {
    pub(super) remote_addr: Option<SocketAddr>,
    #[cfg(feature = "tls")]
    pub(super) tls: Option<std::sync::Arc<Tls>>,
}

impl Peer {
    /// Returns the client's address. A Unix socket has none.
    pub fn remote_addr(&self) -> Option<SocketAddr> {
        self.remote_addr
    }

    /// Returns the result of the TLS handshake, or `None` on a plain connection.
    #[cfg(feature = "tls")]
    pub fn tls(&self) -> Option<&Tls> {
        self.tls.as_deref()
    }
}

/// The result of a TLS handshake.
#[cfg(feature = "tls")]
#[derive(Debug)]
pub struct Tls {
    server_name: Option<String>,
    protocol: Option<Vec<u8>>,
    certificates: Vec<rustls::pki_types::CertificateDer<'static>>,
}

#[cfg(feature = "tls")]
impl Tls {
    pub(super) fn of(connection: &rustls::ServerConnection) -> Tls {
        let certificates = connection.peer_certificates().unwrap_or_default();
        Tls {
            server_name: connection.server_name().map(str::to_owned),
            protocol: connection.alpn_protocol().map(<[u8]>::to_vec),
            certificates: certificates.iter().map(|c| c.clone().into_owned()).collect(),
        }
    }

    /// Returns the host name that the client sent (SNI).
    pub fn server_name(&self) -> Option<&str> {
        self.server_name.as_deref()
    }

    /// Returns the protocol that both sides chose (ALPN), for example `h2`.
    pub fn protocol(&self) -> Option<&[u8]> {
        self.protocol.as_deref()
    }

    /// Returns the client's certificate chain, which begins with the client's own certificate. The chain
    /// is empty unless the configuration asks for one.
    pub fn certificates(&self) -> &[rustls::pki_types::CertificateDer<'static>] {
        &self.certificates
    }
}

//! TLS by [rustls] for servers and clients, with the cryptography of *ring*.
//!
//! [`Acceptor`] makes TLS streams of the connections that a server accepts. [`Roots`] and
//! [`client_config`] make the configuration of a client. Both offer HTTP/2 and HTTP/1.1 by ALPN,
//! and TLS 1.3 and 1.2.
//!
//! A client verifies the certificate of its server, always: no function here switches that off. A
//! program that needs another rule brings a [`ClientConfig`](rustls::ClientConfig) of its own.
//!
//! No function here uses or sets rustls' provider of the process.
//!
//! [rustls]: https://docs.rs/rustls

mod acceptor;
mod pem;
mod roots;
mod server_config;

use std::sync::Arc;

use rustls::crypto::CryptoProvider;

pub use acceptor::Acceptor;
pub use roots::{Roots, client_config};
pub use server_config::{server_config, server_config_from_files};

/// The protocols for ALPN of a configuration that has none, the preferred one first.
pub(crate) fn default_alpn() -> Vec<Vec<u8>> {
    vec![b"h2".to_vec(), b"http/1.1".to_vec()]
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

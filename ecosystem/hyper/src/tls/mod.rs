//! This module provides TLS by [rustls] for servers and clients, with the cryptography of *ring*.
//!
//! [`Acceptor`] makes TLS streams of the connections that a server accepts. [`Roots`] and
//! [`client_config`] make the configuration of a client. Both offer HTTP/2 and HTTP/1.1 by ALPN,
//! and TLS 1.3 and 1.2.
//!
//! A client always verifies the certificate of its server, and no function here turns that off. A
//! program that needs another rule makes its own [`ClientConfig`](rustls::ClientConfig).
//!
//! No function here uses or sets rustls' process-wide crypto provider.
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

/// Returns the ALPN protocols of a configuration that sets none. The preferred protocol is first.
pub(crate) fn default_alpn() -> Vec<Vec<u8>> {
    vec![b"h2".to_vec(), b"http/1.1".to_vec()]
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

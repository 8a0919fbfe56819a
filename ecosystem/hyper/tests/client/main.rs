//! The client and both sides of TLS.

mod support;

mod connecting;
mod pool;
mod threads;

#[cfg(feature = "tls")]
mod acceptor;
#[cfg(feature = "tls")]
mod certificates;
#[cfg(all(feature = "tls", unix))]
mod openssl;
#[cfg(not(feature = "tls"))]
mod without_tls;

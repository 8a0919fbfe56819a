//! These tests cover the client and both sides of TLS, with hyper's servers and with `serve`.

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
#[cfg(all(feature = "tls", feature = "server"))]
mod served;
#[cfg(all(feature = "server", feature = "tls"))]
mod serving;
#[cfg(not(feature = "tls"))]
mod without_tls;

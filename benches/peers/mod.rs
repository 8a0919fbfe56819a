//! The runtimes. Each server and each executor follows the documentation of its runtime.
//!
//! All servers receive the same listener, set `TCP_NODELAY` on every connection and read into buffers of
//! the same size.
//!
//! | file | holds |
//! |---|---|
//! | `server.rs` | the lists of the servers |
//! | `hyper.rs` | the HTTP servers, which need the feature `http` |
//! | `others.rs` | the part of both lists that needs the feature `peers` |
//! | `script.rs` | servers that another program runs: Python, Node |
//! | `executor.rs` | the list of the executors, and their interface for the operation cases |
//! | `connection.rs` | an echo connection without futures, for the servers that are loops |
//! | the other files | one runtime each |

#[cfg(feature = "peers")]
mod compio;
mod connection;
mod epoll;
mod executor;
#[cfg(feature = "peers")]
mod futures;
#[cfg(feature = "peers")]
mod glommio;
#[cfg(feature = "http")]
mod hyper;
#[cfg(feature = "peers")]
mod mio;
#[cfg(feature = "peers")]
mod monoio;
mod oneloop;
mod oneloop_queue;
#[cfg(feature = "peers")]
mod others;
#[cfg_attr(not(feature = "peers"), expect(dead_code, reason = "all scripts are peers"))]
mod script;
mod server;
#[cfg(feature = "peers")]
mod smol;
#[cfg(feature = "peers")]
mod tokio;

pub use executor::{Candidate, EXECUTORS, Executor};
pub use script::Interpreter;
pub use server::{HTTP_SERVERS, SERVERS, Serve, Server};

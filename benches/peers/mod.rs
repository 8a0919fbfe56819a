//! The runtimes, each written as its own documentation would have it.
//!
//! All servers get the same listener, set `TCP_NODELAY` on every connection and read into buffers of the same size.
//!
//! | file | holds |
//! |---|---|
//! | `server.rs` | the list of the servers |
//! | `script.rs` | servers that another program runs: Python, Node |
//! | `executor.rs` | the list of the executors, and what the operation cases ask of them |
//! | `connection.rs` | an echo connection without futures, for the servers that are loops |
//! | the others | one runtime each |

mod compio;
mod connection;
mod epoll;
mod executor;
mod futures;
mod glommio;
mod mio;
mod monoio;
mod oneloop;
mod oneloop_queue;
mod script;
mod server;
mod smol;
mod tokio;

pub use executor::{Candidate, EXECUTORS, Executor};
pub use script::Interpreter;
pub use server::{SERVERS, Serve, Server};

//! The ports that all cores serve. This module binds them and spreads their connections over the cores.

mod acceptor;
mod bind;
mod connection;
mod listener;
mod options;
mod port;
mod rest;

pub(crate) use acceptor::{accept, redistribute};
pub use connection::{Connection, Open};
pub use listener::Listener;
pub use options::{ListenOptions, Spread};
pub use port::Port;
pub(crate) use port::{Bound, CoreQueue, PortState};

//! One thread, one loop.
mod context;
mod driver;
mod handle;
pub mod io;
pub mod net;
mod reactor;
mod remote;
mod runtime;
#[cfg(feature = "signal")]
pub mod signal;
mod slots;
mod source;
mod sync;
mod task;
pub mod time;
mod timer;
#[cfg(feature = "unblock")]
mod unblock;

pub use driver::Driver;
pub use handle::{Handle, RemoteJoinHandle};
pub use reactor::Interest;
pub use runtime::{Builder, Runtime, block_on};
pub use source::{Ready, Source};
pub use task::{AbortHandle, JoinError, JoinHandle, YieldNow, spawn, yield_now};
#[cfg(feature = "unblock")]
pub use unblock::unblock;

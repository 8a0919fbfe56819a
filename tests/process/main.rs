//! Child processes.

mod children;
mod dropped;
mod tokio_io;
mod windows;

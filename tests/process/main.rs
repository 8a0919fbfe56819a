//! Child processes.

mod children;
mod dropped;
mod windows;

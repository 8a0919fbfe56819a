//! The few things shared between threads, from std; under `--cfg oneloop_loom` from loom, which tries every order
//! in which they can interleave.

#[cfg(not(oneloop_loom))]
pub(crate) use std::sync::{
    Arc, Mutex, RwLock,
    atomic::{AtomicU8, AtomicUsize, Ordering},
};

#[cfg(oneloop_loom)]
pub(crate) use loom::sync::{
    Arc, Mutex, RwLock,
    atomic::{AtomicU8, AtomicUsize, Ordering},
};

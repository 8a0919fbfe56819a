//! The few types that threads share. They come from std, and under `--cfg oneloop_loom` from loom,
//! which tries every order in which threads can interleave.

#[cfg(oneloop_loom)]
use loom::sync;
#[cfg(not(oneloop_loom))]
use std::sync;

#[cfg(feature = "event-loop")]
pub(crate) use sync::atomic::AtomicUsize;
pub(crate) use sync::{
    Arc, Mutex, RwLock,
    atomic::{AtomicU8, Ordering},
};

//! The types of data that threads share without a channel. They come from std, or from loom under
//! `--cfg oneloop_cores_loom`. loom runs every order of the accesses.

#[cfg(oneloop_cores_loom)]
use loom::sync;
#[cfg(not(oneloop_cores_loom))]
use std::sync;

pub(crate) use sync::Mutex;
pub(crate) use sync::atomic::{AtomicBool, AtomicU64, Ordering};

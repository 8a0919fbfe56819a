//! Whether this process is a fork of another one. A child has copies of the parent's memory and
//! descriptors, and shares with it what those refer to: the event queue, above all. A runtime that
//! the child has inherited must leave that alone.

use std::sync::Once;
#[cfg(feature = "unblock")]
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// How often a fork has led to this process. `_exit` and `exec` need none of it, and a child that
/// shares its parent's memory (`vfork`, `posix_spawn`) doesn't count.
static GENERATION: AtomicU32 = AtomicU32::new(0);

/// The generation of this process. One load.
#[inline]
pub(crate) fn generation() -> u32 {
    GENERATION.load(Ordering::Relaxed)
}

/// Has forks counted from now on. Not by the process's number: to ask for that is a system call,
/// and the loop would ask in each turn.
pub(crate) fn watch() {
    extern "C" fn count() {
        GENERATION.fetch_add(1, Ordering::Relaxed);
    }
    static WATCHED: Once = Once::new();
    WATCHED.call_once(|| handle(None, None, count));
}

pub(crate) type Handler = extern "C" fn();

/// Has handlers called at each fork: before it and after it in the parent, and after it in the
/// child. All run on the thread that forks. That of the child may only do what is
/// async-signal-safe.
pub(crate) fn handle(before: Option<Handler>, in_parent: Option<Handler>, in_child: Handler) {
    #[cfg(unix)]
    {
        let unsafe_fn = |handler: Handler| handler as unsafe extern "C" fn();
        let (before, in_parent) = (before.map(unsafe_fn), in_parent.map(unsafe_fn));
        // SAFETY: the handlers live as long as the process. Those of this crate change an atomic
        // number, and a lock that their own thread holds.
        let error = unsafe { libc::pthread_atfork(before, in_parent, Some(in_child)) };
        assert_eq!(error, 0, "pthread_atfork: there is no memory left"); // its only error
    }
    #[cfg(not(unix))]
    let _ = (before, in_parent, in_child); // no such call
}

/// A value of which each generation has its own. It is for locks: one that another thread of the
/// parent holds at the fork is never released in the child, where that thread doesn't exist.
#[cfg(feature = "unblock")]
pub(crate) struct OfGeneration<T> {
    value: T,
    next: OnceLock<Box<OfGeneration<T>>>,
}

#[cfg(feature = "unblock")]
impl<T> OfGeneration<T> {
    pub(crate) const fn new(value: T) -> OfGeneration<T> {
        OfGeneration { value, next: OnceLock::new() }
    }

    /// That of this process; `make` is called at its first use after a fork. The parent's stays in
    /// memory.
    pub(crate) fn get(&self, make: fn() -> T) -> &T {
        let mut current = self;
        for _ in 0..generation() {
            // No fork can come while another thread of this generation makes the next one's.
            current = current.next.get_or_init(|| Box::new(OfGeneration::new(make())));
        }
        &current.value
    }
}

/// The error of a runtime that the process inherited by a fork.
#[cold]
pub(crate) fn inherited() -> std::io::Error {
    std::io::Error::other(
        "this oneloop runtime was made before a fork, and belongs to the parent process: make a new one in the \
         child",
    )
}

//! The check whether this process is a fork of another process. A child has copies of the parent's
//! memory and descriptors. The child and the parent share the objects that the descriptors refer to,
//! such as the event queue. A runtime that the child has inherited must not use those objects.

use std::sync::Once;
#[cfg(feature = "unblock")]
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// The number of forks that have led to this process. `_exit` and `exec` don't use the number. A child
/// that shares its parent's memory (`vfork`, `posix_spawn`) doesn't count.
static GENERATION: AtomicU32 = AtomicU32::new(0);

/// Returns the generation of this process. The function costs one load.
#[inline]
pub(crate) fn generation() -> u32 {
    GENERATION.load(Ordering::Relaxed)
}

/// Starts to count forks. The process id would also show a fork. But reading the id is a system call,
/// and the loop would make that call in each turn.
pub(crate) fn watch() {
    extern "C" fn count() {
        GENERATION.fetch_add(1, Ordering::Relaxed);
    }
    static WATCHED: Once = Once::new();
    WATCHED.call_once(|| handle(None, None, count));
}

pub(crate) type Handler = extern "C" fn();

/// Registers handlers for each fork. The first handler runs in the parent before the fork, the second
/// in the parent after the fork, and the third in the child. All handlers run on the thread that forks.
/// The handler in the child may only call functions that are async-signal-safe.
pub(crate) fn handle(before: Option<Handler>, in_parent: Option<Handler>, in_child: Handler) {
    #[cfg(unix)]
    {
        let unsafe_fn = |handler: Handler| handler as unsafe extern "C" fn();
        let (before, in_parent) = (before.map(unsafe_fn), in_parent.map(unsafe_fn));
        // SAFETY: the handlers are functions, so they are valid as long as the process. The handlers of
        // this crate change only an atomic number, and a lock that their own thread holds.
        let error = unsafe { libc::pthread_atfork(before, in_parent, Some(in_child)) };
        assert_eq!(error, 0, "pthread_atfork: there is no memory left"); // the only error
    }
    #[cfg(not(unix))]
    let _ = (before, in_parent, in_child); // other systems have no fork
}

/// A value that each generation has a copy of. The type is for locks. If another thread of the parent
/// holds a lock at the fork, no thread releases the lock in the child, because that other thread
/// doesn't exist there.
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

    /// Returns the value of this process. The first use after a fork calls `make`. The value of the
    /// parent stays in memory.
    pub(crate) fn get(&self, make: fn() -> T) -> &T {
        let mut current = self;
        for _ in 0..generation() {
            // No fork can happen while another thread of this generation makes the next value.
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

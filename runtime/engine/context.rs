//! Which runtime this thread is in: the only thread-local of the crate.
//!
//! `spawn`, a socket's constructor and a waker all need "the loop that I am on". While `block_on`
//! runs (and while a runtime drops its tasks) the thread-local points to that runtime's core;
//! outside it is null. It has no destructor, so code that runs late at thread exit still finds it
//! and gets the ordinary answer, "no runtime here".

use std::cell::Cell;
use std::ptr;
use std::rc::Rc;

use super::core::Core;

#[cfg(not(oneloop_loom))]
thread_local! {
    /// A pointer to the `Rc` that an `enter` further up this thread's stack borrows, or null.
    static CURRENT: Cell<*const Rc<Core>> = const { Cell::new(ptr::null()) };
}
// For loom all threads are one of the operating system's.
#[cfg(oneloop_loom)]
loom::thread_local! {
    static CURRENT: Cell<*const Rc<Core>> = Cell::new(ptr::null());
}

/// Runs `f` with `core` as this thread's runtime, and puts the previous one back afterwards, also
/// when `f` panics. Nesting is allowed here (a runtime may be dropped inside another); `block_on`
/// refuses it.
pub(crate) fn enter<R>(core: &Rc<Core>, f: impl FnOnce() -> R) -> R {
    struct Restore(*const Rc<Core>);
    impl Drop for Restore {
        fn drop(&mut self) {
            CURRENT.with(|current| current.set(self.0));
        }
    }
    let _restore = Restore(CURRENT.with(|current| current.replace(core)));
    f()
}

/// Calls `f` with this thread's runtime, if it is in one. (On the path of every wake-up: out of
/// line it would cost more than what it does.)
#[inline(always)]
pub(crate) fn try_with<R>(f: impl FnOnce(Option<&Rc<Core>>) -> R) -> R {
    // SAFETY: a pointer that is not null was put there by an `enter` that has not returned yet, and
    // that one borrows the `Rc` for as long as it runs. `f` can't keep the reference: its lifetime
    // is `f`'s own.
    f(unsafe { CURRENT.with(Cell::get).as_ref() })
}

/// Calls `f` with this thread's runtime.
///
/// # Panics
///
/// Outside a runtime, with a message that names `what` was done and the way out.
#[inline]
#[track_caller]
pub(crate) fn with<R>(what: &str, f: impl FnOnce(&Rc<Core>) -> R) -> R {
    #[cold]
    #[track_caller]
    fn outside(what: &str) -> ! {
        panic!(
            "{what} outside a oneloop runtime: do it inside `oneloop::block_on` or `Runtime::block_on`, \
             or in a task spawned there (for an `EventLoop`: inside its `enter`)"
        )
    }
    // Not in the closure, which would hide the caller's place from the message.
    match try_with(|core| core.map(f)) {
        Some(result) => result,
        None => outside(what),
    }
}

/// Panics outside a runtime, as [`with`] does: for what must not be begun there.
#[track_caller]
#[cfg(any(unix, feature = "process"))]
pub(crate) fn require(what: &str) {
    with(what, |_| ());
}

/// Whether a loop of this process goes around further up this thread's stack. (After a fork the
/// child has a copy of the stack, with the parent's loop on it.)
pub(crate) fn runs_here() -> bool {
    try_with(|core| core.is_some_and(|core| !core.is_inherited()))
}

//! The runtime that the current thread is in, stored in the only thread-locals of the loop.
//!
//! A thread has two thread-locals. [`CURRENT`] is the loop that runs further up this thread's stack. A
//! waker and a timer need that loop, because only its tables may be used without a message. [`LAST`] is
//! the first entry of a list. The entry names the runtime that was entered last, by a loop or by a
//! guard of `Runtime::enter`. `spawn` and a socket's constructor use that runtime. Both thread-locals
//! are null outside a runtime. They have no destructors, so code that runs late at thread exit can
//! still read them, and finds no runtime.

use std::cell::Cell;
use std::marker::PhantomData;
use std::ptr;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::core::Core;
use super::happening::{Cause, Happening};

#[cfg(not(oneloop_loom))]
thread_local! {
    /// The runtime of the innermost loop of this thread, or null.
    static CURRENT: Cell<*const Rc<Core>> = const { Cell::new(ptr::null()) };
    /// The last entry, or null.
    static LAST: Cell<*const Entry> = const { Cell::new(ptr::null()) };
}
// Loom runs all threads on one thread of the operating system.
#[cfg(oneloop_loom)]
loom::thread_local! {
    static CURRENT: Cell<*const Rc<Core>> = Cell::new(ptr::null());
    static LAST: Cell<*const Entry> = Cell::new(ptr::null());
}

/// An entry of this thread into a runtime. The entry does not move while it is in the list. It is on
/// the stack of [`enter`], or on the heap for a [`Guard`].
struct Entry {
    /// The runtime. The pointer is valid for as long as the entry is in the list.
    core: Cell<*const Rc<Core>>,
    below: Cell<*const Entry>,
}

impl Entry {
    #[inline]
    fn new() -> Entry {
        Entry { core: Cell::new(ptr::null()), below: Cell::new(ptr::null()) }
    }

    #[inline]
    fn push(&self, core: *const Rc<Core>) {
        self.core.set(core);
        self.below.set(LAST.with(|last| last.replace(self)));
    }

    /// Removes the entry from the list.
    #[inline]
    fn remove(&self) {
        if ptr::eq(LAST.with(Cell::get), self) {
            LAST.with(|last| last.set(self.below.get()));
        } else {
            self.remove_below();
        }
    }

    /// Removes an entry that isn't the last one. Guards may be dropped in any order.
    #[cold]
    fn remove_below(&self) {
        let mut at = LAST.with(Cell::get);
        while !at.is_null() {
            at = visit(at, |entry| {
                let entry = entry.expect("not null");
                if !ptr::eq(entry.below.get(), self) {
                    return entry.below.get();
                }
                entry.below.set(self.below.get());
                ptr::null()
            });
        }
    }
}

#[inline(always)]
fn visit<T, R>(pointer: *const T, f: impl FnOnce(Option<&T>) -> R) -> R {
    // SAFETY: a pointer that is not null comes from an entry that is still in the list. The pointer is
    // to that entry, which does not move until its removal, or to the `Rc` of the entry. That `Rc` is
    // borrowed by `enter` or lies beside the entry on the heap, so it is valid until the removal, too.
    // A guard that is leaked leaks both. `f` can't keep the reference, because the lifetime of the
    // reference is `f`'s own. No `f` runs foreign code, which might drop a guard during the call.
    f(unsafe { pointer.as_ref() })
}

/// Runs `f` as the loop of `core` on this thread, and leaves the loop afterwards, also when `f` panics.
/// The function may be nested, because a runtime may be dropped inside another runtime. `block_on`
/// refuses to nest.
#[inline]
pub(crate) fn enter<R>(core: &Rc<Core>, f: impl FnOnce() -> R) -> R {
    struct Leave<'a>(&'a Entry, *const Rc<Core>);
    impl Drop for Leave<'_> {
        #[inline]
        fn drop(&mut self) {
            self.0.remove();
            CURRENT.with(|current| current.set(self.1));
        }
    }
    let entry = Entry::new();
    entry.push(core);
    let _leave = Leave(&entry, CURRENT.with(|current| current.replace(core)));
    f()
}

/// Runs `f` inside the innermost loop of this thread, also if a task of that loop has entered another
/// runtime by a guard. Messages of other threads to that loop run in this way.
pub(crate) fn enter_loop<R>(f: impl FnOnce() -> R) -> R {
    match try_with(|core| core.cloned()) {
        Some(core) => enter(&core, f),
        None => f(),
    }
}

/// A guard that makes a runtime the one to spawn on, until the guard is dropped or another runtime is
/// entered. The guard owns the memory that the list points to, so a guard that is never dropped only
/// leaks.
pub(crate) struct Guard<'a> {
    // The field is an `Rc` and not a `Box`, because the list points to the content while the guard
    // moves.
    entered: Rc<(Entry, Rc<Core>)>,
    _runtime: PhantomData<&'a Rc<Core>>,
}

impl<'a> Guard<'a> {
    pub(crate) fn new(core: &'a Rc<Core>) -> Guard<'a> {
        let entered = Rc::new((Entry::new(), core.clone()));
        entered.0.push(&raw const entered.1);
        Guard { entered, _runtime: PhantomData }
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.entered.0.remove();
    }
}

/// Calls `f` with the runtime of this thread's innermost loop, if one runs. **`f` runs no foreign
/// code**, see [`visit`]. Callers that run foreign code use [`current`]. The function is on the path of
/// every wake-up. Out of line, its call would cost more than its work.
#[inline(always)]
pub(crate) fn try_with<R>(f: impl FnOnce(Option<&Rc<Core>>) -> R) -> R {
    visit(CURRENT.with(Cell::get), f)
}

/// Calls `f` with the runtime that this thread has entered last, if any. `f` runs no foreign code here,
/// either.
#[inline(always)]
pub(crate) fn try_with_last<R>(f: impl FnOnce(Option<&Rc<Core>>) -> R) -> R {
    let core = visit(LAST.with(Cell::get), |entry| entry.map_or(ptr::null(), |entry| entry.core.get()));
    visit(core, f)
}

/// Returns the runtime that this thread has entered last, if any. Tasks, sockets and sleeps are made in
/// that runtime.
#[inline]
pub(crate) fn current() -> Option<Rc<Core>> {
    try_with_last(|core| core.cloned())
}

/// Calls `f` with this thread's runtime.
///
/// # Panics
///
/// The call panics outside a runtime. The message names the operation `what` and says how to enter a
/// runtime.
#[inline]
#[track_caller]
pub(crate) fn with<R>(what: &str, f: impl FnOnce(&Rc<Core>) -> R) -> R {
    // A closure would hide the caller's place from the message, so the code uses a `match`.
    match current() {
        Some(core) => f(&core),
        None => outside(what),
    }
}

#[cold]
#[track_caller]
pub(crate) fn outside(what: &str) -> ! {
    panic!(
        "{what} outside a oneloop runtime: do it inside `oneloop::block_on` or `Runtime::block_on`, \
         in a task spawned there, or under the guard of `Runtime::enter` (for an `EventLoop`: inside its `enter`)"
    )
}

/// Charges the budget of this thread's loop for an operation that belongs to no runtime. Outside of a
/// loop there is no budget, so the operation is free.
#[inline]
pub(crate) fn charge(cx: &mut Context<'_>) -> Poll<()> {
    if try_with(|core| core.is_none_or(|core| core.budget.take())) {
        return Poll::Ready(());
    }
    let core = try_with(|core| core.cloned());
    core.into_iter().for_each(|core| core.budget.deny(cx)); // may wake a foreign waker
    Poll::Pending
}

/// Tells the observer of this thread's loop of a happening, if the loop has an observer.
#[inline]
#[allow(dead_code)] // only some features use it
pub(crate) fn tell<'a>(happening: impl FnOnce(Cause) -> Happening<'a>) {
    try_with(|core| {
        if let Some(core) = core {
            core.tasks.hook.tell(happening);
        }
    });
}

/// Panics outside a runtime, as [`with`] does. Operations that must not begin outside a runtime call
/// this function.
#[track_caller]
#[cfg(any(unix, feature = "process"))]
pub(crate) fn require(what: &str) {
    with(what, |_| ());
}

/// Returns whether a loop of this process runs further up this thread's stack. After a fork the child
/// has a copy of the stack, and the parent's loop on that copy does not count.
#[inline]
pub(crate) fn runs_here() -> bool {
    try_with(|core| core.is_some_and(|core| !core.is_inherited()))
}

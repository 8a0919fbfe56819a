//! Which runtime this thread is in: the only thread-locals of the loop.
//!
//! Two questions have two answers. A waker and a timer ask which loop goes around further up this
//! thread's stack, because only then may its tables be touched without telling it: that is
//! [`CURRENT`]. `spawn` and a socket's constructor ask for the runtime that was entered last, be it
//! by a loop or by a guard of `Runtime::enter`: that is the first of a list, [`LAST`]. Both are null
//! outside. They have no destructors, so code that runs late at thread exit still finds them and
//! gets the ordinary answer, "no runtime here".

use std::cell::Cell;
use std::marker::PhantomData;
use std::ptr;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::core::Core;

#[cfg(not(oneloop_loom))]
thread_local! {
    /// The runtime of the innermost loop of this thread, or null.
    static CURRENT: Cell<*const Rc<Core>> = const { Cell::new(ptr::null()) };
    /// The last entry, or null.
    static LAST: Cell<*const Entry> = const { Cell::new(ptr::null()) };
}
// For loom all threads are one of the operating system's.
#[cfg(oneloop_loom)]
loom::thread_local! {
    static CURRENT: Cell<*const Rc<Core>> = Cell::new(ptr::null());
    static LAST: Cell<*const Entry> = Cell::new(ptr::null());
}

/// An entry of this thread into a runtime. It stays where it is while it is in the list: on the
/// stack of [`enter`], or on the heap for a [`Guard`].
struct Entry {
    /// Valid for as long as the entry is in the list.
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

    /// Takes the entry out of the list.
    #[inline]
    fn remove(&self) {
        if ptr::eq(LAST.with(Cell::get), self) {
            LAST.with(|last| last.set(self.below.get()));
        } else {
            self.remove_below();
        }
    }

    /// The same for one that isn't the last: guards are dropped in any order.
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
    // SAFETY: a pointer that is not null comes from an entry that has not been taken out of the list
    // yet: to that entry, which stays where it is until then, or to the `Rc` that its `enter`
    // borrows, or that lies beside it on the heap, for as long. A guard that is forgotten leaks both.
    // `f` can't keep the reference: its lifetime is `f`'s own. And no `f` runs foreign code, which
    // might drop a guard meanwhile.
    f(unsafe { pointer.as_ref() })
}

/// Runs `f` as the loop of `core` on this thread, and leaves it afterwards, also when `f` panics.
/// Nesting is allowed here (a runtime may be dropped inside another); `block_on` refuses it.
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

/// Runs `f` inside the innermost loop of this thread, also if a task of it has entered another runtime
/// by a guard: for what other threads ask of that loop.
pub(crate) fn enter_loop<R>(f: impl FnOnce() -> R) -> R {
    match try_with(|core| core.cloned()) {
        Some(core) => enter(&core, f),
        None => f(),
    }
}

/// Makes a runtime the one to spawn on, until it is dropped or another is entered. It owns what the
/// list points to, so that one that is forgotten only leaks.
pub(crate) struct Guard<'a> {
    // An `Rc`, not a `Box`: the list points to it while the guard is moved.
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

/// Calls `f` with the runtime of this thread's innermost loop, if one goes around. **`f` runs no
/// foreign code**, see [`visit`]; [`current`] is for what does. (On the path of every wake-up: out of
/// line it would cost more than what it does.)
#[inline(always)]
pub(crate) fn try_with<R>(f: impl FnOnce(Option<&Rc<Core>>) -> R) -> R {
    visit(CURRENT.with(Cell::get), f)
}

/// The same with the runtime that this thread has entered last, if any. Nor does this `f` run foreign
/// code.
#[inline(always)]
pub(crate) fn try_with_last<R>(f: impl FnOnce(Option<&Rc<Core>>) -> R) -> R {
    let core = visit(LAST.with(Cell::get), |entry| entry.map_or(ptr::null(), |entry| entry.core.get()));
    visit(core, f)
}

/// The runtime that this thread has entered last, if any: for what is made in it.
#[inline]
pub(crate) fn current() -> Option<Rc<Core>> {
    try_with_last(|core| core.cloned())
}

/// Calls `f` with this thread's runtime.
///
/// # Panics
///
/// Outside a runtime, with a message that names `what` was done and the way out.
#[inline]
#[track_caller]
pub(crate) fn with<R>(what: &str, f: impl FnOnce(&Rc<Core>) -> R) -> R {
    // Not in a closure, which would hide the caller's place from the message.
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

/// Charges the budget of this thread's loop, for an operation that belongs to none. Outside of a loop
/// there is no budget.
#[inline]
pub(crate) fn charge(cx: &mut Context<'_>) -> Poll<()> {
    if try_with(|core| core.is_none_or(|core| core.budget.take())) {
        return Poll::Ready(());
    }
    let core = try_with(|core| core.cloned());
    core.into_iter().for_each(|core| core.budget.deny(cx)); // wakes, perhaps a foreign waker
    Poll::Pending
}

/// Panics outside a runtime, as [`with`] does: for what must not be begun there.
#[track_caller]
#[cfg(any(unix, feature = "process"))]
pub(crate) fn require(what: &str) {
    with(what, |_| ());
}

/// Whether a loop of this process goes around further up this thread's stack. (After a fork the
/// child has a copy of the stack, with the parent's loop on it.)
#[inline]
pub(crate) fn runs_here() -> bool {
    try_with(|core| core.is_some_and(|core| !core.is_inherited()))
}

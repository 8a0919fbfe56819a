//! Which runtime this thread is in: the only thread-local of the loop.
//!
//! `spawn`, a socket's constructor and a waker all need "the loop that I am on". The thread-local
//! points to the last of the entries into a runtime on this thread, each of which points to the one
//! before: `block_on`, the drop of a runtime, or a guard of `Runtime::enter`. Outside it is null. It
//! has no destructor, so code that runs late at thread exit still finds it and gets the ordinary
//! answer, "no runtime here".

use std::cell::Cell;
use std::marker::PhantomData;
use std::ptr;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::core::Core;

#[cfg(not(oneloop_loom))]
thread_local! {
    /// The runtime of the last entry, or null.
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
/// stack of [`enter`], or in the box of a [`Guard`].
struct Entry {
    below: Cell<*const Entry>,
    /// The runtime of the entry below, or null. That of the last entry is [`CURRENT`].
    below_core: Cell<*const Rc<Core>>,
    /// A loop goes around in it; a guard only says where to spawn.
    is_loop: bool,
}

impl Entry {
    #[inline]
    fn new(is_loop: bool) -> Entry {
        Entry { below: Cell::new(ptr::null()), below_core: Cell::new(ptr::null()), is_loop }
    }

    /// Puts the entry into the list. It borrows `core` until it is taken out.
    #[inline]
    fn push(&self, core: *const Rc<Core>) {
        self.below.set(LAST.with(|last| last.replace(self)));
        self.below_core.set(CURRENT.with(|current| current.replace(core)));
    }

    /// Takes the entry out of the list.
    #[inline]
    fn remove(&self) {
        if !ptr::eq(LAST.with(Cell::get), self) {
            return self.remove_below();
        }
        LAST.with(|last| last.set(self.below.get()));
        CURRENT.with(|current| current.set(self.below_core.get()));
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
                entry.below_core.set(self.below_core.get());
                ptr::null()
            });
        }
    }
}

#[inline(always)]
fn visit<T, R>(pointer: *const T, f: impl FnOnce(Option<&T>) -> R) -> R {
    // SAFETY: a pointer that is not null comes from an entry that has not been taken out of the list
    // yet: to that entry, which stays where it is until then, or to the `Rc` that it borrows until
    // then. `f` can't keep the reference: its lifetime is `f`'s own. And no `f` runs foreign code,
    // which might drop a guard meanwhile.
    f(unsafe { pointer.as_ref() })
}

/// Runs `f` with `core` as this thread's runtime, and leaves it afterwards, also when `f` panics.
/// Nesting is allowed here (a runtime may be dropped inside another); `block_on` refuses it.
#[inline]
pub(crate) fn enter<R>(core: &Rc<Core>, f: impl FnOnce() -> R) -> R {
    struct Leave<'a>(&'a Entry);
    impl Drop for Leave<'_> {
        fn drop(&mut self) {
            self.0.remove();
        }
    }
    let entry = Entry::new(true);
    entry.push(core);
    let _leave = Leave(&entry);
    f()
}

/// Makes a runtime this thread's until it is dropped, unless another is entered later.
pub(crate) struct Guard<'a> {
    entry: Box<Entry>,
    _core: PhantomData<&'a Rc<Core>>,
}

impl<'a> Guard<'a> {
    pub(crate) fn new(core: &'a Rc<Core>) -> Guard<'a> {
        let entry = Box::new(Entry::new(false));
        entry.push(core);
        Guard { entry, _core: PhantomData }
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.entry.remove();
    }
}

/// Calls `f` with this thread's runtime, if it is in one. **`f` runs no foreign code**, which might
/// drop the guard that keeps the entry; [`current`] is for what does. (On the path of every wake-up:
/// out of line it would cost more than what it does.)
#[inline(always)]
pub(crate) fn try_with<R>(f: impl FnOnce(Option<&Rc<Core>>) -> R) -> R {
    visit(CURRENT.with(Cell::get), f)
}

/// This thread's runtime, if it is in one.
#[inline]
pub(crate) fn current() -> Option<Rc<Core>> {
    try_with(|core| core.cloned())
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

/// Charges the budget of this thread's runtime, for an operation that belongs to none. Outside of a
/// runtime there is no budget.
#[inline]
pub(crate) fn charge(cx: &mut Context<'_>) -> Poll<()> {
    if try_with(|core| core.is_none_or(|core| core.budget.take())) {
        return Poll::Ready(());
    }
    current().into_iter().for_each(|core| core.budget.deny(cx)); // wakes, perhaps a foreign waker
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
    !LAST.with(Cell::get).is_null() && loop_runs()
}

#[cold]
fn loop_runs() -> bool {
    let (mut at, mut core) = (LAST.with(Cell::get), CURRENT.with(Cell::get));
    while let Some((is_loop, below, below_core)) =
        visit(at, |entry| entry.map(|entry| (entry.is_loop, entry.below.get(), entry.below_core.get())))
    {
        if is_loop && visit(core, |core| core.is_some_and(|core| !core.is_inherited())) {
            return true;
        }
        (at, core) = (below, below_core);
    }
    false
}

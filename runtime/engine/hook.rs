//! The hook of an observer. The loop tells the observer of each happening, at the few places where it
//! occurs.
//!
//! With the feature `trace` the hook can hold an observer, and each place pays one comparison for the
//! check. Without the feature, the hook is empty, and each place compiles to no code.
//!
//! A place does not always know the cause of its happening. A wake-up, for example, comes from a table.
//! So the loop tells the hook the current cause ([`Hook::because`]).

#[cfg(feature = "trace")]
pub(crate) use on::Hook;

#[cfg(not(feature = "trace"))]
pub(crate) use off::Hook;

#[cfg(feature = "trace")]
mod on {
    use std::cell::Cell;
    use std::rc::Rc;

    use crate::engine::counters::Counter;
    use crate::engine::happening::{Cause, Happening};
    use crate::engine::record::Recorder;

    pub(crate) struct Hook {
        on: Cell<bool>,
        cause: Cell<Cause>,
        /// The number of turns that had ended when the observer was told of the current turn.
        turn: Cell<Option<u64>>,
        /// The observer, which is out of the cell while it is called.
        observer: Cell<Option<Rc<Recorder>>>,
    }

    impl Hook {
        pub(crate) fn new() -> Hook {
            Hook {
                on: Cell::new(false),
                cause: Cell::new(Cause::OUTSIDE),
                turn: Cell::new(None),
                observer: Cell::new(None),
            }
        }

        /// Returns whether an observer receives happenings.
        #[inline(always)]
        pub(crate) fn is_on(&self) -> bool {
            self.on.get()
        }

        /// Returns whether the observer has to be told of a new turn. `turns` counts the turns that
        /// have ended.
        #[inline(always)]
        pub(crate) fn begins_turn(&self, turns: &Counter) -> bool {
            self.is_on() && self.turn.replace(Some(turns.get())) != Some(turns.get())
        }

        /// Tells the observer of a happening. `happening` receives the current cause. The observer uses
        /// no part of the runtime and calls no foreign code.
        #[inline(always)]
        pub(crate) fn tell<'a>(&self, happening: impl FnOnce(Cause) -> Happening<'a>) {
            if self.is_on() {
                self.tell_now(happening);
            }
        }

        /// Calls the observer. The function stays out of line, with one copy for each place. So the
        /// code of the place stays small, and each copy knows its happening.
        #[cold]
        #[inline(never)]
        fn tell_now<'a>(&self, happening: impl FnOnce(Cause) -> Happening<'a>) {
            let Some(observer) = self.observer.take() else { return };
            observer.observe(happening(self.cause.get()));
            // The cell is empty here, so the old value needs no drop. The compiler does not know this.
            std::mem::forget(self.observer.replace(Some(observer)));
        }

        /// Sets the cause of the happenings that follow.
        #[inline(always)]
        pub(crate) fn because(&self, cause: impl FnOnce() -> Cause) {
            if self.is_on() {
                self.cause.set(cause());
            }
        }

        /// Returns the observer that was set last, also if the hook is switched off.
        pub(crate) fn observer(&self) -> Option<Rc<Recorder>> {
            let observer = self.observer.take();
            self.observer.set(observer.clone());
            observer
        }

        /// Sets the observer, which replaces the observer before it.
        pub(crate) fn set_observer(&self, observer: Rc<Recorder>) {
            self.observer.set(Some(observer));
        }

        pub(crate) fn switch(&self, on: bool) {
            self.cause.set(Cause::OUTSIDE);
            self.turn.set(None);
            self.on.set(on);
        }
    }
}

#[cfg(not(feature = "trace"))]
mod off {
    use crate::engine::counters::Counter;
    use crate::engine::happening::{Cause, Happening};

    /// The hook without the feature `trace`, which has no observer.
    pub(crate) struct Hook;

    impl Hook {
        pub(crate) fn new() -> Hook {
            Hook
        }

        #[inline(always)]
        pub(crate) fn is_on(&self) -> bool {
            false
        }

        #[inline(always)]
        pub(crate) fn begins_turn(&self, _: &Counter) -> bool {
            false
        }

        #[inline(always)]
        pub(crate) fn tell<'a>(&self, _: impl FnOnce(Cause) -> Happening<'a>) {}

        #[inline(always)]
        pub(crate) fn because(&self, _: impl FnOnce() -> Cause) {}
    }
}

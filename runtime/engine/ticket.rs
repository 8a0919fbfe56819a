//! The waker: a ticket, not a reference.
//!
//! An ordinary waker points to its task and counts references to it. Ours is one word that *names*
//! the task:
//!
//! ```text
//!  63            48 47                    24 23                     0
//! ┌────────────────┬────────────────────────┬────────────────────────┐
//! │ runtime number │        slot key        │   slot's generation    │
//! └────────────────┴────────────────────────┴────────────────────────┘
//! ```
//!
//! Cloning copies the word and dropping does nothing, so a forgotten waker leaks nothing. A task's
//! memory is free when it has completed and its join handle was dropped or has taken the output.
//! The slot is then in its next generation and the ticket matches nothing: waking does nothing, as
//! it does nothing when the runtime was dropped. The one false match left is a ticket of a dropped
//! runtime whose number, key and generation are all in use again: that is a spurious wake-up, which
//! the contract of `Future` allows.
//!
//! On the loop's own thread waking is a thread-local read, a compare and a push: no atomics. From
//! any other thread it goes through the runtime's inbox (see `inbox.rs`).
//!
//! The price: 65,535 runtimes alive at once, 16.7 million tasks alive in one runtime, and a 64-bit
//! target.

use std::fmt;
use std::num::NonZeroU64;

use super::slots::KEY_MAX;

#[cfg(not(target_pointer_width = "64"))]
compile_error!("oneloop packs a task's name into the waker's data word and needs a 64-bit target");

const GENERATION_BITS: u32 = 24;

/// The last generation of a slot. A slot that reaches it is retired, never reused: names stay
/// unique.
pub(crate) const GENERATION_MAX: u32 = (1 << GENERATION_BITS) - 1;

/// A runtime's number in its place in a ticket. (An "or" of that with the rest keeps the word from
/// being zero without a check.)
#[derive(Clone, Copy)]
pub(crate) struct RuntimeNumber(NonZeroU64);

impl RuntimeNumber {
    pub(crate) fn new(number: u16) -> RuntimeNumber {
        RuntimeNumber(NonZeroU64::new(u64::from(number) << 48).expect("runtime numbers start at 1"))
    }

    pub(crate) fn get(self) -> u16 {
        (self.0.get() >> 48) as u16
    }
}

/// The name of a task. Never zero, because runtime numbers start at 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Ticket(NonZeroU64);

impl Ticket {
    #[inline]
    pub(crate) fn new(runtime: RuntimeNumber, generation: u32, key: u32) -> Ticket {
        debug_assert!(generation <= GENERATION_MAX && key <= KEY_MAX);
        Ticket(runtime.0 | (u64::from(key) << GENERATION_BITS | u64::from(generation)))
    }

    /// The ticket in a word, if it holds one: a word with no runtime number doesn't.
    pub(crate) fn from_word(word: u64) -> Option<Ticket> {
        if word >> 48 == 0 { None } else { NonZeroU64::new(word).map(Ticket) }
    }

    pub(crate) fn word(self) -> u64 {
        self.0.get()
    }

    pub(crate) fn runtime(self) -> u16 {
        (self.word() >> 48) as u16
    }

    pub(crate) fn generation(self) -> u32 {
        self.word() as u32 & GENERATION_MAX
    }

    pub(crate) fn key(self) -> u32 {
        (self.word() >> GENERATION_BITS) as u32 & KEY_MAX
    }

    /// Whether it names slot 0, that of `block_on`'s own future.
    pub(crate) fn is_main(self) -> bool {
        self.key() == 0
    }
}

/// The name of a task: its runtime, its place there, and how many tasks had that place before. No two
/// tasks that are alive have the same, and no two of one runtime ever.
///
/// # Examples
///
/// ```
/// use oneloop::task;
///
/// oneloop::block_on(async {
///     let one = oneloop::spawn(async { task::id() });
///     let other = oneloop::spawn(async { task::id() });
///     let id = one.id();
///     assert_ne!(id, other.id());
///     assert_eq!(one.await.unwrap(), id);
///     println!("task {id}"); // task 1.1.0
/// });
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id(pub(crate) Ticket);

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0.runtime(), self.0.key(), self.0.generation())
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Id({self})")
    }
}

//! The ticket, which a waker holds instead of a reference.
//!
//! An ordinary waker points to its task and counts references to the task. A waker of this crate is one
//! word that *names* the task:
//!
//! ```text
//!  63            48 47                    24 23                     0
//! ┌────────────────┬────────────────────────┬────────────────────────┐
//! │ runtime number │   slot's generation    │        slot key        │
//! └────────────────┴────────────────────────┴────────────────────────┘
//! ```
//!
//! A clone copies the word and a drop does nothing, so a leaked waker leaks no memory. A task's memory
//! is free when the task has completed and its join handle was dropped or has taken the output. The
//! slot is then in its next generation, and the ticket matches no task. A wake with such a ticket does
//! nothing. A wake also does nothing when the runtime was dropped. One false match is possible. The
//! number, the key and the generation of a ticket of a dropped runtime may all be in use again. The
//! match causes a spurious wake-up, which the contract of `Future` allows.
//!
//! On the loop's own thread a wake is a thread-local read, a compare and a push, without atomics. From
//! any other thread a wake goes through the runtime's inbox (see `inbox.rs`).
//!
//! The key has the lowest bits, because each operation with a ticket uses the key as an index. There the
//! numbers of the chunk and of the slot are whole bytes.
//!
//! The cost is three limits. At most 65,535 runtimes can exist at once, at most 16.7 million tasks can
//! exist in one runtime, and the target must have 64 bits.

use std::cmp::Ordering;
use std::fmt;
use std::num::NonZeroU64;

use super::slots::KEY_MAX;

#[cfg(not(target_pointer_width = "64"))]
compile_error!("oneloop packs a task's name into the waker's data word and needs a 64-bit target");

const KEY_BITS: u32 = 24;

/// The last generation of a slot. A slot that reaches this generation is never reused, so names stay
/// unique.
pub(crate) const GENERATION_MAX: u32 = (1 << 24) - 1;

/// A runtime's number, shifted to its bits in a ticket. The number is never zero, so an "or" with the
/// other bits is never zero and needs no check.
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

/// The name of a task. The word is never zero, because runtime numbers start at 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Ticket(NonZeroU64);

impl Ticket {
    #[inline]
    pub(crate) fn new(runtime: RuntimeNumber, generation: u32, key: u32) -> Ticket {
        debug_assert!(generation <= GENERATION_MAX && key <= KEY_MAX);
        Ticket(runtime.0 | (u64::from(generation) << KEY_BITS | u64::from(key)))
    }

    /// Returns the ticket in the data word of a waker of this crate. Such a word always holds a ticket.
    #[inline]
    pub(crate) fn from_waker_word(word: u64) -> Option<Ticket> {
        NonZeroU64::new(word).map(Ticket)
    }

    /// Returns the ticket in a word. A word without a runtime number holds no ticket.
    pub(crate) fn from_word(word: u64) -> Option<Ticket> {
        if word >> 48 == 0 { None } else { NonZeroU64::new(word).map(Ticket) }
    }

    /// Returns the ticket in a word, if the word holds a ticket of `runtime`. The function costs one
    /// comparison.
    #[inline]
    pub(crate) fn from_word_of(runtime: RuntimeNumber, word: u64) -> Option<Ticket> {
        if (word ^ runtime.0.get()) >> 48 == 0 { NonZeroU64::new(word).map(Ticket) } else { None }
    }

    pub(crate) fn word(self) -> u64 {
        self.0.get()
    }

    pub(crate) fn runtime(self) -> u16 {
        (self.word() >> 48) as u16
    }

    pub(crate) fn generation(self) -> u32 {
        (self.word() >> KEY_BITS) as u32 & GENERATION_MAX
    }

    pub(crate) fn key(self) -> u32 {
        self.word() as u32 & KEY_MAX
    }

    /// Returns the key and the generation in 48 bits, with the key above the generation. The order of
    /// these numbers is that of the keys.
    pub(crate) fn id(self) -> u64 {
        u64::from(self.key()) << 24 | u64::from(self.generation())
    }

    /// Returns whether the ticket names slot 0, which belongs to `block_on`'s own future.
    pub(crate) fn is_main(self) -> bool {
        self.key() == 0
    }
}

/// The order of the runtimes, then of the keys.
impl Ord for Ticket {
    fn cmp(&self, other: &Ticket) -> Ordering {
        (self.runtime(), self.id()).cmp(&(other.runtime(), other.id()))
    }
}

impl PartialOrd for Ticket {
    fn partial_cmp(&self, other: &Ticket) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The id of a task. The id consists of the number of the runtime, the key of the task's slot, and the
/// number of tasks that had the slot before. Two tasks that exist at the same time never have the same
/// id. Two tasks of one runtime never have the same id.
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

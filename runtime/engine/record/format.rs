//! The format of a record of the loop, version 1.
//!
//! A record is a sequence of 64-bit words, little endian. The first word is [`MAGIC`]. The second word
//! holds the version in its low 16 bits and [flags](OVERWRITTEN) in the bits above. Entries follow
//! until the end of the file. The first word of an entry is its head:
//!
//! ```text
//!  63                                  16 15            8 7             0
//! ┌───────────────────────────────────────┬───────────────┬───────────────┐
//! │ id, 48 bits                           │ words, 1..=255│ kind          │
//! └───────────────────────────────────────┴───────────────┴───────────────┘
//! ```
//!
//! `words` is the length of the entry, with its head. A reader skips an entry of an unknown kind. The
//! *id* of a task, of `block_on`'s own future, of a source of an `EventLoop` and of a socket has a key
//! in its upper 24 bits and a generation in its lower 24 bits. The key of a task that has ended is
//! reused with another generation. The id of a timer is only its key.
//!
//! A *text* takes the rest of its entry. It is in UTF-8, and zero bytes fill its last word. A text has
//! at most [`TEXT_MAX`] bytes, and a longer text is cut. A *time* is in nanoseconds since the start of
//! the record. A *cause* names the origin of an event. It has the kind of the cause ([`Cause`]) in its
//! low 8 bits and the cause's id in its upper 48 bits.
//!
//! The entries below [`Kind::Turn`] are definitions. They describe the objects that existed when the
//! record was started and when it was written. So a reader can read a record whose oldest events were
//! overwritten. A definition applies to the whole record, at any position. The events are in the order
//! in which they happened. An event without a time happened between the times of its neighbours. Times
//! never decrease.
//!
//! These events belong together:
//!
//! * The `Spawned` of a task means that the task is queued, too. No `Woken` follows.
//! * The `Woken` of a unit that waits for the end of a task has that task as its cause. The `Woken`
//!   comes before the task's `PollReady` or `PollPanicked`, and after its `Aborted`.
//! * `BudgetSpent` comes at the end of a poll. The `Woken` with which the unit has queued itself again
//!   comes before the `BudgetSpent`.
//!
//! A reader ignores the words of an entry after the words that the reader knows. So a later version can
//! add words to an entry.

/// The first word of a record: the bytes `oneloop` and a zero.
pub const MAGIC: u64 = u64::from_le_bytes(*b"oneloop\0");

/// The version of the format, in the low 16 bits of the second word.
pub const VERSION: u16 = 1;

/// The flag in bit 16 of the second word that marks a record without its start. The oldest events of
/// such a record were overwritten.
pub const OVERWRITTEN: u64 = 1 << 16;

/// The id of an entry without a source or a unit.
pub const NONE: u64 = (1 << 48) - 1;

/// The largest number of bytes of a text.
pub const TEXT_MAX: usize = 160;

macro_rules! numbered {
    ($(#[$docs:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $number:literal,)* }) => {
        $(#[$docs])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        #[repr(u8)]
        pub enum $name { $($(#[$doc])* $variant = $number,)* }

        impl $name {
            /// Returns the value with this number, or `None` if no value has the number.
            ///
            /// # Examples
            ///
            /// ```
            #[doc = concat!("use oneloop::trace::format::", stringify!($name), ";")]
            ///
            #[doc = concat!("assert!(", stringify!($name), "::from_number(1).is_some());")]
            #[doc = concat!("assert!(", stringify!($name), "::from_number(255).is_none());")]
            /// ```
            pub fn from_number(number: u8) -> Option<$name> {
                match number {
                    $($number => Some($name::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

numbered! {
    /// The kind of an entry. The text of each kind describes the words after the head, in their order.
    Kind {
        /// A fact about the record. The text is `key=value`. The keys are `oneloop` (the version),
        /// `pid`, `thread`, `unix_ns` (the time of day at time 0), and `end_ns` (the time of writing).
        Meta = 1,
        /// A place in a source file. The id is the number of the place. The word has the line in its
        /// low 32 bits and the column above them. The text is the name of the file.
        Place = 2,
        /// A task or another unit of the ready queue that exists. The first word has the number of the
        /// place in its low 32 bits, the [`State`] in the next 8 bits, and the [`Unit`] in the 8 bits
        /// above. The second word is the number of polls. The third word is the time of all polls. The
        /// text is the name.
        UnitAlive = 3,
        /// An object that is registered. The first word is the number of the descriptor or socket, or
        /// !0. The second word is the readiness ([`ready`]). The text has the addresses.
        SocketAlive = 4,
        /// A timer that is set. The first word is the deadline. The second word is the unit that waits,
        /// as a cause.
        TimerAlive = 5,

        /// A turn begins. The id is 0. The words are the time and the number of the turn.
        Turn = 16,
        /// A task is spawned, or a source is added. The first word has the number of the place in its
        /// low 32 bits and the [`Unit`] from bit 40 on. The second word is the cause, which is the unit
        /// that runs. The text is the name.
        Spawned = 17,
        /// A poll begins. The word is the time.
        PollBegins = 18,
        /// A poll ends, and the unit waits. The word is the time.
        PollPending = 19,
        /// A poll ends, and the future has finished. The word is the time.
        PollReady = 20,
        /// A poll ends with a panic. The word is the time.
        PollPanicked = 21,
        /// A future is dropped before it has finished, because the task was aborted or the runtime was
        /// dropped. The word is the time.
        Aborted = 22,
        /// A unit is queued. The word is the cause.
        Woken = 23,
        /// A waker of another crate is called. The id is 0. The word is the cause.
        WokenForeign = 24,
        /// The loop parks in the driver. The id is 0. The words are the time and the longest duration
        /// of the park, or !0 without a limit.
        Parks = 25,
        /// The loop returns from the driver. The id is 0. The words are the time and the number of
        /// events taken.
        Unparks = 26,
        /// A timer is set. The first word is the deadline, or !0 for never. The second word is the
        /// cause, which is the unit that waits for the timer.
        TimerSet = 27,
        /// A timer has fired. The word is the deadline.
        TimerFired = 28,
        /// A timer is dropped. The entry has no words.
        TimerDropped = 29,
        /// An object is registered. The first word is the number of the descriptor or socket, or !0.
        /// The second word is the readiness that is assumed. The text has the addresses.
        Registered = 30,
        /// An object is unregistered. The entry has no words.
        Unregistered = 31,
        /// The driver reports readiness. The word holds the bits that are ready ([`ready`]).
        Readiness = 32,
        /// An operation finds a socket not ready. The word holds the bits that are no longer ready
        /// ([`ready`]).
        NotReady = 33,
        /// A unit waits for a socket. The first word holds the bits that the unit waits for
        /// ([`ready`]). The second word is the cause, which is the unit.
        WaitsForSocket = 34,
        /// A unit waits for the end of a task. The id is that of the task. The word is the cause, which
        /// is the unit that waits.
        WaitsForTask = 35,
        /// A unit has used up its budget in this poll. The entry has no words.
        BudgetSpent = 36,
        /// A message of another thread is taken from the inbox. The id is the unit that the message
        /// wakes, or [`NONE`]. The word is the [`Message`].
        MessageTaken = 37,
        /// A closure is sent to the thread pool. The id is the number of the closure. The word is the
        /// cause, which is the unit that sends the closure.
        UnblockBegins = 38,
        /// The result of a closure has arrived. The entry has no words.
        UnblockEnds = 39,
        /// A child process is started. The id is the process id. The entry has no words.
        ChildStarted = 40,
        /// A child process has ended. The id is the process id. The entry has no words.
        ChildEnded = 41,
        /// A signal has arrived. The id is the number of the signal. The entry has no words.
        Signal = 42,
        /// `EventLoop::take` returns an event. The id is that of the event's source, or [`NONE`]. The
        /// words are the time and the [`EventKind`].
        EventTaken = 43,
        /// The program requests the next event, so it has handled the previous event. The id is 0. The
        /// word is the time.
        EventHandled = 44,
    }
}

impl Kind {
    /// Returns whether the first word of an event is a time.
    ///
    /// # Examples
    ///
    /// ```
    /// use oneloop::trace::format::Kind;
    ///
    /// assert!(Kind::PollBegins.has_time());
    /// assert!(!Kind::Woken.has_time());
    /// ```
    pub fn has_time(self) -> bool {
        use Kind::*;
        matches!(self, Turn | PollBegins | PollPending | PollReady | PollPanicked | Aborted)
            || matches!(self, Parks | Unparks | EventTaken | EventHandled)
    }
}

numbered! {
    /// The type of a unit of the ready queue.
    Unit {
        /// A task.
        Task = 1,
        /// The future of `block_on`.
        Main = 2,
        /// The queue of messages of an `EventLoop`.
        Messages = 3,
        /// A registered socket of an `EventLoop`.
        Socket = 4,
        /// A listener of an `EventLoop`.
        Listener = 5,
        /// An attempt to connect of an `EventLoop`.
        Connect = 6,
        /// A timer of an `EventLoop`.
        Timer = 7,
        /// A signal of an `EventLoop`.
        Signal = 8,
        /// A source of an `EventLoop` that was added before the record was started.
        Source = 9,
    }
}

numbered! {
    /// The state of a unit when the record was written.
    State {
        /// The unit waits for a wake-up.
        Waiting = 1,
        /// The unit is in the ready queue.
        Ready = 2,
        /// The unit is polled, and its code has requested the record.
        Running = 3,
        /// The task has finished, and its output was not taken yet.
        Finished = 4,
    }
}

numbered! {
    /// The kind of the cause of an event.
    Cause {
        /// Code outside of any poll.
        Outside = 1,
        /// A unit, during its poll.
        Unit = 2,
        /// A socket, whose readiness the driver has reported.
        Socket = 3,
        /// A timer that has fired.
        Timer = 4,
        /// Another thread.
        Thread = 5,
        /// The end of a task.
        Task = 6,
        /// The end of the runtime.
        Shutdown = 7,
    }
}

numbered! {
    /// A message of another thread.
    Message {
        /// The message wakes the unit of the entry's id.
        Wake = 1,
        /// The message makes the loop call a closure, for example for a spawn or a query.
        Call = 2,
        /// The message ends `run`.
        Stop = 3,
    }
}

numbered! {
    /// An event of an `EventLoop`.
    EventKind {
        /// A message was posted.
        Message = 1,
        /// A socket is readable.
        Readable = 2,
        /// A socket is writable.
        Writable = 3,
        /// A connection was accepted.
        Accepted = 4,
        /// An attempt to connect has ended.
        Connected = 5,
        /// A timer has fired.
        Timer = 6,
        /// A signal has arrived.
        Signal = 7,
        /// No event has arrived in time, or the loop was stopped.
        TimedOut = 8,
    }
}

/// The bits of a readiness.
pub mod ready {
    /// A read would not block.
    pub const READABLE: u64 = 1;
    /// A write would not block.
    pub const WRITABLE: u64 = 2;
    /// The peer sends no more data.
    pub const READ_CLOSED: u64 = 4;
    /// The peer receives no more data.
    pub const WRITE_CLOSED: u64 = 8;
    /// Urgent data has arrived.
    pub const URGENT: u64 = 16;
}

//! Messages: posted by other threads, or by the program to itself.
//!
//! A message goes through a channel of std, which provides the bound and the error after the
//! receiver was dropped. The channel can't wake a loop. So after each message the sender posts the
//! loop's ticket for the channel to the runtime's inbox, as a task's waker does on another thread.
//! The inbox coalesces this wake with the previous one. The wake makes a system call only if the
//! loop sleeps.

use std::fmt;
use std::io;
use std::sync::mpsc::{self, Receiver, SendError, SyncSender, TrySendError};
use std::thread::{self, ThreadId};

use super::sources::EventSources;
use crate::engine::sync::{Arc, AtomicUsize, Ordering};
use crate::engine::ticket::Ticket;
use crate::handle::Handle;

/// The largest bound of a queue. std's channel allocates the memory for it at once.
const CAPACITY_MAX: usize = 1 << 24;

/// The number of messages that are events in a row, while other sources wait.
const MESSAGES_PER_BATCH: u32 = 64;

/// Posts messages to an [`EventLoop`](super::EventLoop) from any thread, and wakes the loop if it
/// sleeps. The messages of one thread keep their order.
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use oneloop::event_loop::{Event, EventLoop, PostError};
///
/// let mut events = EventLoop::new()?;
/// let sender = events.sender();
/// let helper = std::thread::spawn(move || sender.post("hello").map(|()| sender));
///
/// match events.take(None)? {
///     Event::Message(text) => assert_eq!(text, "hello"),
///     other => panic!("{other:?}"),
/// }
/// let sender = helper.join().unwrap().unwrap();
/// drop(events);
/// assert_eq!(sender.post("too late"), Err(PostError::Closed("too late")));
/// # Ok(()) }
/// ```
pub struct Sender<M> {
    shared: Arc<Shared<M>>,
    handle: Handle,
    ticket: Ticket,
}

/// The state that all senders of a loop share.
struct Shared<M> {
    channel: Channel<M>,
    /// The number of messages in the channel, or about to be in it. The channel itself does not
    /// report it.
    queued: AtomicUsize,
    /// The id of the loop's own thread, which must not wait for itself.
    home: ThreadId,
}

enum Channel<M> {
    Unbounded(mpsc::Sender<M>),
    Bounded(SyncSender<M>),
}

impl<M> Shared<M> {
    fn send(&self, message: M, may_wait: bool) -> Result<(), PostError<M>> {
        let closed = |SendError(message)| PostError::Closed(message);
        // Counted before the send, so that the loop never takes an uncounted message.
        self.queued.fetch_add(1, Ordering::Relaxed);
        let sent = match &self.channel {
            Channel::Unbounded(channel) => channel.send(message).map_err(closed),
            Channel::Bounded(channel) if may_wait && thread::current().id() != self.home => {
                channel.send(message).map_err(closed)
            }
            Channel::Bounded(channel) => channel.try_send(message).map_err(|error| match error {
                TrySendError::Full(message) => PostError::Full(message),
                TrySendError::Disconnected(message) => PostError::Closed(message),
            }),
        };
        if sent.is_err() {
            self.queued.fetch_sub(1, Ordering::Relaxed);
        }
        sent
    }
}

impl<M> Sender<M> {
    /// Posts a message. If the queue is [bounded](super::EventLoop::bounded) and full, the method
    /// waits until the loop takes a message. So senders that are faster than the loop's handlers
    /// are slowed down. Two bounded loops whose handlers post to each other in this way can
    /// deadlock. [`Sender`] has an example.
    ///
    /// # Errors
    ///
    /// [`PostError::Closed`] if the loop was dropped, also if that happens during the wait.
    /// [`PostError::Full`] if the queue is full and the loop's own thread calls this method,
    /// because that wait would never end. Each error returns the message.
    pub fn post(&self, message: M) -> Result<(), PostError<M>> {
        self.send(message, true)
    }

    /// Posts a message if the queue is not full. The method never waits.
    ///
    /// # Errors
    ///
    /// [`PostError::Full`] if the queue is full, [`PostError::Closed`] if the loop was dropped.
    /// Each error returns the message.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use oneloop::event_loop::{EventLoop, PostError};
    ///
    /// let events = EventLoop::bounded(1)?;
    /// let sender = events.sender();
    /// assert_eq!(sender.try_post(1), Ok(()));
    /// assert_eq!(sender.try_post(2), Err(PostError::Full(2)));
    /// # Ok(()) }
    /// ```
    pub fn try_post(&self, message: M) -> Result<(), PostError<M>> {
        self.send(message, false)
    }

    fn send(&self, message: M, may_wait: bool) -> Result<(), PostError<M>> {
        if self.handle.is_inherited() {
            return Err(PostError::Closed(message));
        }
        self.shared.send(message, may_wait)?;
        self.handle.wake(self.ticket);
        Ok(())
    }

    /// Ends [`EventLoop::run`](super::EventLoop::run), as
    /// [`EventLoop::stop`](super::EventLoop::stop) does. If the loop was dropped, the call does
    /// nothing. [`EventLoop::run`](super::EventLoop::run) has an example.
    pub fn stop(&self) {
        self.handle.stop();
    }
}

impl<M> Clone for Sender<M> {
    fn clone(&self) -> Sender<M> {
        let (shared, handle) = (self.shared.clone(), self.handle.clone());
        Sender { shared, handle, ticket: self.ticket }
    }
}

impl<M> fmt::Debug for Sender<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("handle", &self.handle).finish_non_exhaustive()
    }
}

/// The reason why a message could not be posted, with the message. [`Sender`] and
/// [`Sender::try_post`] have examples.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum PostError<M> {
    /// The queue holds the maximum number of messages.
    Full(M),
    /// The loop was dropped.
    Closed(M),
}

impl<M> PostError<M> {
    /// Returns the message.
    ///
    /// # Examples
    ///
    /// ```
    /// use oneloop::event_loop::PostError;
    ///
    /// assert_eq!(PostError::Full("late").into_message(), "late");
    /// ```
    pub fn into_message(self) -> M {
        match self {
            PostError::Full(message) | PostError::Closed(message) => message,
        }
    }
}

impl<M> fmt::Display for PostError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PostError::Full(_) => "the event loop's queue is full",
            PostError::Closed(_) => "the event loop was dropped",
        })
    }
}

/// The output leaves out the message, which need not be `Debug`.
impl<M> fmt::Debug for PostError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostError({self})")
    }
}

impl<M> std::error::Error for PostError<M> {}

/// The loop's end of the channel. All messages together are one source of events.
pub(super) struct Messages<M> {
    receiver: Receiver<M>,
    /// The maximum number of messages in the channel.
    capacity: usize,
    pub(super) sender: Sender<M>,
    left_in_batch: u32,
}

impl<M> Messages<M> {
    pub(super) fn new(handle: Handle, ticket: Ticket, capacity: Option<usize>) -> io::Result<Self> {
        let (channel, receiver) = match capacity {
            Some(capacity @ 1..=CAPACITY_MAX) => {
                let (sender, receiver) = mpsc::sync_channel(capacity);
                (Channel::Bounded(sender), receiver)
            }
            Some(capacity) => {
                let text = format!("the capacity is {capacity}; it must be 1 to {CAPACITY_MAX}");
                return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
            }
            None => {
                let (sender, receiver) = mpsc::channel();
                (Channel::Unbounded(sender), receiver)
            }
        };
        let (home, queued) = (thread::current().id(), AtomicUsize::new(0));
        let sender = Sender { shared: Arc::new(Shared { channel, queued, home }), handle, ticket };
        let capacity = capacity.unwrap_or(usize::MAX);
        Ok(Messages { receiver, capacity, sender, left_in_batch: 0 })
    }

    pub(super) fn ticket(&self) -> Ticket {
        self.sender.ticket
    }

    /// Posts a message without a wake through the inbox. The loop's own thread does not need the
    /// inbox.
    pub(super) fn post(&self, message: M) -> Result<(), PostError<M>> {
        self.sender.shared.send(message, false)
    }

    pub(super) fn begin_batch(&mut self) {
        self.left_in_batch = MESSAGES_PER_BATCH;
    }

    /// Returns the next message of the batch. After the last message of the batch the source is
    /// queued again, because the channel may hold more messages.
    pub(super) fn next_of_batch(&mut self, sources: &EventSources) -> Option<M> {
        self.left_in_batch = self.left_in_batch.checked_sub(1)?;
        let message = self.pop();
        if message.is_none() {
            self.left_in_batch = 0;
        } else if self.left_in_batch == 0 {
            sources.wake(self.ticket());
        }
        message
    }

    fn pop(&self) -> Option<M> {
        // The loop has a sender itself, so an error only means that the channel is empty.
        let message = self.receiver.try_recv().ok()?;
        self.sender.shared.queued.fetch_sub(1, Ordering::Relaxed);
        Some(message)
    }

    /// Takes the messages that are queued now. Without that limit the drain might never end.
    pub(super) fn drain(&mut self) -> Vec<M> {
        let count = self.count();
        std::iter::from_fn(|| self.pop()).take(count).collect()
    }

    /// Returns the number of queued messages. The message of a sender that waits for a free place
    /// is counted, too.
    pub(super) fn count(&self) -> usize {
        self.sender.shared.queued.load(Ordering::Relaxed).min(self.capacity)
    }
}

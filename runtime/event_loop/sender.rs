//! Messages: posted by other threads, or by the program to itself.
//!
//! They travel through a channel of std's, which knows about bounds and about a receiver that is gone. What it doesn't know is how to
//! wake a loop: so after each message the loop's ticket for the channel is posted to the runtime's inbox, as a task's wake-up is
//! (and as these are, it is folded with the one before it, and costs a system call only if the loop sleeps).

use std::fmt;
use std::io;
use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};
use std::thread::{self, ThreadId};

use super::sources::Sources;
use crate::engine::sync::{Arc, AtomicUsize, Ordering};
use crate::engine::ticket::Ticket;
use crate::handle::Handle;

/// The largest bound of a queue: std's channel takes the memory for it at once.
const CAPACITY_MAX: usize = 1 << 24;

/// Messages in one turn of theirs, while other sources wait.
const MESSAGES_PER_BATCH: u32 = 64;

/// Posts messages to an [`EventLoop`](super::EventLoop) from any thread, and wakes it if it sleeps. Messages of one thread keep
/// their order.
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
    channel: Channel<M>,
    handle: Handle,
    ticket: Ticket,
    home: ThreadId,
    /// How many messages are in the channel, or about to be: the channel itself doesn't tell.
    queued: Arc<AtomicUsize>,
}

enum Channel<M> {
    Unbounded(mpsc::Sender<M>),
    Bounded(SyncSender<M>),
}

impl<M> Sender<M> {
    /// Posts a message. If the queue is [bounded](super::EventLoop::bounded) and full, waits until there is room: that
    /// is how a loop holds back those who send more than it handles. (Two bounded loops whose handlers post to each other in this
    /// way can wait for each other for ever.)
    ///
    /// # Errors
    ///
    /// [`PostError::Closed`] if the loop is gone, also if that happens while this waits. [`PostError::Full`] if this is called on the
    /// loop's own thread, where waiting would be for ever. Each brings the message back.
    ///
    /// # Examples
    ///
    /// See [`Sender`].
    pub fn post(&self, message: M) -> Result<(), PostError<M>> {
        match &self.channel {
            Channel::Bounded(channel) if thread::current().id() != self.home => {
                self.counting(|| {
                    channel.send(message).map_err(|mpsc::SendError(message)| PostError::Closed(message))
                })?;
                self.handle.wake(self.ticket);
                Ok(())
            }
            _ => self.try_post(message),
        }
    }

    /// Posts a message if there is room; never waits.
    ///
    /// # Errors
    ///
    /// [`PostError::Full`] if there is no room, [`PostError::Closed`] if the loop is gone. Each brings the message back.
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
        self.enqueue(message)?;
        self.handle.wake(self.ticket);
        Ok(())
    }

    fn enqueue(&self, message: M) -> Result<(), PostError<M>> {
        self.counting(|| match &self.channel {
            Channel::Unbounded(channel) => {
                channel.send(message).map_err(|mpsc::SendError(message)| PostError::Closed(message))
            }
            Channel::Bounded(channel) => channel.try_send(message).map_err(|error| match error {
                TrySendError::Full(message) => PostError::Full(message),
                TrySendError::Disconnected(message) => PostError::Closed(message),
            }),
        })
    }

    /// Counts a message before it is in the channel, so that the loop never takes one that isn't counted.
    fn counting(&self, send: impl FnOnce() -> Result<(), PostError<M>>) -> Result<(), PostError<M>> {
        self.queued.fetch_add(1, Ordering::Relaxed);
        let sent = send();
        if sent.is_err() {
            self.queued.fetch_sub(1, Ordering::Relaxed);
        }
        sent
    }

    /// Ends [`EventLoop::run`](super::EventLoop::run), as [`EventLoop::stop`](super::EventLoop::stop) does. Nothing happens if the
    /// loop is gone.
    ///
    /// # Examples
    ///
    /// See [`EventLoop::run`](super::EventLoop::run).
    pub fn stop(&self) {
        self.handle.stop();
    }
}

impl<M> Clone for Sender<M> {
    fn clone(&self) -> Sender<M> {
        let channel = match &self.channel {
            Channel::Unbounded(channel) => Channel::Unbounded(channel.clone()),
            Channel::Bounded(channel) => Channel::Bounded(channel.clone()),
        };
        let (handle, queued) = (self.handle.clone(), self.queued.clone());
        Sender { channel, handle, ticket: self.ticket, home: self.home, queued }
    }
}

impl<M> fmt::Debug for Sender<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("handle", &self.handle).finish_non_exhaustive()
    }
}

/// Why a message could not be posted. The message comes back.
///
/// # Examples
///
/// See [`Sender`] and [`Sender::try_post`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum PostError<M> {
    /// The queue holds as many messages as it may.
    Full(M),
    /// The loop is gone.
    Closed(M),
}

impl<M> PostError<M> {
    /// The message.
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
            PostError::Closed(_) => "the event loop is gone",
        })
    }
}

/// Without the message, which need not be `Debug`.
impl<M> fmt::Debug for PostError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PostError::Full(_) => "PostError::Full(..)",
            PostError::Closed(_) => "PostError::Closed(..)",
        })
    }
}

impl<M> std::error::Error for PostError<M> {}

/// The loop's end of the channel. All messages together are one source of events.
pub(super) struct Messages<M> {
    receiver: Receiver<M>,
    /// How many the channel holds at most.
    capacity: usize,
    sender: Sender<M>,
    left_in_batch: u32,
}

impl<M> Messages<M> {
    pub(super) fn new(handle: Handle, ticket: Ticket, capacity: Option<usize>) -> io::Result<Messages<M>> {
        let (channel, receiver) = match capacity {
            Some(capacity @ 1..=CAPACITY_MAX) => {
                let (sender, receiver) = mpsc::sync_channel(capacity);
                (Channel::Bounded(sender), receiver)
            }
            Some(capacity) => {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidInput,
                    format!("the queue's capacity is {capacity}; it must be 1 to {CAPACITY_MAX}"),
                ));
            }
            None => {
                let (sender, receiver) = mpsc::channel();
                (Channel::Unbounded(sender), receiver)
            }
        };
        let (home, queued) = (thread::current().id(), Arc::default());
        let sender = Sender { channel, handle, ticket, home, queued };
        Ok(Messages { receiver, capacity: capacity.unwrap_or(usize::MAX), sender, left_in_batch: 0 })
    }

    pub(super) fn ticket(&self) -> Ticket {
        self.sender.ticket
    }

    pub(super) fn sender(&self) -> Sender<M> {
        self.sender.clone()
    }

    /// Posts without waking: the caller is on the loop's own thread and has quicker means.
    pub(super) fn post(&self, message: M) -> Result<(), PostError<M>> {
        self.sender.enqueue(message)
    }

    pub(super) fn begin_batch(&mut self) {
        self.left_in_batch = MESSAGES_PER_BATCH;
    }

    /// The next message of the batch. After the last one the source of messages is queued again: there may be more.
    pub(super) fn next_of_batch(&mut self, sources: &Sources) -> Option<M> {
        if self.left_in_batch == 0 {
            return None;
        }
        let message = self.pop();
        self.left_in_batch = if message.is_some() { self.left_in_batch - 1 } else { 0 };
        if self.left_in_batch == 0 && message.is_some() {
            sources.wake(self.ticket());
        }
        message
    }

    fn pop(&self) -> Option<M> {
        // The loop holds a sender itself, so an error only means that it is empty.
        let message = self.receiver.try_recv().ok()?;
        self.sender.queued.fetch_sub(1, Ordering::Relaxed);
        Some(message)
    }

    /// Not those that others post meanwhile: it would have no end.
    pub(super) fn drain(&mut self) -> Vec<M> {
        let count = self.count();
        std::iter::from_fn(|| self.pop()).take(count).collect()
    }

    /// How many messages are queued. (Those are counted, too, who wait for room.)
    pub(super) fn count(&self) -> usize {
        self.sender.queued.load(Ordering::Relaxed).min(self.capacity)
    }
}

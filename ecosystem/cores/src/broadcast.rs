//! Messages to all cores.

use std::fmt;

use async_broadcast::{InactiveReceiver, Receiver, RecvError, Sender, TrySendError};

/// A channel to all cores. Each subscription receives each message. Any thread can send, and a send does
/// not wait.
///
/// The argument of [`new`](Broadcast::new) bounds the number of messages that the channel keeps. If
/// a subscription falls further behind, it misses the oldest messages, and [`recv`](Subscription::recv)
/// returns their number. A core that hangs therefore delays no other core.
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use oneloop_cores::{Broadcast, Cores, Mesh};
///
/// let (news, ready) = (Broadcast::new(16), Mesh::new(16));
/// let report = Cores::new().count(2).run(move |core| {
///     let (news, ready) = (news.clone(), ready.on(&core));
///     let mut subscription = news.subscribe();
///     async move {
///         ready.send(0, ()).await.unwrap();
///         if core.number() == 0 {
///             ready.recv().await;
///             ready.recv().await; // Both cores have subscribed.
///             news.send("reload");
///         }
///         assert_eq!(subscription.recv().await, Ok("reload"));
///     }
/// })?;
/// assert!(report.all_returned());
/// # Ok(()) }
/// ```
pub struct Broadcast<M> {
    sender: Sender<M>,
    /// Keeps the channel open while it has no subscription.
    kept: InactiveReceiver<M>,
}

impl<M: Clone> Broadcast<M> {
    /// Makes a broadcast that keeps at most `bound` messages.
    ///
    /// # Panics
    ///
    /// Panics if `bound` is 0.
    pub fn new(bound: usize) -> Broadcast<M> {
        assert!(bound > 0, "the bound of a Broadcast is 0: no message would fit");
        let (mut sender, receiver) = async_broadcast::broadcast(bound);
        sender.set_overflow(true);
        sender.set_await_active(false);
        Broadcast { sender, kept: receiver.deactivate() }
    }

    /// Sends a message to each current subscription. Returns `false` if there is no subscription.
    pub fn send(&self, message: M) -> bool {
        match self.sender.try_broadcast(message) {
            Ok(_) => true,
            // The channel overwrites messages instead of being full, and it never closes.
            Err(TrySendError::Inactive(_) | TrySendError::Full(_) | TrySendError::Closed(_)) => false,
        }
    }
}

impl<M> Broadcast<M> {
    /// Returns a subscription, which receives the messages that are sent from now on. A core that starts
    /// again after a panic subscribes again, and misses the messages that were sent before that.
    pub fn subscribe(&self) -> Subscription<M> {
        Subscription { receiver: self.kept.activate_cloned(), _open: self.sender.clone() }
    }
}

impl<M> Clone for Broadcast<M> {
    fn clone(&self) -> Broadcast<M> {
        Broadcast { sender: self.sender.clone(), kept: self.kept.clone() }
    }
}

impl<M> fmt::Debug for Broadcast<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broadcast").field("bound", &self.sender.capacity()).finish_non_exhaustive()
    }
}

/// Receives the messages of a [`Broadcast`].
pub struct Subscription<M> {
    receiver: Receiver<M>,
    /// Keeps the channel open while the subscription exists.
    _open: Sender<M>,
}

impl<M: Clone> Subscription<M> {
    /// Waits for the next message.
    ///
    /// # Errors
    ///
    /// Returns [`Missed`] once if the channel has overwritten messages that this subscription had not
    /// received. The next call returns the oldest message that the channel still has.
    ///
    /// # Cancel safety
    ///
    /// This method is cancel safe. It loses no message.
    pub async fn recv(&mut self) -> Result<M, Missed> {
        match self.receiver.recv_direct().await {
            Ok(message) => Ok(message),
            Err(RecvError::Overflowed(count)) => Err(Missed(count)),
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

impl<M> fmt::Debug for Subscription<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").finish_non_exhaustive()
    }
}

/// The number of messages that a [`Subscription`] has missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missed(pub u64);

impl fmt::Display for Missed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "messages missed: {}", self.0)
    }
}

impl std::error::Error for Missed {}

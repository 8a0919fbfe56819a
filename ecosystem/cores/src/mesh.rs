//! Channels from every core to every other.

use std::fmt;
use std::sync::{Arc, OnceLock};

use async_channel::{Receiver, Sender, TrySendError};

use crate::core::Core;

/// A channel from every core to every other, and to itself. Each core has one queue, and all cores send
/// into it.
///
/// The argument of [`new`](Mesh::new) bounds the number of messages in a queue. A queue stays open
/// during the restarts of its core, and closes when the core ends.
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use oneloop_cores::{Cores, Mesh};
///
/// let mesh = Mesh::new(16);
/// let report = Cores::new().count(2).run(move |core| {
///     let ours = mesh.on(&core);
///     async move {
///         let other = 1 - core.number();
///         ours.send(other, format!("hello from {}", core.number())).await.unwrap();
///         ours.recv().await
///     }
/// })?;
/// assert!(report.all_returned());
/// # Ok(()) }
/// ```
pub struct Mesh<M> {
    inner: Arc<Inner<M>>,
}

struct Inner<M> {
    bound: usize,
    /// Made by the first call of `on`, because only a core has the number of cores.
    queues: OnceLock<Queues<M>>,
}

struct Queues<M> {
    /// The id of the `Cores` that uses the mesh.
    cores: u64,
    by_core: Box<[Queue<M>]>,
}

struct Queue<M> {
    sender: Sender<(usize, M)>,
    receiver: Receiver<(usize, M)>,
}

impl<M: Send + 'static> Mesh<M> {
    /// Makes a mesh in which each queue holds at most `bound` messages.
    ///
    /// # Panics
    ///
    /// Panics if `bound` is 0.
    pub fn new(bound: usize) -> Mesh<M> {
        assert!(bound > 0, "the bound of a Mesh is 0: no message would fit");
        Mesh { inner: Arc::new(Inner { bound, queues: OnceLock::new() }) }
    }

    /// Returns a core's end of the mesh. Several ends of one core share its queue, and one of them
    /// receives each message.
    ///
    /// # Panics
    ///
    /// Panics if another [`Cores`](crate::Cores) uses the mesh.
    pub fn on(&self, core: &Core) -> MeshEnd<M> {
        let queues = self.inner.queues.get_or_init(|| self.queues(core));
        assert!(queues.cores == core.shared.id, "another Cores uses the mesh");
        MeshEnd { inner: self.inner.clone(), core: core.number() }
    }

    fn queues(&self, core: &Core) -> Queues<M> {
        let by_core: Box<[Queue<M>]> = (0..core.count())
            .map(|_| {
                let (sender, receiver) = async_channel::bounded(self.inner.bound);
                Queue { sender, receiver }
            })
            .collect();
        let senders: Vec<_> = by_core.iter().map(|queue| queue.sender.clone()).collect();
        core.shared.ends.on_end(move |core| {
            senders[core].close();
        });
        Queues { cores: core.shared.id, by_core }
    }
}

impl<M> Clone for Mesh<M> {
    fn clone(&self) -> Mesh<M> {
        Mesh { inner: self.inner.clone() }
    }
}

impl<M> fmt::Debug for Mesh<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mesh").field("bound", &self.inner.bound).finish_non_exhaustive()
    }
}

/// A core's end of a [`Mesh`]. It sends messages to every core, and receives the messages to its own
/// core.
pub struct MeshEnd<M> {
    inner: Arc<Inner<M>>,
    core: usize,
}

impl<M> MeshEnd<M> {
    fn queue(&self, core: usize) -> Option<&Queue<M>> {
        self.inner.queues.get().and_then(|queues| queues.by_core.get(core))
    }

    /// Sends a message to a core, and waits while its queue is full.
    ///
    /// Two cores that wait for room in each other's queues wait without end, unless other tasks of the
    /// cores receive.
    ///
    /// # Errors
    ///
    /// Returns the message in the error if the core has ended, or if no core has this number.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before the message is sent, the message is dropped.
    pub async fn send(&self, core: usize, message: M) -> Result<(), SendError<M>> {
        let Some(queue) = self.queue(core) else { return Err(SendError::NoSuchCore(message)) };
        let sent = queue.sender.send((self.core, message)).await;
        sent.map_err(|refused| SendError::Ended(refused.0.1))
    }

    /// Sends a message to a core, without waiting.
    ///
    /// # Errors
    ///
    /// Returns the message in the error if the queue is full, if the core has ended, or if no core has
    /// this number.
    pub fn try_send(&self, core: usize, message: M) -> Result<(), SendError<M>> {
        let Some(queue) = self.queue(core) else { return Err(SendError::NoSuchCore(message)) };
        queue.sender.try_send((self.core, message)).map_err(|refused| match refused {
            TrySendError::Full((_, message)) => SendError::Full(message),
            TrySendError::Closed((_, message)) => SendError::Ended(message),
        })
    }

    /// Waits for a message to this core. Returns the number of the sender and the message.
    ///
    /// A loop that always finds a message should call [`oneloop::consume_budget`].
    ///
    /// # Cancel safety
    ///
    /// This method is cancel safe. It loses no message.
    pub async fn recv(&self) -> (usize, M) {
        if let Some(queue) = self.queue(self.core)
            && let Ok(received) = queue.receiver.recv().await
        {
            return received;
        }
        // The queue closes when its core has ended, and then the core has no task left.
        std::future::pending().await
    }
}

impl<M> fmt::Debug for MeshEnd<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MeshEnd").field("core", &self.core).finish_non_exhaustive()
    }
}

/// The message that could not be sent, and the reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError<M> {
    /// The core's queue is full.
    Full(M),
    /// The core has ended.
    Ended(M),
    /// No core has this number.
    NoSuchCore(M),
}

impl<M> SendError<M> {
    /// Returns the message.
    pub fn into_message(self) -> M {
        match self {
            SendError::Full(message) | SendError::Ended(message) | SendError::NoSuchCore(message) => message,
        }
    }
}

impl<M> fmt::Display for SendError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SendError::Full(_) => "the queue of the core is full",
            SendError::Ended(_) => "the core has ended",
            SendError::NoSuchCore(_) => "no core has this number",
        })
    }
}

impl<M: fmt::Debug> std::error::Error for SendError<M> {}

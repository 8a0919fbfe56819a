//! `Backend`, the interface of a queue to a worker's loop. A queue in this process implements it, and so
//! does a queue on a broker.

use std::time::Instant;

use oneloop::event_loop::{EventLoop, Id};

use super::message::{Delivery, Key, Message, Verdict};
use crate::Error;

/// The interface of a queue to a worker's loop. No function blocks, because the answers are messages.
pub(crate) trait Backend {
    /// Starts the backend. Jobs arrive as [`Message::Arrived`].
    fn begin(&mut self, events: &EventLoop<Message>);

    /// Records that the worker has a job from now on.
    fn holds(&mut self, key: Key, delivery: &Delivery);

    /// Records the verdict on a job. The answer is [`Message::Settled`].
    fn settle(&mut self, events: &EventLoop<Message>, key: Key, delivery: &Delivery, verdict: &Verdict);

    /// Records that the worker no longer has the job, so the worker has room for another one.
    fn released(&mut self, key: Key);

    /// Keeps a job that is due later. Only a queue in this process calls this.
    fn scheduled(
        &mut self,
        events: &EventLoop<Message>,
        delivery: Delivery,
        due: Instant,
    ) -> Result<(), Error>;

    /// Handles a timer of the backend that has fired. Returns the job if the timer is that of a job.
    fn timer(&mut self, id: Id) -> Option<Delivery>;

    /// Stops the arrival of jobs.
    fn stop(&mut self, events: &EventLoop<Message>);

    /// Removes the worker from the queue, after its last job. The answer is [`Message::Left`].
    fn leave(&mut self, events: &EventLoop<Message>);

    /// Ends the backend. `left` has the jobs that this worker still had.
    fn end(&mut self, events: EventLoop<Message>, left: Vec<Delivery>);
}

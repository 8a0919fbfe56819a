//! The request for a dump, and the reasons for a missing answer.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::sync::mpsc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use futures_channel::oneshot;

use super::{Dump, scan};
use crate::engine::context;
use crate::engine::inbox::{Inbox, Message};
use crate::engine::sync::Arc;
use crate::engine::ticket::{Id, Ticket};
use crate::metrics::Metrics;

/// The future of [`Handle::dump`](crate::Handle::dump). The call of `dump` posts the request, and
/// not the first poll of the future.
///
/// The future is pending while a task holds the loop, and while no thread drives the loop.
/// [`diagnose`](DumpRequest::diagnose) returns the reason. The future may be awaited outside a
/// runtime.
///
/// # Errors
///
/// [`DumpError::Closed`] means that the runtime was dropped, before or after the request.
/// [`DumpError::Inherited`] is the error in a process that was forked from the runtime's own
/// process.
///
/// # Cancel safety
///
/// The future is cancel safe. After its drop, the loop builds no dump. Awaiting `&mut DumpRequest`
/// keeps the request for a later await.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use oneloop::{Handle, Runtime, time};
///
/// # fn main() -> std::io::Result<()> {
/// // Another loop requests the dump and waits for a limited time.
/// let server = Runtime::new()?;
/// let handle = server.handle();
/// let monitor = std::thread::spawn(move || {
///     oneloop::block_on(async {
///         let mut request = handle.dump();
///         match time::timeout(Duration::from_secs(10), &mut request).await {
///             Ok(Ok(dump)) => println!("{dump}"),
///             Ok(Err(error)) => println!("{error}"),
///             Err(_) => println!("{}", request.diagnose()),
///         }
///         handle.stop();
///     })
/// });
/// server.run();
/// monitor.join().unwrap();
/// # Ok(()) }
/// ```
#[must_use = "a future does nothing unless it is awaited"]
pub struct DumpRequest {
    inbox: Arc<Inbox>,
    receiver: oneshot::Receiver<Dump>,
}

impl DumpRequest {
    pub(crate) fn post(inbox: &Arc<Inbox>) -> DumpRequest {
        let (sender, receiver) = oneshot::channel();
        let answer = move || {
            if sender.is_canceled() {
                return; // the request was dropped
            }
            // The innermost loop of the thread reads messages, and the inbox belongs to this loop.
            if let Some(core) = context::try_with(|core| core.cloned()) {
                let _ = sender.send(scan::dump(&core)); // fails if the request was just dropped
            }
        };
        if !inbox.is_inherited() {
            drop(inbox.post(Message::Call(Box::new(answer)))); // fails if the runtime was dropped
        }
        DumpRequest { inbox: inbox.clone(), receiver }
    }

    /// Blocks this thread until the answer arrives, for at most `timeout`. The method is for
    /// threads without a loop, such as a thread that monitors the loop's thread.
    ///
    /// # Errors
    ///
    /// The errors are those of the future. After the time-out the error is [`DumpError::Stuck`] or
    /// [`DumpError::NotDriven`].
    ///
    /// # Panics
    ///
    /// The call panics on the runtime's own thread, where it would wait for itself. The call also
    /// panics inside a loop of another runtime, because it would stop that loop. Await the request
    /// there instead.
    #[track_caller]
    pub fn wait(mut self, timeout: Duration) -> Result<Dump, DumpError> {
        assert!(
            thread::current().id() != self.inbox.thread,
            "DumpRequest::wait was called on the thread of its oneloop runtime, where it would wait for itself: \
             `.await` the request in a task"
        );
        assert!(
            !context::runs_here(),
            "DumpRequest::wait was called inside a oneloop runtime, whose loop it would stop: `.await` the \
             request instead"
        );
        let deadline = Instant::now().checked_add(timeout);
        let (sender, woken) = mpsc::channel();
        let waker = Waker::from(std::sync::Arc::new(Signal(sender)));
        loop {
            if let Poll::Ready(result) = Pin::new(&mut self).poll(&mut Context::from_waker(&waker)) {
                return result;
            }
            let left = deadline.map_or(Duration::MAX, |at| at.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return Err(self.diagnose());
            }
            let _ = woken.recv_timeout(left); // the next poll finds the result
        }
    }

    /// Returns the reason for the missing answer, for a caller that stops waiting. The call does
    /// not contact the loop.
    pub fn diagnose(&self) -> DumpError {
        if self.inbox.is_inherited() {
            return DumpError::Inherited;
        }
        if !self.inbox.queue.is_open() {
            return DumpError::Closed;
        }
        let counters = &self.inbox.counters;
        let ticket = Ticket::from_word(counters.running.get());
        if ticket.is_none() && counters.driven.get() == 0 {
            return DumpError::NotDriven;
        }
        let running = ticket.map(|ticket| RunningUnit::new(ticket, &self.inbox));
        DumpError::Stuck(Box::new(Stuck { running, metrics: Metrics::read(counters) }))
    }
}

impl Future for DumpRequest {
    type Output = Result<Dump, DumpError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let closed = if self.inbox.is_inherited() { DumpError::Inherited } else { DumpError::Closed };
        Pin::new(&mut self.receiver).poll(cx).map_err(|oneshot::Canceled| closed)
    }
}

impl fmt::Debug for DumpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DumpRequest").finish_non_exhaustive()
    }
}

/// Wakes a blocked thread.
struct Signal(mpsc::Sender<()>);

impl Wake for Signal {
    fn wake(self: std::sync::Arc<Self>) {
        let _ = self.0.send(()); // fails after the thread has stopped waiting
    }
}

/// The reason for a missing dump.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use oneloop::Runtime;
/// use oneloop::dump::DumpError;
///
/// # fn main() -> std::io::Result<()> {
/// let runtime = Runtime::new()?;
/// let handle = runtime.handle();
/// let monitor = std::thread::spawn(move || handle.dump().wait(Duration::from_millis(1)));
/// let error = monitor.join().unwrap().unwrap_err();
/// assert!(matches!(error, DumpError::NotDriven)); // no `block_on` runs the loop
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum DumpError {
    /// The loop has not answered, because a task holds it.
    Stuck(Box<Stuck>),
    /// The loop has not answered, because no thread drives it with `block_on`, `run`, `turn` or
    /// `take`. (A program that calls `turn` or `EventLoop::take` is outside of the loop between two
    /// calls.)
    NotDriven,
    /// The runtime was dropped.
    Closed,
    /// The runtime belongs to the process from which this process was forked.
    Inherited,
}

/// The state of a loop that does not answer: the running unit and the metrics.
///
/// # Examples
///
/// ```
/// use std::sync::mpsc;
/// use std::time::Duration;
/// use oneloop::dump::DumpError;
///
/// # fn main() -> std::io::Result<()> {
/// let runtime = oneloop::Runtime::new()?;
/// let handle = runtime.handle();
/// let (begun, has_begun) = mpsc::channel();
/// let (end, ended) = mpsc::channel::<()>();
/// let monitor = std::thread::spawn(move || {
///     has_begun.recv().unwrap();
///     let error = handle.dump().wait(Duration::from_millis(1)).unwrap_err();
///     drop(end);
///     error
/// });
/// let task = runtime.spawn(async move {
///     begun.send(()).unwrap();
///     let _ = ended.recv(); // holds the loop
/// });
/// let id = task.id();
/// runtime.block_on(task).unwrap();
///
/// let DumpError::Stuck(stuck) = monitor.join().unwrap() else { panic!("it was stuck") };
/// assert_eq!(stuck.running.unwrap().id, id);
/// assert_eq!(stuck.metrics.tasks, 1);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Stuck {
    /// The unit that the loop polls. After the poll, the field keeps the unit while the loop drops
    /// the unit or reads messages. `None` if the loop is busy before the first poll of a turn, or
    /// in a handler of an `EventLoop`. A waker of another crate may hold the loop then.
    pub running: Option<RunningUnit>,
    /// The metrics of the loop. Values that change with each poll are those at the end of the last
    /// turn.
    pub metrics: Metrics,
}

/// A unit that holds the loop. All fields but the id are known only while polls are observed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RunningUnit {
    /// The id of the task or of `block_on`'s own future.
    pub id: Id,
    /// Whether the unit is the future of `block_on`.
    pub is_block_on: bool,
    /// The task's name.
    pub name: Option<std::sync::Arc<str>>,
    /// The place where the task was spawned.
    pub place: Option<&'static Location<'static>>,
    /// The name of the future's type.
    pub future: Option<&'static str>,
    /// The start of the current poll.
    pub since: Option<Instant>,
}

impl RunningUnit {
    fn new(ticket: Ticket, inbox: &Inbox) -> RunningUnit {
        let mut unit = RunningUnit {
            id: Id(ticket),
            is_block_on: ticket.is_main(),
            name: None,
            place: None,
            future: None,
            since: None,
        };
        // (The loop may poll another unit now.)
        if let Some(running) = inbox.announced.get().filter(|running| running.ticket == ticket) {
            unit.since = Some(running.since);
            if let Some(note) = running.task {
                (unit.name, unit.place, unit.future) = (note.name, note.place, Some(note.future));
            }
        }
        unit
    }
}

impl fmt::Display for RunningUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_block_on {
            f.write_str("the future of block_on")?;
        } else {
            write!(f, "task {}", self.id)?;
        }
        if let Some(name) = &self.name {
            write!(f, " {name:?}")?; // escaped
        }
        if let Some(place) = self.place {
            let verb = if self.is_block_on { "at" } else { "spawned at" };
            write!(f, " ({verb} {}:{})", place.file(), place.line())?;
        }
        match self.since {
            Some(since) => write!(f, ", for {:.1?} so far", since.elapsed()),
            None if self.is_block_on => Ok(()),
            None => f.write_str(
                " (its name, its place and the time are known if polls are observed: see Builder::slow_poll)",
            ),
        }
    }
}

impl fmt::Display for DumpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DumpError::Stuck(stuck) => {
                match &stuck.running {
                    Some(unit) => write!(f, "the loop did not answer: it runs {unit}")?,
                    None => f.write_str(
                        "the loop did not answer: it runs a handler of an event loop, or a waker of another crate",
                    )?,
                }
                let Metrics { turns, polls, tasks, ready, .. } = stuck.metrics;
                write!(f, "; {turns} turns, {polls} polls, {tasks} tasks, {ready} ready")
            }
            DumpError::NotDriven => f.write_str(
                "the loop did not answer: no thread drives it (it is in no block_on, run or turn)",
            ),
            DumpError::Closed => f.write_str("the oneloop runtime was dropped"),
            DumpError::Inherited => f.write_str("the oneloop runtime belongs to the parent process"),
        }
    }
}

impl Error for DumpError {}

//! The tasks of a loop and the events that they wait for, as [`Handle::dump`](crate::Handle::dump)
//! returns them.
//!
//! A dump shows why a server makes no progress or why a task does not end. Examples are a socket
//! that receives no data, a distant deadline, and a task that another task joins. The loop owns all
//! its tasks, timers and sockets, so a dump reads them from the loop's tables. The program does not
//! change, and a dump costs nothing before it is requested.
//!
//! # Examples
//!
//! ```
//! # fn main() -> std::io::Result<()> {
//! use std::time::Duration;
//! use oneloop::dump::Wait;
//! use oneloop::{Handle, task, time};
//!
//! let runtime = oneloop::Runtime::new()?;
//! runtime.block_on(async {
//!     let minute = Duration::from_secs(60);
//!     let sleeper = task::Builder::new().name("sleeper").spawn(time::sleep(minute));
//!     oneloop::yield_now().await; // polls the task, which then waits
//!
//!     let dump = Handle::current().dump().await.unwrap();
//!     // … task 1.1.0 "sleeper" (spawned at src/main.rs:9) waits for: timer in 60.0s. …
//!     println!("{dump}");
//!
//!     let task = dump.task(sleeper.id()).unwrap();
//!     assert_eq!(task.name.as_deref(), Some("sleeper"));
//!     assert!(matches!(task.waits[..], [Wait::Timer { .. }]));
//! });
//! # Ok(()) }
//! ```
//!
//! # The request
//!
//! The request is a message to the loop. The loop answers when it next drains its inbox: at once if
//! the loop is parked, and otherwise before the next task is polled. So a dump shows one moment in
//! which no task runs. The loop does not answer while a task holds it. [`DumpRequest::wait`] then
//! reports this task.
//!
//! # The meaning of a wait
//!
//! * A dump lists a wait for each place where a task has stored its waker. A dropped future, such
//!   as a branch of a `select` that was not chosen, may leave the task's waker at a socket. The
//!   dump shows this wait until the socket's next event. Timers and joins are exact.
//! * [`Wait::Foreign`] means that no table of the runtime has a waker of the task. The waker is in
//!   a channel, a lock, a thread of [`unblock`](crate::unblock()), the loop's listener of a signal,
//!   or another runtime.
//! * A combinator such as `FuturesUnordered` polls its futures with a waker of its own. The task is
//!   `Foreign` then, and the sockets, timers and joins behind such wakers are in [`Dump::foreign`].
//! * The task that awaits the dump is `Foreign`, too.
//!
//! **A dump holds the addresses of clients and the names of tasks.** Protect a dump as you protect
//! a log.

mod request;
mod scan;
mod show;
mod socket;

use std::panic::Location;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use self::request::{DumpError, DumpRequest, RunningUnit, Stuck};
pub use self::socket::{SocketDump, SocketKind};
use crate::engine::interest::Interest;
use crate::engine::ticket::Id;
use crate::metrics::Metrics;

/// The tasks of a loop and their waits at one moment. The `Display` form is a table for a terminal
/// or a log, with one line for each task. The `Display` form escapes characters that would control
/// a terminal.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Dump {
    /// The time of the dump, by the clock of the runtime.
    pub at: Instant,
    /// The existing tasks, sorted by id. The future of `block_on` and the sources of an `EventLoop`
    /// are among them.
    pub tasks: Vec<TaskDump>,
    /// The waits whose wakers belong to no task of this runtime; see the [module](self).
    pub foreign: Vec<ForeignWait>,
    /// The metrics of the loop.
    pub metrics: Metrics,
}

impl Dump {
    /// Returns the task with this id.
    pub fn task(&self, id: Id) -> Option<&TaskDump> {
        self.tasks.binary_search_by_key(&id, |task| task.id).ok().map(|index| &self.tasks[index])
    }
}

/// A task in a [`Dump`]. The `Display` form is one line.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TaskDump {
    /// The id of the task.
    pub id: Id,
    /// The kind of the task.
    pub kind: TaskKind,
    /// The name that [`task::Builder`](crate::task::Builder) has set.
    pub name: Option<Arc<str>>,
    /// The source location of the call of `spawn` or `block_on`. The place is `None` for a finished
    /// task and for a source. The place is also `None` if tasks were spawned at more than 65,535
    /// places.
    pub place: Option<&'static Location<'static>>,
    /// The name of the future's type. `None` for a source.
    pub future: Option<&'static str>,
    /// The state of the task.
    pub state: TaskState,
    /// The waits of the task. A ready task may still have wakers at the places where it has waited.
    pub waits: Vec<Wait>,
    /// The number of polls, modulo 2³². `None` for a finished task and for a source.
    pub polls: Option<u32>,
    /// The total time of the polls since their observation began. `None` if polls are not observed.
    /// The observation costs two readings of the clock for each poll, so a runtime observes polls
    /// only on request.
    pub polled_for: Option<Duration>,
}

/// The kind of a [`TaskDump`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TaskKind {
    /// A spawned task.
    Task,
    /// The future of [`block_on`](crate::Runtime::block_on), or of [`run`](crate::Runtime::run).
    BlockOn,
    /// A source of an `EventLoop`: a socket, a listener, a timer, a signal, or its queue of messages.
    Source,
}

/// The state of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TaskState {
    /// The task waits for a wake-up.
    Waiting,
    /// The task was woken and is in the ready queue.
    Ready,
    /// The task has finished, and its output was not taken yet.
    Finished,
}

/// An event that a task waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wait {
    /// An I/O object, in one direction.
    #[non_exhaustive]
    Socket {
        /// The object.
        socket: SocketDump,
        /// The direction.
        interest: Interest,
    },
    /// A deadline, by the clock of the runtime.
    #[non_exhaustive]
    Timer {
        /// The deadline, or `None` for a timer that never fires.
        deadline: Option<Instant>,
        /// The time until the deadline. Zero if the deadline has passed, and [`Duration::MAX`] for
        /// a timer that never fires.
        left: Duration,
    },
    /// The end of a task of this runtime.
    Join(Id),
    /// An event outside of the runtime's tables; see the [module](self).
    Foreign,
}

/// A wait whose waker belongs to no task of this runtime.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use oneloop::Handle;
/// use oneloop::dump::Wait;
/// # use std::{future::Future, pin::{Pin, pin}, sync::Arc, task::{Context, Poll, Wake, Waker}};
/// # /// Polls a future with a waker of its own.
/// # struct Other;
/// # impl Wake for Other { fn wake(self: Arc<Self>) {} }
///
/// oneloop::block_on(async {
///     let mut sleep = pin!(oneloop::time::sleep(Duration::from_secs(60)));
///     let waker = Waker::from(Arc::new(Other)); // as a combinator of another crate uses it
///     let _ = sleep.as_mut().poll(&mut Context::from_waker(&waker));
///
///     let dump = Handle::current().dump().await.unwrap();
///     assert!(matches!(dump.foreign[0].wait, Wait::Timer { .. }));
///     assert_eq!(dump.foreign[0].task, None);
/// });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ForeignWait {
    /// The wait.
    pub wait: Wait,
    /// The task of another runtime that owns the waker. `None` for a waker of another crate.
    pub task: Option<Id>,
}

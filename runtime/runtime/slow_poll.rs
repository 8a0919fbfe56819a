//! `SlowPoll`, the report of a task that has held the loop for longer than the limit.

use std::cell::Cell;
use std::fmt;
use std::io::{self, Write};
use std::panic::Location;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::engine::core::Core;
use crate::engine::observation::{Activity, Running};
use crate::engine::ticket::Id;

/// The report of a poll, or of another activity, that has held the loop for too long. A loop runs
/// one activity at a time. While a task computes or blocks in a system call, all other tasks and
/// sockets wait.
///
/// The `Display` form is one line:
///
/// ```text
/// task 1.17.0 "connection 4" (spawned at src/main.rs:41:9) held the loop for 120 ms
/// ```
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use std::sync::mpsc;
/// use std::time::Duration;
///
/// use oneloop::{Activity, task};
///
/// let (sender, slow) = mpsc::channel();
/// let runtime = oneloop::Runtime::builder()
///     .slow_poll(Duration::from_millis(10), move |poll| {
///         let _ = sender.send(poll.clone());
///     })
///     .build()?;
/// runtime.block_on(async {
///     let computes = async { std::thread::sleep(Duration::from_millis(20)) };
///     task::Builder::new().name("sums").spawn(computes).await.unwrap();
/// });
/// let poll = slow.try_iter().find(|poll| poll.name.as_deref() == Some("sums")).unwrap();
/// assert_eq!(poll.activity, Activity::Task);
/// assert!(poll.took >= Duration::from_millis(20));
/// assert_eq!(poll.place.unwrap().file(), file!());
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SlowPoll {
    /// The activity of the loop.
    pub activity: Activity,
    /// The task that was polled or dropped. `None` for any other [activity](SlowPoll::activity).
    pub id: Option<Id>,
    /// The task's name, if it has one.
    pub name: Option<Arc<str>>,
    /// The place where the task was spawned. `None` for other activities, and for a task whose
    /// place is not among the first 65,535 places, because the loop numbers only these.
    pub place: Option<&'static Location<'static>>,
    /// The type of the task's future.
    pub future: Option<&'static str>,
    /// The time that the activity has held the loop.
    pub took: Duration,
}

impl SlowPoll {
    pub(super) fn new(running: &Running, took: Duration) -> SlowPoll {
        let Running { activity, ticket, ref task, .. } = *running;
        SlowPoll {
            activity,
            id: activity.is_of_task().then_some(Id(ticket)),
            name: task.as_ref().and_then(|task| task.name.clone()),
            place: task.as_ref().and_then(|task| task.place),
            future: task.as_ref().map(|task| task.future),
            took,
        }
    }

    /// Returns the subject of the report's sentence.
    pub(super) fn subject(&self) -> Subject<'_> {
        Subject(self)
    }
}

impl fmt::Display for SlowPoll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} held the loop for {}", self.subject(), Span(self.took))
    }
}

pub(super) struct Subject<'a>(&'a SlowPoll);

impl fmt::Display for Subject<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let poll = self.0;
        f.write_str(match poll.activity {
            Activity::Task => "task",
            Activity::Drop => "the drop of task",
            Activity::BlockOn => "the future of block_on",
            Activity::Handler => return f.write_str("a handler of the event loop"),
            Activity::Call => return f.write_str("a function that another thread sent"),
            Activity::Waker => return f.write_str("a waker of another crate"),
        })?;
        if let Some(id) = poll.id {
            write!(f, " {id}")?;
        }
        if let Some(name) = &poll.name {
            write!(f, " \"{}\"", name.escape_debug())?; // a control character must not reach a terminal
        }
        match (poll.place, poll.future) {
            (Some(place), _) if poll.activity == Activity::BlockOn => write!(f, " at {place}"),
            (Some(place), _) => write!(f, " (spawned at {place})"),
            (None, Some(future)) => write!(f, " ({future})"),
            (None, None) => Ok(()),
        }
    }
}

/// A duration, with a unit that fits its size.
pub(super) struct Span(pub(super) Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            span if span < Duration::from_millis(1) => write!(f, "{} µs", span.as_micros()),
            span if span < Duration::from_secs(10) => write!(f, "{} ms", span.as_millis()),
            span => write!(f, "{:.1} s", span.as_secs_f64()),
        }
    }
}

/// The destination of reports of slow polls.
#[derive(Clone)]
pub(super) enum Report {
    Stderr,
    Callback(Arc<dyn Fn(&SlowPoll) + Send + Sync>),
}

impl Report {
    pub(super) fn start(self, core: &Core, limit: Duration) {
        let lines = Lines::default();
        core.observation.report_slow(limit, move |poll| {
            let poll = SlowPoll::new(&poll.running, poll.took);
            match &self {
                Report::Callback(callback) => callback(&poll),
                Report::Stderr => lines.write(&poll),
            }
        });
    }
}

/// The lines on stderr, with a limited number per second.
#[derive(Default)]
struct Lines {
    /// The start of the current second, and the number of its lines.
    second: Cell<Option<(Instant, u32)>>,
    /// The number of reports since the last line.
    left_out: Cell<u64>,
}

impl Lines {
    const PER_SECOND: u32 = 10;

    fn write(&self, poll: &SlowPoll) {
        let now = Instant::now();
        let (begun, lines) = match self.second.get() {
            Some((begun, lines)) if now - begun < Duration::from_secs(1) => (begun, lines),
            _ => (now, 0),
        };
        if lines == Lines::PER_SECOND {
            return self.left_out.set(self.left_out.get() + 1);
        }
        self.second.set(Some((begun, lines + 1)));
        match self.left_out.take() {
            0 => write_to_stderr(&format!("oneloop: {poll}\n")),
            more => write_to_stderr(&format!("oneloop: {poll} (and {more} more were slow before)\n")),
        }
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        if self.left_out.get() > 0 {
            write_to_stderr(&format!("oneloop: {} more slow polls\n", self.left_out.get()));
        }
    }
}

/// Writes a text at once. The function does not use the lock of `std::io::stderr`. If a task forks
/// while the thread of the watchdog holds that lock, the child can never write again.
pub(super) fn write_to_stderr(text: &str) {
    #[cfg(unix)]
    {
        use std::os::fd::AsFd;
        if let Ok(descriptor) = io::stderr().as_fd().try_clone_to_owned() {
            let _ = std::fs::File::from(descriptor).write_all(text.as_bytes());
            return;
        }
    }
    let _ = io::stderr().write_all(text.as_bytes());
}

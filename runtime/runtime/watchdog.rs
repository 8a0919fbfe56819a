//! The watchdog, a thread that reports a stuck loop.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::{self, Thread, ThreadId};
use std::time::{Duration, Instant};
use std::{io, process};

use super::slow_poll::{SlowPoll, Span, write_to_stderr};
use super::thread_state::{OsThread, Reading};
use crate::engine::core::Core;
use crate::engine::counters::Counters;
use crate::engine::fork;
use crate::engine::observation::{Announced, Before, Running};
use crate::engine::panic::call_quietly;

/// A report of the [watchdog](crate::Builder::watchdog) about a stuck loop.
///
/// The `Display` form has several lines:
///
/// ```text
/// task 1.17.0 "connection 4" (spawned at src/main.rs:41:9) has held the loop for 1000 ms, and still does
///   its thread "main" 23522 sleeps, in the system call futex; 40 µs of CPU time in the last 500 ms
///   spawned tasks since then: 1; registered objects: +0
///   for a stack: gdb -p 23522 -batch -ex bt
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Stuck {
    /// The activity that holds the loop, and its time so far.
    pub poll: SlowPoll,
    /// Whether the poll has ended. This report is then the last report about the poll, and
    /// `poll.took` is the total time of the poll.
    pub over: bool,
    /// The loop's thread.
    pub thread: ThreadId,
    /// The name of the loop's thread, if it has one.
    pub thread_name: Option<Arc<str>>,
    /// The operating system's number of the loop's thread, on Linux.
    pub os_thread: Option<u32>,
    /// The state of the thread as text, such as "runs" or "sleeps", on Linux.
    pub state: Option<&'static str>,
    /// The current system call of the thread, on Linux. The call shows the operation in which the
    /// thread blocks. A less common call appears as its number.
    pub system_call: Option<String>,
    /// The CPU time that the thread has used in the last [`watched`](Stuck::watched), on Linux. If
    /// the two times are almost equal, the poll computes. If the CPU time is almost zero, the poll
    /// blocks.
    pub cpu_time: Option<Duration>,
    /// The time since the watchdog first observed this poll.
    pub watched: Duration,
    /// The number of tasks that were spawned since the start of the poll.
    pub spawned: u64,
    /// The change of the number of registered objects since the start of the poll.
    pub registered: i64,
    /// A command that prints a stack of the thread, or `None` if the system has no such command. A
    /// debugger may need the rights of root.
    pub debugger: Option<String>,
}

impl fmt::Display for Stuck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (subject, took) = (self.poll.subject(), Span(self.poll.took));
        if self.over {
            return write!(f, "{subject} held the loop for {took}; the loop goes on");
        }
        write!(f, "{subject} has held the loop for {took}, and still does")?;
        f.write_str("\n  its thread")?;
        if let Some(name) = &self.thread_name {
            write!(f, " \"{}\"", name.escape_debug())?;
        }
        match self.os_thread {
            Some(number) => write!(f, " {number}")?,
            None => write!(f, " {:?}", self.thread)?,
        }
        match (self.state, &self.system_call) {
            (Some(state), Some(call)) => write!(f, " {state}, in the system call {call}")?,
            (Some(state), None) => write!(f, " {state}")?,
            (None, _) => {}
        }
        if let Some(cpu_time) = self.cpu_time {
            write!(f, "; {} of CPU time in the last {}", Span(cpu_time), Span(self.watched))?;
        }
        let (spawned, registered) = (self.spawned, self.registered);
        if (spawned, registered) != (0, 0) {
            write!(f, "\n  spawned tasks since then: {spawned}; registered objects: {registered:+}")?;
        }
        match &self.debugger {
            Some(command) => write!(f, "\n  for a stack: {command}"),
            None => Ok(()),
        }
    }
}

pub(super) type Callback = Arc<dyn Fn(&Stuck) + Send + Sync>;

/// The runtime's handle of its watchdog. The drop notifies the thread to end and does not wait for
/// the end, because a report may be running and may block.
pub(super) struct Watchdog {
    ended: Arc<AtomicBool>,
    thread: Thread,
    generation: u32,
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        if self.generation == fork::generation() {
            self.ended.store(true, Relaxed);
            self.thread.unpark();
        } // otherwise the thread belongs to the parent
    }
}

impl Watchdog {
    /// # Errors
    ///
    /// The call returns an error if the system can't start a thread.
    pub(super) fn start(core: &Core, limit: Duration, report: Option<Callback>) -> io::Result<Watchdog> {
        core.observation.keep_on();
        let ended = Arc::new(AtomicBool::new(false));
        let watch = Watch {
            limit,
            report,
            announced: core.inbox.announced.clone(),
            counters: core.inbox.counters.clone(),
            thread: thread::current(),
            os_thread: OsThread::current(),
            ended: ended.clone(),
            seen: None,
        };
        let thread = thread::Builder::new().name("oneloop-watchdog".into());
        let thread = thread.spawn(|| watch.run())?.thread().clone();
        Ok(Watchdog { ended, thread, generation: fork::generation() })
    }
}

/// The state of the watchdog's thread.
struct Watch {
    limit: Duration,
    /// The callback, or `None` for reports to stderr.
    report: Option<Callback>,
    announced: Arc<Announced>,
    counters: Arc<Counters>,
    /// The loop's thread.
    thread: Thread,
    os_thread: Option<OsThread>,
    ended: Arc<AtomicBool>,
    /// The unit that ran at the last check.
    seen: Option<Seen>,
}

struct Seen {
    number: u64,
    /// The time when the unit was observed first, and the CPU time of its thread then.
    at: Instant,
    cpu_time: Option<Duration>,
    /// The running time of the unit at which the next report is due.
    next: Duration,
}

impl Watch {
    /// Checks the loop twice in each limit, until the runtime is dropped.
    fn run(mut self) {
        while !self.ended.load(Relaxed) {
            let wait = self.check();
            thread::park_timeout(wait);
        }
        self.report_end();
    }

    /// Checks the loop, and reports a stuck loop. Returns the time until the next check.
    fn check(&mut self) -> Duration {
        self.report_end();
        let pause = (self.limit / 2).max(Duration::from_millis(1));
        // If the loop has parked since the start of the unit, the unit is a handler that has called
        // its own loop.
        let parks = self.counters.parks.get();
        let announced = self.announced.numbered();
        let Some((number, running)) = announced.filter(|(_, running)| running.before.parks == parks) else {
            self.seen = None;
            return pause;
        };
        let limit = self.limit;
        let os_thread = self.os_thread;
        if self.seen.as_ref().is_none_or(|seen| seen.number != number) {
            let cpu_time = os_thread.and_then(|thread| thread.cpu_time());
            self.seen = Some(Seen { number, at: Instant::now(), cpu_time, next: limit });
        }
        let Some(seen) = &mut self.seen else { return pause };
        let held = running.since.elapsed();
        if held < seen.next {
            return (seen.next - held).min(pause);
        }
        while seen.next <= held {
            seen.next = seen.next.saturating_mul(2);
        }
        let (at, cpu_before) = (seen.at, seen.cpu_time);
        let reading = os_thread.map(OsThread::read).unwrap_or_default();
        if self.announced.report(number) {
            let mut stuck = self.stuck(&running, held, reading);
            stuck.watched = at.elapsed().min(stuck.poll.took); // (`elapsed` is later than `took`)
            let cpu_time = stuck.cpu_time.zip(cpu_before);
            stuck.cpu_time = cpu_time.map(|(now, before)| now.saturating_sub(before));
            self.deliver(&stuck);
        }
        pause
    }

    /// Reports the end of a unit that was reported before.
    fn report_end(&self) {
        if let Some((running, took)) = self.announced.take_ended() {
            let stuck = self.stuck(&running, took, Reading::default());
            self.deliver(&Stuck { over: true, ..stuck });
        }
    }

    fn stuck(&self, running: &Running, took: Duration, reading: Reading) -> Stuck {
        let Before { spawned, registrations, .. } = running.before;
        Stuck {
            poll: SlowPoll::new(running, took),
            over: false,
            thread: self.thread.id(),
            thread_name: self.thread.name().map(Arc::from),
            os_thread: self.os_thread.map(|thread| thread.number),
            state: reading.state,
            system_call: reading.system_call,
            cpu_time: reading.cpu_time,
            watched: Duration::ZERO,
            spawned: self.counters.spawned.get().saturating_sub(spawned),
            registered: self.counters.registrations.get().cast_signed() - registrations.cast_signed(),
            debugger: debugger(self.os_thread),
        }
    }

    fn deliver(&self, stuck: &Stuck) {
        match &self.report {
            Some(callback) => call_quietly(|| callback(stuck)),
            None => write_to_stderr(&format!("oneloop: {stuck}\n")),
        }
    }
}

/// Returns a command that prints a stack of the loop's thread.
fn debugger(thread: Option<OsThread>) -> Option<String> {
    let process = process::id();
    if cfg!(any(target_os = "linux", target_os = "android")) {
        return Some(match thread {
            // gdb also accepts a thread's number, and then prints the stack of this thread.
            Some(thread) => format!("gdb -p {} -batch -ex bt", thread.number),
            None => format!("gdb -p {process} -batch -ex 'thread apply all bt'"),
        });
    }
    if cfg!(target_vendor = "apple") {
        return Some(format!("sample {process} 1"));
    }
    cfg!(unix).then(|| format!("lldb -p {process} --batch -o 'thread backtrace all'"))
}

//! A record of the loop's events, for the page of `oneloop-watch`.
//!
//! During a record, the loop writes each spawn, poll, wake-up, park, timer, readiness and message
//! into a ring of a fixed size. An entry takes 8 to 24 bytes. New entries overwrite the oldest. The
//! ring belongs to the loop alone, so an entry takes no lock and no allocation.
//!
//! [`Builder::trace`](crate::Builder::trace) starts a record with the runtime, and
//! [`Handle::start_trace`] starts a record at any time. [`Handle::trace_record`] returns the record
//! or its last part, for example after an incident. The program `oneloop-watch` creates a page from
//! the file. The module [`format`](mod@format) describes the format.
//!
//! **A record holds names**: the names of tasks, the paths of source files, and the addresses of
//! sockets and their peers. It does not hold the data that the program sends or receives.
//!
//! # Costs
//!
//! Without the feature `trace`, events cost nothing. With the feature and without a record, each
//! event costs one comparison. During a record, each poll costs at most two readings of the clock,
//! and each turn costs one.
//!
//! # Examples
//!
//! ```
//! # fn main() -> std::io::Result<()> {
//! let runtime = oneloop::Runtime::builder().trace(1 << 20).build()?;
//! runtime.block_on(async {
//!     let task = oneloop::task::Builder::new().name("sleeper").spawn(async {
//!         oneloop::time::sleep(std::time::Duration::from_millis(5)).await;
//!     });
//!     task.await.unwrap();
//! });
//! let record = runtime.trace_record(None).expect("the builder started it");
//! # let folder = std::env::temp_dir();
//! std::fs::write(folder.join("loop.trace"), record)?;
//! # Ok(()) }
//! ```

mod defined;
mod kept;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::dump::SocketDump;
use crate::engine::context;
use crate::engine::core::Core;
use crate::engine::driver::Raw;
use crate::engine::record::Recorder;
pub use crate::engine::record::format;
use crate::handle::{Handle, RemoteJoinHandle};

/// Starts a record, which replaces an earlier record.
pub(crate) fn start(core: &Core, bytes_max: usize) {
    let recorder = Rc::new(Recorder::new(bytes_max, core.clock.now_ns(), describe));
    defined::at_start(core, &recorder);
    core.tasks.hook.set_observer(recorder);
    core.observe(true);
}

/// Ends a record, which stays readable.
pub(crate) fn stop(core: &Core) {
    core.observe(false);
}

/// Returns the record or its last part, if a record was started.
pub(crate) fn record(core: &Core, last: Option<Duration>) -> Option<Vec<u8>> {
    Some(defined::write(core, &*core.tasks.hook.observer()?, last))
}

/// Returns the kind of an object, and the addresses of a socket.
fn describe(raw: Option<Raw>) -> String {
    SocketDump::of(raw).to_string()
}

impl Handle {
    /// Starts a record of the loop's events, in a ring of at most `bytes_max` bytes. The size is
    /// the largest power of two that fits, at least 4 KiB and at most 1 GiB. An earlier record is
    /// dropped. The call does nothing if the runtime was dropped.
    pub fn start_trace(&self, bytes_max: usize) {
        self.run_on_loop(move |core| start(core, bytes_max));
    }

    /// Ends the record, which stays readable.
    pub fn stop_trace(&self) {
        self.run_on_loop(stop);
    }

    /// Returns the record of the loop's events: the whole content of the ring, or the part of the
    /// last `last`. The record continues. The loop answers when it next drains its inbox, so it
    /// does not answer while a task holds the loop. [`start_trace`](Handle::start_trace) starts a
    /// record, and [`stop_trace`](Handle::stop_trace) ends it.
    ///
    /// # Errors
    ///
    /// The future returns [`TraceError`] if no record was started, or if the runtime was dropped
    /// before the answer.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use std::time::Duration;
    ///
    /// let runtime = oneloop::Runtime::new()?;
    /// let handle = runtime.handle();
    /// let monitor = std::thread::spawn(move || {
    ///     handle.start_trace(1 << 20);
    ///     let record = oneloop::block_on(handle.trace_record(Some(Duration::from_secs(10))));
    ///     handle.stop_trace();
    ///     handle.stop();
    ///     record.map(|record| record.len())
    /// });
    /// runtime.run();
    /// assert!(monitor.join().unwrap().unwrap() > 16);
    /// # Ok(()) }
    /// ```
    pub fn trace_record(&self, last: Option<Duration>) -> TraceRecord {
        TraceRecord(self.spawn_with(move || {
            let core = context::current();
            std::future::ready(core.and_then(|core| record(&core, last)))
        }))
    }

    /// Calls `f` on the loop's thread: at once if this is that thread, and otherwise when the loop
    /// next drains its inbox.
    fn run_on_loop(&self, f: impl FnOnce(&Core) + Send + 'static) {
        match context::current().filter(|core| self.is_of(core)) {
            Some(core) => f(&core),
            None => self.call(move || context::with("a trace was started or stopped", |core| f(core))),
        }
    }
}

/// The future of [`Handle::trace_record`], which returns the bytes of a record. Any thread and any
/// executor may await it.
///
/// # Cancel safety
///
/// The future is cancel safe: dropping it does not change the record.
#[must_use = "a future does nothing unless it is awaited"]
pub struct TraceRecord(RemoteJoinHandle<Option<Vec<u8>>>);

impl Future for TraceRecord {
    type Output = Result<Vec<u8>, TraceError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map(|record| match record {
            Ok(Some(record)) => Ok(record),
            Ok(None) => Err(TraceError { dropped: false }),
            Err(_) => Err(TraceError { dropped: true }),
        })
    }
}

impl fmt::Debug for TraceRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TraceRecord").finish_non_exhaustive()
    }
}

/// The reason for a missing record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceError {
    dropped: bool,
}

impl fmt::Display for TraceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.dropped {
            "the oneloop runtime was dropped before it returned its record"
        } else {
            "no record of the oneloop runtime was started: call `Builder::trace` or `Handle::start_trace` first"
        })
    }
}

impl std::error::Error for TraceError {}

//! A standard output, which is a buffer that tasks fill and a thread that writes the buffer.

use std::io;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use futures_io::AsyncWrite;

use super::waiting::{Key, Waiting};
use crate::engine::context;
use crate::engine::fork::{self, OfGeneration};
use crate::engine::panic::drop_quietly;
use crate::unblock;

/// The size of the buffer in bytes. The thread holds up to the same number of bytes, which it is
/// about to write.
const BUFFER: usize = 64 * 1024;

/// The maximum size in bytes of a write that is accepted as a whole.
const WHOLE_MAX: usize = 8 * 1024;

/// Standard output or standard error of the process.
pub(super) struct Output {
    /// The state of this generation of the process. The child of a fork has its own state, because
    /// bytes that the parent has not written yet belong to the parent.
    state: OfGeneration<Mutex<State>>,
    /// Writes bytes and flushes std's buffer.
    write: fn(&[u8]) -> io::Result<()>,
}

struct State {
    /// The bytes that tasks have written and the thread has not taken.
    bytes: Vec<u8>,
    /// The number of bytes that tasks have written since the start of the process.
    accepted: u64,
    /// The number of these bytes that the thread has completed, including those lost in an error.
    done: u64,
    /// The number of failures, the number of the last reported failure, and the last failure
    /// itself.
    failures: u64,
    reported: u64,
    failure: Option<io::Error>,
    /// Whether a thread writes.
    writing: bool,
    waiting: Waiting,
}

impl Output {
    pub(super) const fn new(write: fn(&[u8]) -> io::Result<()>) -> Output {
        Output { state: OfGeneration::new(State::empty()), write }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.get(State::empty).lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the buffer until it is empty. The thread runs this function.
    fn write_buffer(&self) {
        let (mut length, mut result) = (0, Ok(()));
        loop {
            let mut state = self.state();
            state.finish(length, result);
            let bytes = std::mem::take(&mut state.bytes);
            state.writing = !bytes.is_empty();
            let waiting = state.waiting.take();
            drop(state);
            waiting.wake();
            if bytes.is_empty() {
                return;
            }
            (length, result) = (bytes.len(), (self.write)(&bytes));
        }
    }
}

impl Output {
    /// Handles the case that no thread can start. The bytes in the buffer are lost, as after a
    /// failed write.
    #[cold]
    fn fail(&self, error: io::Error) {
        let mut state = self.state();
        let lost = std::mem::take(&mut state.bytes).len();
        state.finish(lost, Err(error));
        state.writing = false;
        let waiting = state.waiting.take();
        drop(state);
        waiting.wake();
    }
}

impl State {
    const fn empty() -> Mutex<State> {
        Mutex::new(State {
            bytes: Vec::new(),
            accepted: 0,
            done: 0,
            failures: 0,
            reported: 0,
            failure: None,
            writing: false,
            waiting: Waiting::new(),
        })
    }

    fn finish(&mut self, length: usize, result: io::Result<()>) {
        self.done += length as u64;
        if let Err(error) = result {
            self.failures += 1;
            self.failure = Some(error);
        }
    }
}

/// The state of a handle.
pub(super) struct Writer {
    output: &'static Output,
    /// The generation of the process in which this handle is known.
    generation: u32,
    key: Key,
    /// The number of bytes that all handles had written after the last write of this handle. Before
    /// its first write, the number at the creation of this handle.
    accepted: u64,
    /// The number of the last failure that this handle does not have to report.
    reported: u64,
}

impl Writer {
    pub(super) fn new(output: &'static Output) -> Writer {
        let State { accepted, reported, .. } = *output.state();
        Writer { output, generation: fork::generation(), key: None, accepted, reported }
    }

    /// Calls `attempt` with the state of the output. If the result is `None`, the task waits.
    fn poll<T>(
        &mut self,
        cx: &mut Context<'_>,
        attempt: impl FnOnce(&mut State, &mut u64) -> Option<T>,
    ) -> Poll<io::Result<T>> {
        ready!(context::charge(cx));
        if self.generation != fork::generation() {
            *self = Writer::new(self.output); // the child of a fork has a new state
        }
        let waker = cx.waker().clone(); // may run foreign code, so before the lock
        let mut state = self.output.state();
        let outcome = match state.failure_after(&mut self.reported) {
            Some(error) => Some(Err(error)),
            None => attempt(&mut state, &mut self.accepted).map(Ok),
        };
        let discarded = match outcome {
            Some(_) => Some(waker),
            None => state.waiting.add(&mut self.key, waker),
        };
        let starts = !state.bytes.is_empty() && !std::mem::replace(&mut state.writing, true);
        drop(state);
        drop_quietly(discarded);
        if starts {
            let output = self.output;
            if let Err(error) = unblock::detach(move || output.write_buffer()) {
                output.fail(error);
            }
        }
        outcome.map_or(Poll::Pending, Poll::Ready)
    }
}

impl State {
    /// Returns the last failure, unless the handle has reported it.
    fn failure_after(&mut self, reported: &mut u64) -> Option<io::Error> {
        if *reported == self.failures {
            return None;
        }
        (*reported, self.reported) = (self.failures, self.failures);
        let error = self.failure.as_ref()?;
        Some(match error.raw_os_error() {
            Some(code) => io::Error::from_raw_os_error(code),
            None => io::Error::new(error.kind(), error.to_string()),
        })
    }

    /// Accepts the bytes that fit, and returns their number. Returns `None` if neither the whole
    /// write nor [`WHOLE_MAX`] bytes fit.
    fn accept(&mut self, bytes: &[u8]) -> Option<usize> {
        let room = BUFFER - self.bytes.len();
        if room < bytes.len().min(WHOLE_MAX) {
            return None;
        }
        let length = bytes.len().min(room);
        self.bytes.extend_from_slice(&bytes[..length]);
        self.accepted += length as u64;
        Some(length)
    }
}

impl AsyncWrite for Writer {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll(cx, |state, accepted| {
            let length = state.accept(buf)?;
            *accepted = state.accepted;
            Some(length)
        })
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll(cx, |state, accepted| (state.done >= *accepted).then_some(()))
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if self.key.is_some() && self.generation == fork::generation() {
            let waker = self.output.state().waiting.remove(self.key);
            drop_quietly(waker);
        }
    }
}

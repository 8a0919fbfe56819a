//! A standard output: a buffer that tasks write into, and the thread that passes it on.

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

/// The buffer holds so many bytes, and the thread as many again, which it is about to write.
const BUFFER: usize = 64 * 1024;

/// A write of up to so many bytes is taken whole.
const WHOLE_MAX: usize = 8 * 1024;

/// Standard output or standard error of the process.
pub(super) struct Output {
    /// The child of a fork has its own: what the parent has not passed on is the parent's.
    state: OfGeneration<Mutex<State>>,
    /// Writes bytes and lets none of them lie in a buffer of std's.
    write: fn(&[u8]) -> io::Result<()>,
}

struct State {
    /// What tasks have written and the thread has not taken.
    bytes: Vec<u8>,
    /// How many bytes tasks have written since the process began.
    accepted: u64,
    /// How many of these the thread is done with, be it by an error.
    done: u64,
    /// How often it failed, up to which failure that was reported, and the last one.
    failures: u64,
    reported: u64,
    failure: Option<io::Error>,
    /// A thread writes.
    writing: bool,
    waiting: Waiting,
}

impl Output {
    pub(super) const fn new(write: fn(&[u8]) -> io::Result<()>) -> Output {
        Output { state: OfGeneration::new(State::nothing()), write }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.get(State::nothing).lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The thread's part: writes what is in the buffer until it is empty.
    fn pass_on(&self) {
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
    /// No thread can be had: what is in the buffer is lost, as after a write that has failed.
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
    const fn nothing() -> Mutex<State> {
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

/// What a handle knows.
pub(super) struct Writer {
    output: &'static Output,
    /// The generation of the process that knows this handle.
    generation: u32,
    key: Key,
    /// How many bytes had been written, by all handles, after the last write of this one; or when it
    /// was made.
    accepted: u64,
    /// The last failure that this handle need not report.
    reported: u64,
}

impl Writer {
    pub(super) fn new(output: &'static Output) -> Writer {
        let State { accepted, reported, .. } = *output.state();
        Writer { output, generation: fork::generation(), key: None, accepted, reported }
    }

    /// Lets `attempt` look at the output. If that is `None`, waits.
    fn poll<T>(
        &mut self,
        cx: &mut Context<'_>,
        attempt: impl FnOnce(&mut State, &mut u64) -> Option<T>,
    ) -> Poll<io::Result<T>> {
        ready!(context::charge(cx));
        if self.generation != fork::generation() {
            *self = Writer::new(self.output); // the child of a fork begins anew
        }
        let waker = cx.waker().clone(); // it may be foreign: before the lock
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
            if let Err(error) = unblock::detach(move || output.pass_on()) {
                output.fail(error);
            }
        }
        outcome.map_or(Poll::Pending, Poll::Ready)
    }
}

impl State {
    /// The last failure, if it is news to a handle.
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

    /// Takes what there is room for; `None` if that is less than the caller may expect.
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

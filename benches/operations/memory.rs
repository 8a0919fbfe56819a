//! Measures the memory of a task.

use std::cell::Cell;
use std::hint::black_box;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use super::other_tasks_run;
use crate::peers::Executor;
use crate::{heap, sys};

const TASKS: usize = 100_000;

thread_local! {
    static POLLED: Cell<usize> = const { Cell::new(0) };
}

/// A future of 64 bytes that is always pending. It stores its waker, because some runtimes free a task
/// that has no waker.
struct Waiting {
    waker: Option<Waker>,
    state: [u64; 6],
}

const _: () = assert!(size_of::<Waiting>() == 64);

impl Future for Waiting {
    type Output = u64;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<u64> {
        black_box(self.state);
        self.waker = Some(context.waker().clone());
        POLLED.set(POLLED.get() + 1);
        Poll::Pending
    }
}

/// Returns two figures for each task, in bytes: the allocated memory, which is exact, and the growth of
/// the process, which includes the overhead of the allocator. Both include the runtime's tables for this
/// number of tasks. The join handles are dropped.
pub async fn per_task<E: Executor>() -> Vec<f64> {
    // The first task makes the runtime allocate its tables. These allocations must not count.
    other_tasks_run::<E>().await;
    let resident = sys::resident_bytes().expect("/proc is there");
    heap::start_counting();
    for number in 0..TASKS {
        E::detach(E::spawn(Waiting { waker: None, state: [number as u64; 6] }));
    }
    while POLLED.get() < TASKS {
        other_tasks_run::<E>().await;
    }
    let heap = heap::live_bytes() as f64;
    let grown = sys::resident_bytes().expect("/proc is there").saturating_sub(resident) as f64;
    vec![heap / TASKS as f64, grown / TASKS as f64]
}

//! The memory of a task.

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

/// 64 bytes of state that wait for ever, but could be woken: some runtimes free a task that nobody can wake.
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

/// What was asked of the allocator, which is exact, and what the process grew by, which also shows what the allocator
/// adds. Both include the runtime's own tables at this number of tasks; the handles are dropped.
pub async fn per_task<E: Executor>() -> Vec<f64> {
    // What a runtime needs once is no cost of the tasks.
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

//! The same loop with *tasks* in its queue instead of messages: an executor in under a hundred lines.
//!
//! ```text
//! cargo run --example event_queue_tasks
//! ```
//!
//! A message now means "task n can continue", and the loop handles it by polling that task. The
//! operation that a task awaits stores the task's waker, and calls it when the time has come. The waker
//! only posts the message again. An executor needs no more than that. The real one
//! (`runtime/engine/core.rs`) runs the same loop: its queue holds the tasks themselves, and its wakers
//! are numbers and not counted references.

#[path = "shared/demo.rs"]
mod demo;

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use demo::{Outcome, say};
use oneloop::event_loop::{Event, EventLoop, IdMap, Sender};

const ABOUT: &str = "A toy executor: the queue-based event loop, with tasks in its queue.";

fn main() -> ExitCode {
    demo::run(ABOUT, demo)
}

fn demo() -> Outcome {
    let mut executor = Executor { events: EventLoop::new()?, tasks: Vec::new() };
    let timers = Timers::default();
    for (name, ms) in [("slow", 100), ("quick", 20)] {
        let timers = timers.clone();
        executor.spawn(async move {
            for step in 1..=3 {
                say!("{name}, step {step}");
                timers.sleep(Duration::from_millis(ms)).await;
            }
            say!("{name} is done");
        });
    }
    executor.run(&timers)
}

/// A message: the task with this number can continue.
type Ready = usize;

struct Executor {
    events: EventLoop<Ready>,
    /// All tasks by number. `None` is a task that is done.
    tasks: Vec<Option<Pin<Box<dyn Future<Output = ()>>>>>,
}

impl Executor {
    fn spawn(&mut self, task: impl Future<Output = ()> + 'static) {
        self.tasks.push(Some(Box::pin(task)));
        self.events.post(self.tasks.len() - 1).expect("the queue has no bound");
    }

    /// **The loop.** It takes one event after the other until every task is done. At a message it polls
    /// the task. At a timer it wakes the task that waits for it.
    fn run(&mut self, timers: &Timers) -> Outcome {
        let mut sleeping: IdMap<Waker> = IdMap::default();
        while self.tasks.iter().any(Option::is_some) {
            match self.events.take(None)? {
                Event::Message(number) => self.poll(number),
                Event::Timer(id) => sleeping.remove(&id).into_iter().for_each(Waker::wake),
                other => say!("an unexpected event: {other:?}"),
            }
            for (duration, waker) in timers.0.take() {
                sleeping.insert(self.events.timer(duration)?, waker);
            }
        }
        Ok(())
    }

    fn poll(&mut self, number: usize) {
        let waker = Arc::new(TaskWaker { sender: self.events.sender(), number }).into();
        // A task that is done may have been woken once more before.
        let Some(task) = &mut self.tasks[number] else { return };
        if task.as_mut().poll(&mut Context::from_waker(&waker)).is_ready() {
            self.tasks[number] = None;
        }
    }
}

struct TaskWaker {
    sender: Sender<Ready>,
    number: usize,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        let _ = self.sender.post(self.number); // an error if the loop and its tasks are dropped
    }
}

/// The timers that tasks have asked for: the duration, and the waker.
#[derive(Clone, Default)]
struct Timers(Rc<RefCell<Vec<(Duration, Waker)>>>);

impl Timers {
    async fn sleep(&self, duration: Duration) {
        let mut asked = false;
        std::future::poll_fn(|cx| {
            if asked {
                return Poll::Ready(()); // nothing else wakes these tasks
            }
            asked = true;
            self.0.borrow_mut().push((duration, cx.waker().clone()));
            Poll::Pending
        })
        .await;
    }
}

//! The pieces of code that the library calls: futures, outputs, foreign wakers, what makes a future on the loop. Each
//! does what the next steps say.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake};

use oneloop::Runtime;

use super::model::{Outcome, Turn, Who};
use super::op::Op;
use super::world::{Settling, with};
use super::{act, text_of};

/// What the program's own panics carry. Not of no size: one that is lost is an allocation that is left.
pub struct Deliberate(#[expect(dead_code, reason = "for its size")] u64);

/// Unwinds without the panic hook, which would print.
fn panic_deliberately() -> ! {
    resume_unwind(Box::new(Deliberate(0)))
}

/// Where a piece of code runs.
#[derive(Default)]
pub struct Place<'a, 'b> {
    pub who: Option<Who>,
    pub cx: Option<&'a mut Context<'b>>,
    /// Outside of the loop, if the runtime is alive.
    pub runtime: Option<&'a Runtime>,
}

/// How a piece of code ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum End {
    Wait,
    Yield,
    Complete,
    Panic,
    Park,
}

/// Does what the next steps say, until one of them ends this piece of code.
pub fn play(mut place: Place<'_, '_>) -> End {
    const DEPTH_MAX: usize = 6;
    const STEPS_MAX: usize = 8;
    if with(|world| world.depth) >= DEPTH_MAX || std::thread::panicking() {
        return End::Wait;
    }
    with(|world| world.depth += 1);
    let mut end = End::Wait;
    for _ in 0..STEPS_MAX {
        let Some(op) = with(|world| world.next_op()) else { break };
        let ending = match op {
            Op::Wait => Some(End::Wait),
            Op::Yield => Some(End::Yield),
            Op::Complete => Some(End::Complete),
            Op::Panic => Some(End::Panic),
            Op::Park => Some(End::Park),
            _ => None,
        };
        if let Some(ending) = ending {
            end = ending;
            break;
        }
        // An output that is dropped by what is done here may panic, which is fine.
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| act::act(op, &mut place)))
            && !payload.is::<Deliberate>()
        {
            with(|world| world.fail(format!("{op:?} panicked: {}", text_of(&*payload))));
        }
    }
    with(|world| world.depth -= 1);
    end
}

fn play_in_a_drop() -> End {
    play(Place::default())
}

/// A task's future.
pub struct Scripted(usize);

impl Scripted {
    pub fn new(id: usize) -> Scripted {
        with(|world| world.lives[id].futures_made += 1);
        Scripted(id)
    }
}

impl Future for Scripted {
    type Output = Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Output> {
        let (id, who) = (self.0, Who::Task(self.0));
        with(|world| {
            world.turn(Turn::Poll(who));
            if world.lives[id].ending.is_some() || world.lives[id].futures_dropped > 0 {
                world.fail(format!("task {id} is polled after its end"));
            }
        });
        let end = play(Place { who: Some(who), cx: Some(cx), runtime: None });
        let ending = |outcome| with(|world| world.lives[id].ending = Some(outcome));
        match end {
            End::Wait | End::Park => Poll::Pending,
            End::Yield => {
                cx.waker().wake_by_ref();
                with(|world| world.model.wake(who));
                Poll::Pending
            }
            End::Complete => {
                ending(Outcome::Value);
                with(|world| world.lives[id].outputs_made += 1);
                Poll::Ready(Output(id))
            }
            End::Panic => {
                ending(Outcome::Panic);
                panic_deliberately()
            }
        }
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        let id = self.0;
        let ending = with(|world| {
            world.settle();
            world.lives[id].futures_dropped += 1;
            let ending = world.lives[id].ending;
            if ending.is_none() {
                world.turn(Turn::Abort(id)); // only an abort or the end of the runtime drops it
            }
            ending
        });
        let panics = play_in_a_drop() == End::Panic;
        let outcome = if panics { Outcome::Panic } else { ending.unwrap_or(Outcome::Cancelled) };
        let output_first = panics && ending == Some(Outcome::Value);
        with(|world| world.settling = Some(Settling { id, outcome, output_first }));
        if panics {
            panic_deliberately();
        }
    }
}

/// What a task returns.
pub struct Output(pub usize);

impl Drop for Output {
    fn drop(&mut self) {
        let id = self.0;
        // If it is dropped because its future's drop panicked, its task has not finished before this is over.
        let not_yet = with(|world| {
            let not_yet = world.settling.take_if(|settling| settling.id == id && settling.output_first);
            world.settle();
            world.lives[id].outputs_dropped += 1;
            not_yet
        });
        let end = play_in_a_drop();
        if let Some(settling) = not_yet {
            with(|world| world.settling = Some(Settling { output_first: false, ..settling }));
        }
        if end == End::Panic {
            panic_deliberately();
        }
    }
}

/// A waker that isn't the library's.
pub struct Foreign(pub usize);

impl Wake for Foreign {
    fn wake(self: Arc<Self>) {
        with(|world| {
            world.turn(Turn::Foreign(self.0));
            if let Some(id) = oneloop::task::try_id() {
                world.fail(format!("a waker of another crate is called in task {id}"));
            }
        });
        if play(Place::default()) == End::Panic {
            panic_deliberately();
        }
    }
}

/// Makes a remote task's future, on the loop.
pub fn make(id: usize) -> Scripted {
    with(|world| {
        world.settle();
        let result = world.model.make(id);
        world.check(&format!("making task {id}"), result);
    });
    if play(Place::default()) == End::Panic {
        with(|world| world.settling = Some(Settling { id, outcome: Outcome::Panic, output_first: false }));
        panic_deliberately();
    }
    with(|world| world.model.wake(Who::Task(id)));
    Scripted::new(id)
}

/// One poll of `block_on`'s own future; ready when the program leaves the loop.
pub fn poll_main(cx: &mut Context<'_>) -> Poll<()> {
    let who = Who::Main(with(|world| world.model.main));
    // If a wake was under way it has been done now, or will be done in vain: this poll ends by waking itself, or with
    // another such wake.
    let raced = with(|world| world.racing.take()).map(|done| done.recv()).is_some();
    with(|world| {
        if raced {
            world.settle();
            world.joins = 0;
            let result = world.model.turn_of_main_out_of_order();
            world.check("the turn of block_on's own future", result);
        } else {
            world.turn(Turn::Poll(who));
        }
    });
    if !with(|world| world.has_steps()) {
        return Poll::Ready(());
    }
    match play(Place { who: Some(who), cx: Some(&mut *cx), runtime: None }) {
        End::Complete => return Poll::Ready(()),
        End::Panic => panic_deliberately(),
        End::Park if with(|world| world.threads) => {
            let waker = cx.waker().clone();
            let done = super::world::on_another_thread(move || waker.wake());
            with(|world| world.racing = Some(done));
        }
        _ => {
            cx.waker().wake_by_ref();
            with(|world| world.model.wake(who));
        }
    }
    Poll::Pending
}

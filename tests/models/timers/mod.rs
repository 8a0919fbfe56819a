//! `sleep`, `timeout` and `interval` against a list of deadlines, on the real clock: made, polled, moved and dropped in random
//! order, by the program and by the wakers that timers call. Deadlines are a moment ago, within a millisecond, or
//! as far away as they can be.
//!
//! `block_on`'s own future polls the timers itself, with wakers of its own, so each wake is seen when it comes: never early,
//! in the order of deadlines, of the waker that polled last, and no later than the turn in which it is due.

mod timer;

use std::cell::RefCell;
use std::sync::Arc;
use std::task::{Wake, Waker};
use std::time::{Duration, Instant};

use oneloop::Runtime;
use oneloop::time::sleep_until;

use super::counting;
use super::steps::{Step, pick};
use timer::{Kind, Timer};

#[derive(Clone, Copy, Debug)]
enum Op {
    Make(Kind, Duration),
    Poll(u8),
    Move(u8, Duration),
    Drop(u8),
    /// What is inside a time-out is ready.
    Complete(u8),
    /// The loop goes round.
    Turn,
    /// The loop sleeps, or (busy with something else) doesn't look for so many microseconds.
    Rest(u8),
    Busy(u8),
}

impl Op {
    fn of([what, a, b, c]: Step) -> Op {
        let span = match b % 8 {
            0 => Duration::ZERO,
            1..=4 => Duration::from_nanos(u64::from(c) << (b % 12)),
            5 => Duration::from_millis(u64::from(c) << (b % 56)),
            6 => Duration::from_secs(u64::from(c) << (b % 40)),
            _ => Duration::MAX,
        };
        match what % 16 {
            0..=2 => Op::Make(Kind::Sleep, span),
            3 => Op::Make(Kind::Timeout, span),
            4 => Op::Make(Kind::Interval, span),
            5..=7 => Op::Poll(a),
            8 => Op::Move(a, span),
            9 => Op::Drop(a),
            10 => Op::Complete(a),
            11 => Op::Rest(a),
            12 => Op::Busy(a),
            _ => Op::Turn,
        }
    }
}

pub fn explain(steps: &[Step]) -> String {
    steps.iter().map(|&step| format!("{:?}\n", Op::of(step))).collect()
}

const TIMERS_MAX: usize = 32;
/// Polls that are ready are charged to a turn's budget, which is 128.
const POLLS_MAX: usize = 100;

struct World {
    steps: Vec<Step>,
    next: usize,
    failure: Option<String>,
    timers: Vec<Timer>,
    wakers: u32,
    turn: u64,
    polls: usize,
    /// Whether a timer's waker runs.
    in_a_wake: bool,
    /// The deadline of the last one that was woken in this turn.
    woken: Option<Instant>,
    /// Those that were given up by a waker while it was their time, too: theirs may be called all the same.
    excused: Vec<u32>,
}

thread_local! {
    static WORLD: RefCell<Option<World>> = const { RefCell::new(None) };
}

fn with<R>(f: impl FnOnce(&mut World) -> R) -> R {
    WORLD.with_borrow_mut(|world| f(world.as_mut().expect("a program runs")))
}

/// What the timers are polled with.
struct Called(u32);

impl Wake for Called {
    fn wake(self: Arc<Self>) {
        with(|world| {
            world.called(self.0);
            world.in_a_wake = true;
        });
        for _ in 0..2 {
            if let Some(op) = with(World::next_op_of_a_waker) {
                act(op);
            }
        }
        with(|world| world.in_a_wake = false);
    }
}

/// Runs a program. An error says what promise it breaks.
pub fn run(steps: &[Step]) -> Result<(), String> {
    let runtime = Runtime::builder().event_interval(1).build().expect("a runtime can be made");
    runtime.block_on(oneloop::yield_now());
    let before = counting::alive();
    let world = World {
        steps: steps.to_vec(),
        next: 0,
        failure: None,
        timers: Vec::new(),
        wakers: 0,
        turn: 0,
        polls: 0,
        in_a_wake: false,
        woken: None,
        excused: Vec::new(),
    };
    WORLD.set(Some(world));
    runtime.block_on(play());
    let timers = with(|world| std::mem::take(&mut world.timers));
    // Inside: dropped elsewhere, a timer keeps its waker until its loop is told.
    runtime.block_on(async { drop(timers) });
    let failure = WORLD.take().expect("it ran").failure;
    drop(runtime);
    match (failure, counting::alive() - before) {
        (Some(failure), _) => Err(failure),
        (None, left) if left > 0 => Err(format!("{left} allocations are left")),
        (None, _) => Ok(()),
    }
}

async fn play() {
    while let Some(op) = with(World::next_op) {
        let start = Instant::now();
        with(|world| {
            world.turn += 1;
            world.polls = 0;
            world.woken = None;
        });
        match op {
            // What is due when the loop begins to go round has been woken when it comes back.
            Op::Turn => {
                oneloop::yield_now().await;
                with(|world| world.check(start));
            }
            // What is due before this one has been woken before it.
            Op::Rest(us) => {
                let end = start + Duration::from_micros(us.into());
                sleep_until(end).await;
                with(|world| world.check(end));
            }
            op => act(op),
        }
        with(|world| world.excused.clear());
    }
}

fn act(op: Op) {
    match op {
        Op::Make(kind, span) => with(|world| {
            if world.timers.len() < TIMERS_MAX {
                world.timers.push(Timer::new(kind, span));
            }
        }),
        Op::Poll(n) => with(|world| world.poll(n)),
        Op::Move(n, span) => with(|world| {
            let Some(n) = pick(world.timers.len(), n) else { return };
            world.give_up(n);
            world.timers[n].reset(span);
        }),
        Op::Drop(n) => with(|world| {
            let Some(n) = pick(world.timers.len(), n) else { return };
            world.give_up(n);
            world.timers.remove(n);
        }),
        Op::Complete(n) => with(|world| {
            if let Some(n) = pick(world.timers.len(), n) {
                world.timers[n].complete();
            }
        }),
        Op::Busy(us) => std::thread::sleep(Duration::from_micros(us.into()) / 2),
        Op::Turn | Op::Rest(_) => unreachable!("only block_on's own future waits"),
    }
}

impl World {
    fn next_op(&mut self) -> Option<Op> {
        let op = Op::of(*self.steps.get(self.next)?);
        self.next += 1;
        Some(op)
    }

    fn next_op_of_a_waker(&mut self) -> Option<Op> {
        let op = Op::of(*self.steps.get(self.next)?);
        if matches!(op, Op::Turn | Op::Rest(_)) {
            return None;
        }
        self.next_op()
    }

    fn fail(&mut self, text: String) {
        let at = self.next;
        self.failure.get_or_insert_with(|| format!("before step {at}: {text}"));
        self.next = self.steps.len();
    }

    fn poll(&mut self, n: u8) {
        let Some(n) = pick(self.timers.len(), n) else { return };
        if self.polls >= POLLS_MAX {
            return;
        }
        self.polls += 1;
        let may_be_due = self.give_up(n);
        self.wakers += 1;
        let waker = Waker::from(Arc::new(Called(self.wakers)));
        if let Err(why) = self.timers[n].poll(&waker, self.wakers, self.turn, may_be_due) {
            self.fail(format!("timer {n}: {why}"));
        }
    }

    /// A timer won't call the waker that it has, unless both are due in one go. Returns whether they may be.
    fn give_up(&mut self, n: usize) -> bool {
        let Timer { waits: Some(waits), not_before: Some(time), .. } = &self.timers[n] else { return false };
        let may_be_due = self.in_a_wake && *time <= Instant::now();
        if may_be_due {
            self.excused.push(waits.waker);
        }
        may_be_due
    }

    fn called(&mut self, waker: u32) {
        let is = |timer: &&mut Timer| timer.waits.as_ref().is_some_and(|waits| waits.waker == waker);
        let Some(timer) = self.timers.iter_mut().find(is) else {
            if !self.excused.contains(&waker) {
                self.fail(format!("waker {waker} is called, and waits for no timer any more"));
            }
            return;
        };
        let waits = timer.waits.take().expect("found by it");
        timer.fired = true;
        let (not_before, exact) = (timer.not_before, timer.is_exact());
        if not_before.is_none_or(|time| Instant::now() < time) {
            self.fail(format!("waker {waker} is called early"));
        }
        if exact && waits.since < self.turn {
            if self.woken > not_before {
                self.fail(format!("waker {waker} is called after one with a later deadline"));
            }
            self.woken = not_before;
        }
    }

    /// Whatever waited before this turn and was due by then has been woken.
    fn check(&mut self, then: Instant) {
        let turn = self.turn;
        let left = self.timers.iter().find_map(|timer| {
            let waits = timer.waits.as_ref().filter(|waits| waits.since < turn)?;
            timer.due_by.filter(|&due| due <= then).map(|_| waits.waker)
        });
        if let Some(waker) = left {
            self.fail(format!("waker {waker} was due and is not called"));
        }
    }
}

//! The executor against a model: random programs whose every piece of code (polls, destructors, wakers, what other
//! threads have the loop make) spawns, wakes, aborts, joins, lets go of handles, panics and completes; and which end in
//! a shutdown, wherever they are.
//!
//! The order of *all* turns is checked: the model says whose turn must come, so that a lost wake-up, one poll
//! too many, a wrong order and a task that is dropped late are all seen at once, at the first turn that differs.
//!
//! | file | holds |
//! |---|---|
//! | `model.rs` | what must hold |
//! | `op.rs` | what a program is made of |
//! | `code.rs` | the pieces of code that the library calls |
//! | `act.rs` | what they do to the library |
//! | `world.rs` | what they share |

mod act;
mod code;
mod model;
mod op;
mod world;

use std::any::Any;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};

use oneloop::Runtime;

use super::counting;
use super::steps::{self, Step};
use code::{Deliberate, End, Place, play, poll_main};
use world::{World, with};

/// What steps mean, for the report of a failure.
pub fn explain(steps: &[Step]) -> String {
    steps.iter().skip(1).map(|&step| format!("{:?}\n", op::Op::of(step))).collect()
}

/// Runs a program. The first step chooses the runtime's options. An error says what promise the library breaks.
pub fn run(steps: &[Step]) -> Result<(), String> {
    let Some((&[options, interval, ..], steps)) = steps.split_first() else { return Ok(()) };
    let threads = options & 3 == 0;
    warm_up();
    let before = counting::alive();
    if let Some(failure) = run_on(steps, threads, [1, 2, 7, 256][usize::from(interval) % 4]) {
        return Err(failure);
    }
    match counting::alive() - before {
        left if left != 0 && !threads => Err(format!("{left} allocations are left")),
        _ => Ok(()),
    }
}

/// What is allocated once, for all runtimes.
fn warm_up() {
    drop(Runtime::new().expect("a runtime can be made"));
}

fn run_on(steps: &[Step], threads: bool, interval: u32) -> Option<String> {
    let runtime = Runtime::builder().event_interval(interval).build().expect("a runtime can be made");
    World::begin(steps, runtime.handle(), threads);
    loop {
        let end = play(Place { runtime: Some(&runtime), ..Place::default() });
        if end == End::Panic || !with(|world| world.has_steps()) {
            break;
        }
        enter(|| runtime.block_on(poll_fn(poll_main)));
    }
    with(|world| world.model.close());
    enter(|| drop(runtime));
    with(|world| {
        let result = world.model.check_closed();
        world.check("after the runtime was dropped", result);
    });
    // The remaining objects are used after the drop of the runtime.
    while with(|world| world.has_steps()) {
        play(Place::default());
    }
    let tasks = with(|world| world.lives.len());
    for id in 0..tasks {
        let join = with(|world| world.lives[id].join.take());
        let _ = catch_unwind(AssertUnwindSafe(|| drop(join))); // the program's own panic, in an output's drop
    }
    with(World::check_lives);
    World::end().failure
}

/// Calls the library from outside.
fn enter(call: impl FnOnce()) {
    with(|world| {
        world.inside = true;
        if !world.model.closed {
            world.model.enter_block_on();
        }
    });
    let result = catch_unwind(AssertUnwindSafe(call));
    with(|world| {
        world.inside = false;
        world.settle();
        if let Err(payload) = result
            && !payload.is::<Deliberate>()
        {
            world.fail(format!("the loop panicked: {}", text_of(&*payload)));
        }
    });
}

fn text_of(payload: &(dyn Any + Send)) -> String {
    match (payload.downcast_ref::<&'static str>(), payload.downcast_ref::<String>()) {
        (Some(text), _) => (*text).to_owned(),
        (_, Some(text)) => text.clone(),
        _ => String::from("(not a text)"),
    }
}

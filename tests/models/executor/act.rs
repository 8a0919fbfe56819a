//! What the program does to the library, with what each deed must lead to.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use oneloop::JoinError;

use super::code::{Deliberate, Foreign, Output, Place, Scripted, make};
use super::model::{Joiner, Kind, Outcome, Who};
use super::op::{From, Op};
use super::steps::pick;
use super::world::{Join, on_another_thread, with};

/// More would only make the queues longer.
const TASKS_MAX: usize = 48;
/// At 64 who wait in one place those who may have given up are woken: not modelled.
const JOINERS_MAX: usize = 60;
/// The budget of a turn is 128 operations.
const JOINS_MAX: usize = 100;

pub fn act(op: Op, place: &mut Place<'_, '_>) {
    match op {
        Op::Spawn { detached } => spawn(place, detached),
        Op::SpawnByHandle(from) => spawn_by_handle(from),
        Op::KeepWaker => keep_waker(place),
        Op::CloneWaker(n) => with(|world| {
            if let Some(n) = pick(world.wakers.len(), n) {
                let clone = world.wakers[n].clone();
                world.wakers.push(clone);
            }
        }),
        Op::Wake { waker, from, by_value } => wake(waker, from, by_value),
        Op::DropWaker { waker, forget } => {
            let waker = with(|world| pick(world.wakers.len(), waker).map(|n| world.wakers.remove(n).0));
            if forget { std::mem::forget(waker) } else { drop(waker) }
        }
        Op::Abort(n) => abort(with(|world| pick(world.lives.len(), n))),
        Op::AbortItself => abort(match place.who {
            Some(Who::Task(id)) => Some(id),
            _ => None,
        }),
        Op::KeepAbortHandle(n) => with(|world| {
            let Some(id) = pick(world.lives.len(), n) else { return };
            if let Some(Join::Local(handle)) = &world.lives[id].join {
                world.abort_handles.push((handle.abort_handle(), id));
            }
        }),
        Op::AbortByHandle { handle, and_drop } => abort_by_handle(handle, and_drop),
        Op::DropJoinHandle(n) => {
            let join = with(|world| {
                let id = pick(world.lives.len(), n)?;
                world.model.detach(id);
                world.lives[id].join.take()
            });
            drop(join);
        }
        Op::Join { task, foreign } => join(place, task, foreign),
        Op::LookAt(n) => with(|world| {
            let Some(n) = pick(world.abort_handles.len(), n) else { return };
            let (handle, id) = &world.abort_handles[n];
            let (is, must) = (handle.is_finished(), world.model.tasks[*id].outcome.is_some());
            if is != must {
                let text = format!("task {id} says is_finished: {is}");
                world.fail(text);
            }
        }),
        Op::Wait | Op::Yield | Op::Complete | Op::Panic | Op::Park => {
            unreachable!("these end a piece of code")
        }
    }
}

fn spawn(place: &Place<'_, '_>, detached: bool) {
    let inside = with(|world| world.inside);
    if with(|world| world.lives.len()) >= TASKS_MAX || !inside && place.runtime.is_none() {
        return;
    }
    let id = with(|world| world.add(Kind::Local));
    let future = Scripted::new(id);
    let handle = match place.runtime {
        Some(runtime) => runtime.spawn(future),
        None => oneloop::spawn(future),
    };
    if detached {
        with(|world| world.model.detach(id));
        drop(handle);
    } else {
        with(|world| world.lives[id].join = Some(Join::Local(handle)));
    }
}

fn spawn_by_handle(from: From) {
    if with(|world| world.lives.len()) >= TASKS_MAX {
        return;
    }
    let id = with(|world| world.add(Kind::Remote));
    let (handle, far) = with(|world| (world.handle.clone(), world.threads && from == From::AnotherThread));
    let spawn = move || handle.spawn_with(move || make(id));
    let join = if far { on_another_thread(spawn).recv().expect("it has spawned") } else { spawn() };
    with(|world| world.lives[id].join = Some(Join::Remote(join)));
}

fn keep_waker(place: &Place<'_, '_>) {
    if let (Some(who), Some(cx)) = (place.who, &place.cx) {
        with(|world| world.wakers.push((cx.waker().clone(), who)));
    }
}

fn wake(n: u8, from: From, by_value: bool) {
    let Some((waker, who)) = with(|world| {
        let n = pick(world.wakers.len(), n)?;
        Some(if by_value { world.wakers.remove(n) } else { world.wakers[n].clone() })
    }) else {
        return;
    };
    let (far, inside) = with(|world| (world.threads && from == From::AnotherThread, world.inside));
    if far {
        on_another_thread(move || waker.wake()).recv().expect("it has woken");
    } else if by_value {
        waker.wake();
    } else {
        waker.wake_by_ref();
    }
    with(|world| if inside && !far { world.model.wake(who) } else { world.model.wake_by_message(who) });
}

fn abort(id: Option<usize>) {
    with(|world| {
        let Some(id) = id else { return };
        if let Some(Join::Local(handle)) = &world.lives[id].join {
            handle.abort();
            world.model.abort(id);
        }
    });
}

fn abort_by_handle(n: u8, and_drop: bool) {
    let handle = with(|world| {
        let n = pick(world.abort_handles.len(), n)?;
        let (handle, id) = &world.abort_handles[n];
        handle.abort();
        world.model.abort(*id);
        and_drop.then(|| world.abort_handles.swap_remove(n))
    });
    drop(handle);
}

/// Polls a join handle.
fn join(place: &mut Place<'_, '_>, n: u8, foreign: Option<u8>) {
    let found = with(|world| {
        let id = pick(world.lives.len(), n)?;
        let waits = world.model.tasks[id].joiners.len();
        if waits >= JOINERS_MAX || world.joins >= JOINS_MAX {
            return None;
        }
        world.joins += 1;
        Some((id, world.lives[id].join.take()?))
    });
    let Some((id, mut join)) = found else { return };
    let (waker, joiner) = joiner(place, foreign, &join);
    let mut cx = Context::from_waker(&waker);
    let polled = match &mut join {
        Join::Local(handle) => Pin::new(handle).poll(&mut cx),
        Join::Remote(handle) => Pin::new(handle).poll(&mut cx),
    };
    let Poll::Ready(result) = polled else {
        with(|world| {
            world.lives[id].join = Some(join);
            if world.model.tasks[id].outcome.is_some() {
                world.fail(format!("task {id} has finished, and its join handle waits"));
            }
            match joiner {
                Some(joiner) => world.model.wait_for(id, joiner),
                None => world.model.tasks[id].joiners.clear(), // only the last one to ask is woken
            }
        });
        return;
    };
    with(|world| world.model.detach(id));
    drop(join);
    check_result(id, result);
}

/// Who polls the join handle, and with what. A remote task's result travels through a channel that calls a waker where
/// it is, not in a turn of its own: it gets none that is foreign and is heard of.
fn joiner(place: &Place<'_, '_>, foreign: Option<u8>, join: &Join) -> (Waker, Option<Joiner>) {
    match (place.who, &place.cx, foreign, join) {
        (Some(who), Some(cx), None, _) => (cx.waker().clone(), Some(Joiner::Ours(who))),
        (.., Join::Remote(_)) => (Waker::noop().clone(), None),
        (.., Join::Local(_)) => with(|world| {
            let n = usize::from(foreign.unwrap_or(0)) % 4;
            while world.foreign.len() <= n {
                let waker = Waker::from(Arc::new(Foreign(world.foreign.len())));
                world.foreign.push(waker);
            }
            (world.foreign[n].clone(), Some(Joiner::Foreign(n)))
        }),
    }
}

fn check_result(id: usize, result: Result<Output, JoinError>) {
    let outcome = match &result {
        Ok(output) if output.0 == id => Ok(Outcome::Value),
        Ok(output) => Err(format!("the output of task {}", output.0)),
        Err(error) if error.is_cancelled() => Ok(Outcome::Cancelled),
        Err(_) => Ok(Outcome::Panic),
    };
    with(|world| match (outcome, world.model.tasks[id].outcome) {
        (Ok(is), Some(must)) if is == must => {}
        (is, must) => world.fail(format!("joining task {id} gives {is:?}, must be {must:?}")),
    });
    match result {
        Err(error) if error.is_panic() => {
            let payload = error.into_panic();
            if !payload.is::<Deliberate>() {
                let text = super::text_of(&*payload);
                with(|world| world.fail(format!("task {id} ended with another panic: {text}")));
            }
        }
        other => drop(other), // the output's drop is code of the program
    }
}

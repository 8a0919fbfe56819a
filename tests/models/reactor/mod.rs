//! The reactor against the bytes that must arrive, with real sockets: connections are opened and closed, written to, read
//! from and shut down in random order, by several tasks that wait at one socket in the same direction and are dropped while
//! they wait. Slots are given up and used again within a turn, and duplicates keep old descriptors' watches alive.
//!
//! What is checked: every byte arrives in its place; the end of file comes after the last one and only after the writer
//! has ended; and at the end everything that waits comes to an end, which it does in a few milliseconds unless a wake-up
//! was lost.

mod bytes;
mod sockets;
mod world;

use std::future::Future;
use std::net::Shutdown;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use oneloop::Runtime;
use oneloop::time::{sleep, timeout};

use super::steps::{Step, pick};
use sockets::Socket;
use world::{At, Shared, Side, World};

/// Far more than the end of a program needs: what takes longer waits for a wake-up that was lost.
const LIMIT: Duration = Duration::from_secs(50);
const PAIRS_MAX: usize = 6;
const TASKS_MAX: usize = 40;

/// What a task does at a socket, once.
#[derive(Clone, Copy, Debug)]
pub enum Work {
    Read(usize),
    Write(usize),
    AwaitReadable,
    AwaitWritable,
    /// Waits in both directions.
    Both(usize),
    /// Reads with wakers that aren't the loop's.
    ReadAmongOthers(usize),
}

#[derive(Clone, Copy, Debug)]
enum Op {
    Open {
        tcp: bool,
    },
    Spawn(Side, Work),
    TryRead(Side, usize),
    TryWrite(Side, usize),
    Abort(u8),
    ShutDown(Side, Shutdown),
    Close(Side),
    CloseKeepingDuplicate(Side),
    DropDuplicates,
    /// Everywhere, so that nothing is to be read any more.
    ReadAll,
    /// Where only a duplicate is left at the other end: events of a descriptor that the loop has forgotten.
    WriteToDuplicates,
    /// Whether anything counts as readable for nothing.
    LookAtAll,
    Turn(u8),
    Rest,
    /// Until every task that waits for bytes has what was sent to it.
    Settle,
}

impl Op {
    fn of([what, a, b, c]: Step) -> Op {
        let side = Side { pair: a / 2, end: usize::from(a % 2) };
        let size = (usize::from(b) + 1) << (c % 9);
        match what % 28 {
            0 | 1 => Op::Open { tcp: a % 4 == 0 },
            2 => Op::Settle,
            3 | 4 => Op::Spawn(side, Work::Read(size)),
            5 => Op::Spawn(side, Work::Write(size)),
            6 => Op::Spawn(side, Work::AwaitReadable),
            7 => Op::Spawn(side, Work::AwaitWritable),
            8 => Op::Spawn(side, Work::Both(size)),
            9 => Op::Spawn(side, Work::ReadAmongOthers(size)),
            10 | 11 => Op::TryRead(side, size),
            12..=14 => Op::TryWrite(side, size),
            15 => Op::Abort(b),
            16 => Op::ShutDown(side, if b == 0 { Shutdown::Both } else { Shutdown::Write }),
            17 => Op::Close(side),
            18 | 19 => Op::CloseKeepingDuplicate(side),
            20 if c % 4 == 0 => Op::DropDuplicates,
            20 | 21 => Op::WriteToDuplicates,
            22 => Op::ReadAll,
            23 => Op::LookAtAll,
            24 => Op::Rest,
            _ => Op::Turn(b % 12 + 1),
        }
    }
}

pub fn explain(steps: &[Step]) -> String {
    steps.iter().map(|&step| format!("{:?}\n", Op::of(step))).collect()
}

/// Runs a program. An error says what promise it breaks.
pub fn run(steps: &[Step]) -> Result<(), String> {
    // Once in so many polls the system is asked although tasks are ready.
    let interval = steps.first().map_or(1, |&[.., c]| [1, 3, 256][usize::from(c) % 3]);
    let runtime = Runtime::builder().event_interval(interval).build().expect("a runtime can be made");
    let world = Rc::new(World::default());
    runtime.block_on(async {
        for (n, &step) in steps.iter().enumerate() {
            act(&world, Op::of(step)).await;
            if let Some(failure) = world.failure.take() {
                return Err(format!("before step {}: {failure}", n + 1));
            }
        }
        let ended = timeout(LIMIT, end(&world)).await;
        match (world.failure.take(), ended) {
            (Some(failure), _) => Err(failure),
            (None, Err(_)) => Err(format!("these wait for ever: {:?}", world.waiting())),
            (None, Ok(())) => world.check_ends(),
        }
    })
}

async fn act(world: &Shared, op: Op) {
    match op {
        Op::Open { tcp } => {
            if world.pairs.borrow().len() < PAIRS_MAX {
                let ends = if tcp { sockets::tcp_pair() } else { sockets::unix_pair() };
                // A machine that has no port left for the moment is none of the library's faults.
                ends.into_iter().for_each(|ends| world.open(ends));
            }
        }
        Op::Spawn(side, work) => {
            if let Some(socket) = world.socket(side)
                && world.tasks.borrow().len() < TASKS_MAX
            {
                let pair = world.number(side);
                let task = oneloop::spawn(do_work(world.clone(), (pair, side.end), socket, work));
                world.tasks.borrow_mut().push(((pair, side.end), work, task));
            }
        }
        Op::TryRead(side, size) => {
            if let Some(socket) = world.socket(side) {
                try_read(world, (world.number(side), side.end), &socket, size);
            }
        }
        Op::ReadAll => {
            world.sockets().iter().for_each(|(at, socket)| while try_read(world, *at, socket, 4096) {});
        }
        Op::TryWrite(side, size) => {
            if let Some(socket) = world.socket(side) {
                try_write(world, (world.number(side), side.end), &socket, size);
            }
        }
        Op::WriteToDuplicates => {
            let sockets = world.sockets();
            let ends = sockets.iter().filter(|((pair, end), _)| world.is_duplicate((*pair, 1 - end)));
            ends.for_each(|(at, socket)| try_write(world, *at, socket, 1));
        }
        Op::LookAtAll => {
            for (at, socket) in world.sockets() {
                let mut cx = Context::from_waker(Waker::noop());
                if let Poll::Ready(result) = pin!(socket.readable()).poll(&mut cx) {
                    world.is_readable(at, result);
                }
            }
        }
        Op::Abort(n) => {
            let tasks = world.tasks.borrow();
            if let Some(n) = pick(tasks.len(), n) {
                tasks[n].2.abort();
            }
        }
        Op::ShutDown(side, how) => world.shut_down(side, how),
        Op::Close(side) => drop(world.close(side)),
        Op::CloseKeepingDuplicate(side) => {
            if let Some(socket) = world.socket(side) {
                world.keep_duplicate(side, &socket);
            }
        }
        Op::DropDuplicates => world.drop_duplicates(),
        Op::Turn(count) => {
            for _ in 0..count {
                oneloop::yield_now().await;
            }
            world.tasks.borrow_mut().retain(|(.., task)| !task.is_finished());
        }
        Op::Settle => settle(world).await,
        Op::Rest => sleep(Duration::from_micros(50)).await,
    }
}

async fn settle(world: &World) {
    let starving = async {
        while world.starves().is_some() && world.failure.borrow().is_none() {
            sleep(Duration::from_micros(50)).await;
        }
    };
    if timeout(LIMIT, starving).await.is_err() {
        let text = format!("{:?} waits beside bytes that have come", world.starves());
        world.failure.replace(Some(text));
    }
}

/// Whether there was something to read.
fn try_read(world: &World, at: At, socket: &Socket, size: usize) -> bool {
    let mut buf = vec![0; size];
    let result = socket.try_read(&mut buf);
    let more = matches!(result, Ok(1..));
    world.has_read(at, &buf, result);
    more
}

fn try_write(world: &World, at: At, socket: &Socket, size: usize) {
    let result = socket.try_write(&world.next_bytes(at, size));
    world.has_written(at, result);
}

async fn do_work(world: Shared, at: At, socket: Rc<Socket>, work: Work) {
    match work {
        Work::Read(size) => read(&world, at, &socket, size).await,
        Work::Write(size) => write(&world, at, &socket, size).await,
        Work::AwaitReadable => world.is_readable(at, socket.readable().await),
        Work::AwaitWritable => world.is_writable(at, socket.writable().await),
        Work::Both(size) => {
            futures::join!(read(&world, at, &socket, size), write(&world, at, &socket, size));
        }
        Work::ReadAmongOthers(size) => {
            let mut reads: FuturesUnordered<_> = (0..2).map(|_| read(&world, at, &socket, size)).collect();
            while reads.next().await.is_some() {}
        }
    }
}

async fn read(world: &World, at: At, socket: &Socket, size: usize) {
    let mut buf = vec![0; size];
    let result = world.awake(at, socket.read(&mut buf)).await;
    world.has_read(at, &buf, result);
}

async fn write(world: &World, at: At, socket: &Socket, size: usize) {
    // What comes next is known only when there is room: others write here, too.
    let result = world.awake(at, socket.write_with(|| world.next_bytes(at, size))).await;
    world.has_written(at, result);
}

/// Ends every connection in an orderly way. After that, no task may still wait.
async fn end(world: &Shared) {
    world.drop_duplicates();
    let mut readers = Vec::new();
    for (at, socket) in world.sockets() {
        world.end_writing(at, &socket);
        let world = world.clone();
        readers.push(oneloop::spawn(async move {
            while !world.has_ended(at) && world.failure.borrow().is_none() {
                read(&world, at, &socket, 4096).await;
            }
        }));
    }
    for reader in readers {
        reader.await.expect("it doesn't panic");
    }
    loop {
        let task = world.tasks.borrow_mut().pop();
        let Some((at, what, mut task)) = task else { break };
        world.last.replace(Some((at, what)));
        let result = (&mut task).await;
        assert!(result.is_ok() || result.is_err_and(|error| error.is_cancelled()), "it doesn't panic");
    }
}

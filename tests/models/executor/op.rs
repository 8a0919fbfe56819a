//! What a step means to the executor: code of a task, of a destructor, of a waker or outside of the loop does it.

use super::steps::Step;

/// Where a wake comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    Here,
    AnotherThread,
}

/// Bytes choose one of those that are there.
#[derive(Clone, Copy, Debug)]
pub enum Op {
    Spawn {
        detached: bool,
    },
    SpawnByHandle(From),
    KeepWaker,
    CloneWaker(u8),
    Wake {
        waker: u8,
        from: From,
        by_value: bool,
    },
    DropWaker {
        waker: u8,
        forget: bool,
    },
    Abort(u8),
    AbortItself,
    KeepAbortHandle(u8),
    AbortByHandle {
        handle: u8,
        and_drop: bool,
    },
    DropJoinHandle(u8),
    /// Polls a join handle with the own waker, or with a foreign one.
    Join {
        task: u8,
        foreign: Option<u8>,
    },
    LookAt(u8),
    /// These end a piece of code. In a task: it waits, or goes to the back of the queue, …
    Wait,
    Yield,
    Complete,
    Panic,
    /// `block_on`'s own future waits for a wake from another thread, at its own pace.
    Park,
}

impl Op {
    pub fn of([what, a, b, _]: Step) -> Op {
        let from = if b & 1 == 0 { From::Here } else { From::AnotherThread };
        match what % 40 {
            0..=3 => Op::Spawn { detached: a % 4 == 0 },
            4 => Op::SpawnByHandle(from),
            5..=7 => Op::KeepWaker,
            8 => Op::CloneWaker(a),
            9..=13 => {
                Op::Wake { waker: a, from: if b < 200 { From::Here } else { from }, by_value: b % 4 == 2 }
            }
            14 => Op::DropWaker { waker: a, forget: b & 1 == 1 },
            15 | 16 => Op::Abort(a),
            17 => Op::AbortItself,
            18 => Op::KeepAbortHandle(a),
            19 | 20 => Op::AbortByHandle { handle: a, and_drop: b & 1 == 1 },
            21 | 22 => Op::DropJoinHandle(a),
            23..=25 => Op::Join { task: a, foreign: None },
            26 | 27 => Op::Join { task: a, foreign: Some(b) },
            28 => Op::LookAt(a),
            29..=31 => Op::Wait,
            32..=34 => Op::Yield,
            35..=37 => Op::Complete,
            38 => Op::Panic,
            _ => Op::Park,
        }
    }
}

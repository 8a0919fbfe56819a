//! The queue-based event loop against a list of what it was told: messages from here and from another thread, timers set and
//! cancelled, sockets watched, muted, written to, ended and dropped, in random order; and events taken now and then.
//!
//! What is checked: messages come once and in their order; timers once, never early, in the order of their deadlines and not
//! after they were cancelled; sockets make events as long as they are ready, and no longer; the loop says
//! "nothing happened" only if nothing did.

mod connection;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use oneloop::event_loop::{Event, EventLoop, Id};
use oneloop::{Interest, Runtime};

use super::steps::{Step, pick};
use connection::Connection;

#[derive(Clone, Copy, Debug)]
enum Op {
    /// More than 64 take several turns.
    Post {
        count: u8,
        far: bool,
    },
    Timer(Duration),
    CancelTimer(u8),
    /// One that is over, or was cancelled before.
    CancelAgain(u8),
    Open {
        tcp: bool,
    },
    PeerWrites(u8, usize),
    PeerReads(u8, usize),
    PeerEnds(u8),
    Listen(u8, Interest),
    Mute(u8, Interest),
    Drop(u8),
    /// Takes so many events, reading so many bytes at once.
    Take {
        count: u8,
        size: usize,
    },
    Wait,
}

const CONNECTIONS_MAX: usize = 5;
const TIMERS_MAX: usize = 20;

impl Op {
    fn of([what, a, b, c]: Step) -> Op {
        let size = (usize::from(b) + 1) << (c % 6);
        let interest = if b & 1 == 0 { Interest::Readable } else { Interest::Writable };
        match what % 24 {
            0 => Op::Post { count: 1, far: false },
            1 => Op::Post { count: b % 100, far: false },
            2 => Op::Post { count: b % 3, far: true },
            3 => Op::Timer(Duration::from_nanos(u64::from(b) << (c % 12))),
            4 => Op::Timer(Duration::from_secs(u64::from(b) << (c % 40))),
            5 => Op::CancelTimer(a),
            6 => Op::CancelAgain(a),
            7 | 8 => Op::Open { tcp: b % 4 == 0 },
            9..=11 => Op::PeerWrites(a, size),
            12 => Op::PeerReads(a, size),
            13 => Op::PeerEnds(a),
            14 => Op::Listen(a, interest),
            15 => Op::Mute(a, interest),
            16 => Op::Drop(a),
            17 => Op::Wait,
            _ => Op::Take { count: a % 8 + 1, size },
        }
    }
}

pub fn explain(steps: &[Step]) -> String {
    steps.iter().map(|&step| format!("{:?}\n", Op::of(step))).collect()
}

struct Timer {
    id: Id,
    /// `None`: never. What is known of it: no sooner than the first, no later than the second.
    between: Option<(Instant, Instant)>,
}

struct World {
    events: EventLoop<u64>,
    posted: u64,
    messages: VecDeque<u64>,
    /// In the order in which they were set.
    timers: Vec<Timer>,
    over: Vec<Id>,
    connections: Vec<Connection>,
}

/// Runs a program. An error says what promise it breaks.
pub fn run(steps: &[Step]) -> Result<(), String> {
    let interval = steps.first().map_or(1, |&[.., c]| [1, 3, 256][usize::from(c) % 3]);
    let runtime = Runtime::builder().event_interval(interval).build().expect("a runtime can be made");
    let mut world = World {
        events: EventLoop::on(runtime, None).map_err(|error| error.to_string())?,
        posted: 0,
        messages: VecDeque::new(),
        timers: Vec::new(),
        over: Vec::new(),
        connections: Vec::new(),
    };
    for (n, &step) in steps.iter().enumerate() {
        world.act(Op::of(step)).map_err(|why| format!("before step {}: {why}", n + 1))?;
    }
    world.end().map_err(|why| format!("at the end: {why}"))
}

impl World {
    fn act(&mut self, op: Op) -> Result<(), String> {
        match op {
            Op::Post { count, far } => self.post(count.into(), far),
            Op::Timer(span) => return self.set_timer(span),
            Op::CancelTimer(n) => {
                let Some(n) = pick(self.timers.len(), n) else { return Ok(()) };
                let Timer { id, .. } = self.timers.remove(n);
                self.over.push(id);
                return must(self.events.cancel(id), "a timer that has not come can be cancelled");
            }
            Op::CancelAgain(n) => {
                let Some(n) = pick(self.over.len(), n) else { return Ok(()) };
                return must(!self.events.cancel(self.over[n]), "what is over can't be cancelled");
            }
            Op::Open { tcp } => {
                if self.connections.len() < CONNECTIONS_MAX {
                    self.connections.extend(Connection::open(&self.events, tcp));
                }
            }
            Op::Drop(n) => {
                let n = pick(self.connections.len(), n);
                drop(n.map(|n| self.connections.remove(n)));
            }
            Op::Take { count, size } => {
                for _ in 0..count {
                    if !self.take(Duration::ZERO, size)? {
                        break;
                    }
                }
            }
            Op::Wait => return self.take(Duration::from_micros(100), 1).map(drop),
            Op::PeerWrites(n, _)
            | Op::PeerReads(n, _)
            | Op::PeerEnds(n)
            | Op::Listen(n, _)
            | Op::Mute(n, _) => {
                let Some(n) = pick(self.connections.len(), n) else { return Ok(()) };
                let connection = &mut self.connections[n];
                match op {
                    Op::PeerWrites(_, size) => connection.peer_writes(size)?,
                    Op::PeerReads(_, size) => connection.peer_reads(size)?,
                    Op::PeerEnds(_) => connection.peer_ends(),
                    Op::Listen(_, interest) => connection.listen(interest),
                    Op::Mute(_, interest) => connection.mute(interest),
                    _ => unreachable!("the arm is for these"),
                }
            }
        }
        Ok(())
    }

    fn post(&mut self, count: u64, far: bool) {
        let messages = self.posted..self.posted + count;
        self.posted += count;
        self.messages.extend(messages.clone());
        if far {
            let sender = self.events.sender();
            let posted =
                std::thread::spawn(move || messages.map(|n| sender.post(n)).all(|result| result.is_ok()));
            assert!(posted.join().is_ok_and(|posted| posted), "there is no bound, and the loop is there");
        } else {
            messages.for_each(|n| self.events.post(n).expect("there is no bound"));
        }
    }

    fn set_timer(&mut self, span: Duration) -> Result<(), String> {
        if self.timers.len() < TIMERS_MAX {
            let before = Instant::now();
            let id = self.events.timer(span).map_err(|error| error.to_string())?;
            let between = before.checked_add(span).zip(Instant::now().checked_add(span));
            self.timers.push(Timer { id, between });
        }
        Ok(())
    }

    /// Takes one event and answers it; `false` if there was none.
    fn take(&mut self, timeout: Duration, size: usize) -> Result<bool, String> {
        let start = Instant::now();
        match self.events.take(Some(timeout)).map_err(|error| error.to_string())? {
            Event::Message(message) => {
                let next = self.messages.pop_front();
                must(next == Some(message), &format!("message {message} comes, must be {next:?}"))?;
            }
            Event::Timer(id) => self.timer_came(id)?,
            Event::Readable(id) => self.connection(id)?.readable(size)?,
            Event::Writable(id) => self.connection(id)?.writable(size)?,
            Event::TimedOut => {
                self.nothing_happened(start)?;
                return Ok(false);
            }
            other => return Err(format!("no source has this event: {other:?}")),
        }
        Ok(true)
    }

    fn timer_came(&mut self, id: Id) -> Result<(), String> {
        let Some(n) = self.timers.iter().position(|timer| timer.id == id) else {
            return Err(format!("no timer waits under {id:?}"));
        };
        let timer = self.timers.remove(n);
        self.over.push(id);
        let Some((from, _)) = timer.between else { return Err("what is never comes".into()) };
        must(Instant::now() >= from, "a timer is early")?;
        // One that was set before it waited beside it, wherever the loop was.
        let overtaken =
            self.timers[..n].iter().any(|other| other.between.is_some_and(|(_, latest)| latest < from));
        must(!overtaken, "a timer comes before one with an earlier deadline")
    }

    fn connection(&mut self, id: Id) -> Result<&mut Connection, String> {
        let found = self.connections.iter_mut().find(|connection| connection.id() == id);
        found.ok_or_else(|| format!("{id:?} is watched no more"))
    }

    fn nothing_happened(&self, start: Instant) -> Result<(), String> {
        must(self.messages.is_empty(), "a message waits")?;
        let due = self.timers.iter().any(|timer| timer.between.is_some_and(|(_, latest)| latest <= start));
        must(!due, "a timer is due")?;
        let waits = self.connections.iter().find(|connection| connection.must_be_reported());
        must(waits.is_none(), &format!("{:?} has something to say", waits.map(Connection::id)))
    }

    /// All that was sent comes. (What goes through the system's TCP needs a moment, but not this long.)
    fn end(mut self) -> Result<(), String> {
        let limit = Instant::now() + Duration::from_secs(50);
        for connection in &mut self.connections {
            connection.mute(Interest::Writable);
            connection.listen(Interest::Readable);
            connection.peer_ends();
        }
        while self.connections.iter().any(|connection| !connection.has_ended()) {
            must(Instant::now() < limit, "no event reports a connection's end")?;
            self.take(Duration::from_millis(1), 4096)?;
        }
        while self.take(Duration::ZERO, 1)? {}
        drop(self.events);
        drop(self.connections); // what outlives its loop is let go of quietly
        Ok(())
    }
}

fn must(holds: bool, what: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what.to_owned()) }
}

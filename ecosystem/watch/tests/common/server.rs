//! This file simulates a server that never ran: a listener, connections, a ticker, and one task that
//! holds the loop for long.

use std::collections::{BTreeMap, VecDeque};

use oneloop::trace::format::{Cause, Kind, Message, State, Unit, ready};

use super::words::{Words, cause, id};

/// The options of the simulation.
pub struct Plan {
    /// The simulation ends after this number of events.
    pub events: usize,
    /// The number of connections that are accepted by then.
    pub tasks: usize,
    /// Whether names are those of [`HOSTILE`].
    pub hostile: bool,
    /// The seed of the random numbers.
    pub seed: u64,
}

/// Names that a page, a terminal or a JSON file must show as text.
pub const HOSTILE: [&str; 9] = [
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<!-- <script>",
    "\u{202e}desrever\u{2066}",
    "🦀 crab 👩‍👩‍👧‍👦",
    "\u{1b}[31mred\u{7}\r\n\0x",
    "\"}],\"quoted\\",
    "a name of more than a hundred and sixty bytes, which is cut off somewhere in here: éééééééééééééééééééééééééééééééééééééééééééé",
    "",
];

const TURN_POLLS_MAX: usize = 61;
const MAIN: u64 = id(0, 1);
const FILES: [(&str, u64); 5] = [
    ("src/main.rs", 12),
    ("src/server/accept.rs", 31),
    ("src/server/connection.rs", 58),
    ("src/metrics/report.rs", 104),
    ("src/</script>.rs", 7),
];

#[derive(Clone, Copy, PartialEq)]
enum Role {
    Main,
    Accept,
    Connection,
    Ticker,
    /// The task that holds the loop for long. Its polls take 15 to 40 ms.
    Report,
    Panics,
}

struct Task {
    role: Role,
    name: String,
    socket: Option<u64>,
    polls: u64,
    polled_ns: u64,
    queued: bool,
}

struct Server {
    plan: Plan,
    words: Words,
    random: fastrand::Rng,
    now_ns: u64,
    turns: u64,
    tasks: BTreeMap<u64, Task>,
    ready: VecDeque<u64>,
    /// The waiting unit of each deadline and timer.
    timers: BTreeMap<(u64, u64), u64>,
    keys_free: Vec<u64>,
    generations: Vec<u64>,
    timers_made: u64,
    accepted: usize,
}

/// Makes the record of a server.
pub fn record(plan: Plan) -> Words {
    let mut server = Server {
        random: fastrand::Rng::with_seed(plan.seed),
        plan,
        words: Words::default(),
        now_ns: 1_000,
        turns: 0,
        tasks: BTreeMap::new(),
        ready: VecDeque::new(),
        timers: BTreeMap::new(),
        keys_free: Vec::new(),
        generations: vec![1], // This is the generation of `block_on`.
        timers_made: 0,
        accepted: 0,
    };
    server.start();
    while server.words.events() < server.plan.events {
        server.turn();
    }
    server.define();
    server.words
}

impl Server {
    fn start(&mut self) {
        let main = Task {
            role: Role::Main,
            name: String::new(),
            socket: None,
            polls: 0,
            polled_ns: 0,
            queued: false,
        };
        let what = (Unit::Main as u64) << 40;
        self.words.entry(Kind::Spawned, MAIN, &[what, cause(Cause::Outside, 0)]);
        self.tasks.insert(MAIN, main);
        self.wake(MAIN, cause(Cause::Outside, 0));
    }

    /// Simulates a turn of the loop, in the order of its diagram.
    fn turn(&mut self) {
        self.turns += 1;
        self.now_ns += 150;
        self.words.entry(Kind::Turn, 0, &[self.now_ns, self.turns]);
        if self.turns.is_multiple_of(97) {
            self.words.entry(Kind::MessageTaken, MAIN, &[Message::Wake as u64]);
            self.wake(MAIN, cause(Cause::Thread, 0));
        }
        for _ in 0..TURN_POLLS_MAX {
            let Some(unit) = self.ready.pop_front() else { break };
            self.poll(unit);
        }
        while let Some((&(deadline, timer), &unit)) = self.timers.first_key_value() {
            if deadline > self.now_ns {
                break;
            }
            self.timers.remove(&(deadline, timer));
            self.words.entry(Kind::TimerFired, timer, &[deadline]);
            self.wake(unit, cause(Cause::Timer, timer));
        }
        self.park();
    }

    fn park(&mut self) {
        let next_ns = self.timers.keys().next().map(|timer| timer.0.saturating_sub(self.now_ns));
        let longest_ns = if self.ready.is_empty() { next_ns.unwrap_or(u64::MAX) } else { 0 };
        // A loop with a ready unit polls the driver, and does not park.
        let parks = self.ready.is_empty();
        if parks {
            self.words.entry(Kind::Parks, 0, &[self.now_ns, longest_ns]);
        }
        let waiting: Vec<u64> =
            self.tasks.iter().filter(|task| task.1.socket.is_some()).map(|task| *task.0).collect();
        let count = self.random.usize(0..=waiting.len().min(8));
        let slept_ns = self.random.u64(5_000..400_000);
        self.now_ns += if longest_ns == 0 { 900 } else { slept_ns.min(longest_ns) };
        let mut chosen: Vec<u64> = (0..count).map(|_| waiting[self.random.usize(0..waiting.len())]).collect();
        // The listener accepts if the limit allows another connection.
        chosen.extend(waiting.first().filter(|_| waiting.len() < 200));
        let events = chosen.len() as u64;
        for unit in chosen {
            let socket = self.tasks[&unit].socket.unwrap_or_default();
            self.words.entry(Kind::Readiness, socket, &[ready::READABLE | ready::WRITABLE]);
            self.wake(unit, cause(Cause::Socket, socket));
        }
        if parks {
            self.words.entry(Kind::Unparks, 0, &[self.now_ns, events]);
        }
    }

    fn wake(&mut self, unit: u64, why: u64) {
        let Some(task) = self.tasks.get_mut(&unit) else { return };
        if !std::mem::replace(&mut task.queued, true) {
            self.words.entry(Kind::Woken, unit, &[why]);
            self.ready.push_back(unit);
        }
    }

    fn poll(&mut self, unit: u64) {
        let Some(task) = self.tasks.get_mut(&unit) else { return };
        task.queued = false;
        task.polls += 1;
        let (role, first) = (task.role, task.polls == 1);
        let begun_ns = self.now_ns;
        self.words.entry(Kind::PollBegins, unit, &[begun_ns]);
        self.now_ns += self.random.u64(400..9_000);
        let end = match role {
            Role::Main => self.poll_main(unit, first),
            Role::Accept => self.poll_accept(unit, first),
            Role::Connection => self.poll_connection(unit, first),
            Role::Ticker => self.sleep(unit, 10_000_000),
            Role::Report => {
                self.now_ns += if first { 0 } else { self.random.u64(15_000_000..40_000_000) };
                self.sleep(unit, 80_000_000)
            }
            Role::Panics => Kind::PollPanicked,
        };
        self.words.entry(end, unit, &[self.now_ns]);
        let Some(task) = self.tasks.get_mut(&unit) else { return };
        task.polled_ns += self.now_ns - begun_ns;
        if end != Kind::PollPending {
            self.end(unit);
        }
    }

    fn poll_main(&mut self, unit: u64, first: bool) -> Kind {
        let by = cause(Cause::Unit, unit);
        if first {
            self.spawn(unit, Role::Accept, "accept");
            self.spawn(unit, Role::Ticker, "ticker");
            let report = self.spawn(unit, Role::Report, "report");
            self.words.entry(Kind::WaitsForTask, report, &[by]);
        } else {
            let number = self.turns;
            self.words.entry(Kind::UnblockBegins, number, &[by]);
            self.words.entry(Kind::ChildStarted, 4_000 + number, &[]);
            self.spawn(unit, Role::Panics, "parse header");
            self.words.entry(Kind::UnblockEnds, number, &[]);
            self.words.entry(Kind::ChildEnded, 4_000 + number, &[]);
            self.words.entry(Kind::Signal, 1, &[]);
            self.words.entry(Kind::WokenForeign, 0, &[by]);
        }
        Kind::PollPending
    }

    fn poll_accept(&mut self, unit: u64, first: bool) -> Kind {
        if first {
            self.register(unit, ready::READABLE, "tcp listen 127.0.0.1:7878");
        }
        for _ in 0..64 {
            if self.accepted * self.plan.events >= self.plan.tasks * self.words.events() {
                break;
            }
            self.accepted += 1;
            let hostile = HOSTILE[self.accepted % HOSTILE.len()];
            let name =
                if self.plan.hostile { hostile.to_owned() } else { format!("connection {}", self.accepted) };
            self.spawn(unit, Role::Connection, &name);
        }
        self.wait_for_socket(unit)
    }

    fn poll_connection(&mut self, unit: u64, first: bool) -> Kind {
        if first {
            let text = format!("tcp 127.0.0.1:7878 ← 127.0.0.1:{}", 30_000 + self.accepted % 30_000);
            self.register(unit, ready::READABLE | ready::WRITABLE, &text);
            return self.wait_for_socket(unit);
        }
        if self.tasks.len() > 64 || self.random.u8(..) < 8 {
            return Kind::PollReady;
        }
        if self.random.u8(..) < 12 {
            self.wake(unit, cause(Cause::Unit, unit));
            self.words.entry(Kind::BudgetSpent, unit, &[]);
            return Kind::PollPending;
        }
        self.wait_for_socket(unit)
    }

    fn register(&mut self, unit: u64, readiness: u64, text: &str) {
        let socket = unit; // Sockets and units have different tables, and the same form of an id.
        self.words.with_text(Kind::Registered, socket, &[unit >> 24, readiness], text);
        if let Some(task) = self.tasks.get_mut(&unit) {
            task.socket = Some(socket);
        }
    }

    fn wait_for_socket(&mut self, unit: u64) -> Kind {
        if let Some(socket) = self.tasks[&unit].socket {
            self.words.entry(Kind::NotReady, socket, &[ready::READABLE]);
            self.words.entry(Kind::WaitsForSocket, socket, &[ready::READABLE, cause(Cause::Unit, unit)]);
        }
        Kind::PollPending
    }

    fn sleep(&mut self, unit: u64, period_ns: u64) -> Kind {
        let deadline = self.now_ns + period_ns;
        self.timers_made += 1;
        let timer = self.timers_made % 1_000;
        self.words.entry(Kind::TimerSet, timer, &[deadline, cause(Cause::Unit, unit)]);
        if self.random.u8(..) < 20 {
            let other = 5_000 + timer;
            self.words.entry(Kind::TimerSet, other, &[deadline + 1_000, cause(Cause::Unit, unit)]);
            self.words.entry(Kind::TimerDropped, other, &[]);
        }
        self.timers.insert((deadline, timer), unit);
        Kind::PollPending
    }

    fn spawn(&mut self, by: u64, role: Role, name: &str) -> u64 {
        let key = self.keys_free.pop().unwrap_or_else(|| {
            self.generations.push(0);
            self.generations.len() as u64 - 1
        });
        let unit = id(key, self.generations[key as usize]);
        let place = place_of(role);
        let words = [place | (Unit::Task as u64) << 40, cause(Cause::Unit, by)];
        self.words.with_text(Kind::Spawned, unit, &words, name);
        let task = Task { role, name: name.to_owned(), socket: None, polls: 0, polled_ns: 0, queued: true };
        self.tasks.insert(unit, task);
        self.ready.push_back(unit);
        unit
    }

    fn end(&mut self, unit: u64) {
        if let Some(socket) = self.tasks.remove(&unit).and_then(|task| task.socket) {
            self.words.entry(Kind::Unregistered, socket, &[]);
        }
        let key = unit >> 24;
        self.generations[key as usize] += 1;
        self.keys_free.push(key);
    }

    fn define(&mut self) {
        let words = &mut self.words;
        for meta in ["oneloop=0.1.0", "pid=4242", "thread=main", "unix_ns=1764284400000000000"] {
            words.with_text(Kind::Meta, 0, &[], meta);
        }
        words.with_text(Kind::Meta, 0, &[], &format!("end_ns={}", self.now_ns));
        for (place, (file, line)) in (1..).zip(FILES) {
            words.with_text(Kind::Place, place, &[line | 9 << 32], file);
        }
        for (&unit, task) in &self.tasks {
            let state = if task.queued { State::Ready } else { State::Waiting } as u64;
            let kind = if task.role == Role::Main { Unit::Main } else { Unit::Task } as u64;
            let first = place_of(task.role) | state << 32 | kind << 40;
            words.with_text(Kind::UnitAlive, unit, &[first, task.polls, task.polled_ns], &task.name);
            if let Some(socket) = task.socket {
                words.with_text(
                    Kind::SocketAlive,
                    socket,
                    &[socket >> 24, ready::WRITABLE],
                    "tcp 127.0.0.1:7878",
                );
            }
        }
        for (&(deadline, timer), &unit) in &self.timers {
            words.entry(Kind::TimerAlive, timer, &[deadline, cause(Cause::Unit, unit)]);
        }
    }
}

fn place_of(role: Role) -> u64 {
    match role {
        Role::Main => 0,
        Role::Accept => 2,
        Role::Connection => 3,
        Role::Ticker | Role::Report => 4,
        Role::Panics => 5,
    }
}

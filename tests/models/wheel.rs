//! The timer wheel against a list: deadlines from nanoseconds to centuries apart, at the edges of its buckets and levels,
//! equal, over already, cancelled and set again by those who are just being woken; and a clock that stands still, or jumps.

use super::steps::{Step, pick};

/// The wheel as the model drives it: each waiter is a number.
pub trait Wheel {
    fn insert(&mut self, deadline_ns: u64, n: u32) -> u32;
    fn set_waiter(&mut self, key: u32, n: u32) -> Option<u32>;
    fn remove(&mut self, key: u32) -> Option<u32>;
    fn has_fired(&self, key: u32) -> bool;
    fn next_ns(&self) -> Option<u64>;
    fn fire(&mut self, now_ns: u64) -> Vec<(u64, u32)>;
}

/// A moment, from the present one.
#[derive(Clone, Copy, Debug)]
enum When {
    Now,
    Over(u8),
    /// So many nanoseconds, shifted left.
    In(u8, u8),
    /// Before, at or after an edge of the wheel's: where the time without its lowest bits changes next.
    Edge(u8, u8),
    /// With another timer.
    With(u8),
    Never,
}

#[derive(Clone, Copy, Debug)]
enum Op {
    Insert(When),
    Remove(u8),
    Move(u8, When),
    SetWaiter(u8),
    /// The clock goes on until then, and those who are due are woken.
    Fire(When),
    /// As the loop does: it sleeps until the wheel says.
    FireNext,
}

impl When {
    fn of(a: u8, b: u8) -> When {
        match a % 8 {
            0 => When::Now,
            1 => When::Over(b),
            2 | 3 => When::In(a, b % 56),
            4 | 5 => When::Edge(b % 45 + 20, a / 8 % 3),
            6 => When::With(b),
            _ if a > 250 => When::Never,
            _ => When::In(a, b % 28),
        }
    }
}

impl Op {
    fn of([what, a, b, c]: Step) -> Op {
        match what % 12 {
            0..=4 => Op::Insert(When::of(a, b)),
            5 => Op::Remove(a),
            6 => Op::Move(c, When::of(a, b)),
            7 => Op::SetWaiter(a),
            8 | 9 => Op::Fire(When::of(a, b)),
            _ => Op::FireNext,
        }
    }
}

pub fn explain(steps: &[Step]) -> String {
    steps.iter().map(|&step| format!("{:?}\n", Op::of(step))).collect()
}

struct Timer {
    deadline_ns: u64,
    /// Who waits.
    n: u32,
    key: u32,
}

struct World<'a, W> {
    wheel: &'a mut W,
    steps: std::slice::Iter<'a, Step>,
    timers: Vec<Timer>,
    /// Timers that have fired and whose owners have not noticed.
    fired: Vec<u32>,
    now_ns: u64,
    last: u32,
    /// Whether a cancelled timer may have left a bucket's earliest deadline too low.
    cancelled: bool,
}

/// Runs a program on an empty wheel. An error says what promise it breaks.
pub fn run<W: Wheel>(wheel: &mut W, steps: &[Step]) -> Result<(), String> {
    let (timers, fired) = (Vec::new(), Vec::new());
    // A clock begins wherever its computer was started.
    let now_ns = steps.first().map_or(0, |&[a, b, ..]| u64::from(a) << (b % 56));
    let mut world = World { wheel, steps: steps.iter(), timers, fired, now_ns, last: 0, cancelled: false };
    while let Some(&step) = world.steps.next() {
        world
            .act(Op::of(step))
            .and_then(|()| world.check())
            .map_err(|why| format!("before step {}: {why}", steps.len() - world.steps.len()))?;
    }
    world.fire(u64::MAX)?;
    for key in world.fired.drain(..) {
        world.wheel.remove(key);
    }
    if world.timers.is_empty() && world.wheel.next_ns().is_none() { Ok(()) } else { Err("left over".into()) }
}

impl<W: Wheel> World<'_, W> {
    fn act(&mut self, op: Op) -> Result<(), String> {
        match op {
            Op::Insert(when) => self.insert(when),
            Op::Remove(n) => return self.remove(n),
            Op::Move(n, when) => {
                self.remove(n)?;
                self.insert(when);
            }
            Op::SetWaiter(n) => {
                let Some(n) = pick(self.timers.len(), n) else { return Ok(()) };
                self.last += 1;
                let timer = &mut self.timers[n];
                let before = std::mem::replace(&mut timer.n, self.last);
                let said = self.wheel.set_waiter(timer.key, self.last);
                return same("the one who waited before", said, Some(before));
            }
            Op::Fire(when) => return self.fire(self.moment(when).max(self.now_ns)),
            Op::FireNext => return self.fire(self.wheel.next_ns().unwrap_or(0).max(self.now_ns)),
        }
        Ok(())
    }

    fn moment(&self, when: When) -> u64 {
        let now_ns = self.now_ns;
        match when {
            When::Now => now_ns,
            When::Over(ns) => now_ns.saturating_sub(u64::from(ns) << 16),
            When::In(ns, shift) => now_ns.saturating_add(u64::from(ns) << shift),
            When::Edge(bits, side) => {
                let edge =
                    (now_ns.checked_shr(u32::from(bits)).unwrap_or(0) + 1).checked_shl(u32::from(bits));
                // Two edges further on, the bits above have changed as well.
                let edge = edge.filter(|&edge| edge > now_ns).unwrap_or(u64::MAX);
                (edge - 1).saturating_add(u64::from(side))
            }
            When::With(n) => pick(self.timers.len(), n).map_or(now_ns, |n| self.timers[n].deadline_ns),
            When::Never => u64::MAX,
        }
    }

    fn insert(&mut self, when: When) {
        let deadline_ns = self.moment(when);
        self.last += 1;
        let key = self.wheel.insert(deadline_ns, self.last);
        self.timers.push(Timer { deadline_ns, n: self.last, key });
    }

    /// Gives a timer up: one that waits, or one that has fired.
    fn remove(&mut self, n: u8) -> Result<(), String> {
        if n.is_multiple_of(4)
            && let Some(key) = self.fired.pop()
        {
            return same("who waits for one that has fired", self.wheel.remove(key), None);
        }
        let Some(n) = pick(self.timers.len(), n) else { return Ok(()) };
        let timer = self.timers.swap_remove(n);
        self.cancelled = true;
        same("who waited", self.wheel.remove(timer.key), Some(timer.n))
    }

    fn fire(&mut self, now_ns: u64) -> Result<(), String> {
        self.now_ns = now_ns;
        let due = self.wheel.fire(now_ns);
        if !due.is_sorted_by_key(|&(deadline_ns, _)| deadline_ns) {
            return Err(format!("not in the order of deadlines: {due:?}"));
        }
        let mut must: Vec<(u64, u32)> = Vec::new();
        for timer in self.timers.extract_if(.., |timer| timer.deadline_ns <= now_ns) {
            must.push((timer.deadline_ns, timer.n));
            self.fired.push(timer.key);
        }
        must.sort_unstable();
        let mut are = due.clone();
        are.sort_unstable();
        same("who is due", are, must)?;
        if self.wheel.next_ns().is_some_and(|next_ns| next_ns <= now_ns) {
            return Err("all that is due has fired, and the wheel wants to be asked again at once".into());
        }
        self.check()?;
        // Each of those who are woken may set timers and give some up, others that are just being woken among them.
        for _ in due.iter().take(3) {
            match self.steps.next().map(|&step| Op::of(step)) {
                None | Some(Op::Fire(_) | Op::FireNext) => {}
                Some(op) => self.act(op)?,
            }
        }
        Ok(())
    }

    fn check(&mut self) -> Result<(), String> {
        let earliest = self.timers.iter().map(|timer| timer.deadline_ns).min();
        let next_ns = self.wheel.next_ns();
        self.cancelled &= earliest.is_some();
        if next_ns.is_none() != earliest.is_none() || next_ns > earliest {
            return Err(format!("the next deadline is {earliest:?}, the wheel says {next_ns:?}"));
        }
        if !self.cancelled {
            same("without cancellations, the next deadline", next_ns, earliest)?;
        }
        let wrong = self.timers.iter().find(|timer| self.wheel.has_fired(timer.key));
        if let Some(timer) = wrong {
            return Err(format!("{} says that it has fired", timer.n));
        }
        match self.fired.iter().find(|&&key| !self.wheel.has_fired(key)) {
            Some(key) => Err(format!("key {key} has fired and says that it hasn't")),
            None => Ok(()),
        }
    }
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, is: T, must: T) -> Result<(), String> {
    if is == must { Ok(()) } else { Err(format!("{what}: {is:?}, must be {must:?}")) }
}

//! What is looked at while all work rests, and when it counts as grown.

use std::fmt;

/// How much more than at the start is no growth yet: a share of what it was, and something on top.
///
/// An error on the generous side hides a small leak in a short run, and no leak in a long one: what one operation in a thousand
/// forgets adds up to any bound within hours.
#[derive(Clone, Copy)]
pub struct Tolerance {
    pub percent: u64,
    pub plus: u64,
}

/// What the process has from the system. The allocator keeps the pages of a peak, and peaks go on rising for a while, because
/// work comes in random sizes: threads of the pool have stacks, and each connection has a buffer of some kilobytes now and then, sometimes
/// all of them at once. What the program itself forgets shows in what it has allocated, within closer bounds.
pub fn resident(connections: u64) -> Tolerance {
    Tolerance { percent: 15, plus: (8 << 20) + connections * (8 << 10) }
}

/// What the program has allocated and not freed. At rest that is nearly always the same: tables that have room for a peak keep
/// it, some words for each connection, and threads of the pool that are about to end have some hundred bytes each.
pub fn heap(connections: u64) -> Tolerance {
    Tolerance { percent: 3, plus: (128 << 10) + connections * 64 }
}

/// Descriptors and connections can be counted, and nobody keeps one for later.
pub const NONE: Tolerance = Tolerance { percent: 0, plus: 0 };

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Flat,
    Grew,
    /// It ended before there was something to compare, or this system doesn't tell.
    Unknown,
}

impl Verdict {
    pub fn of(start: Option<u64>, end: Option<u64>, tolerance: Tolerance) -> Verdict {
        match (start, end) {
            (Some(start), Some(end)) if end > start + start * tolerance.percent / 100 + tolerance.plus => {
                Verdict::Grew
            }
            (Some(_), Some(_)) => Verdict::Flat,
            _ => Verdict::Unknown,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Verdict::Flat => "flat",
            Verdict::Grew => "grew",
            Verdict::Unknown => "unknown",
        })
    }
}

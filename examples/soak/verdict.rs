//! The figures that are measured while all work rests, and the bounds of their growth.

use std::fmt;

/// The increase since the start that does not count as growth: a share of the first value, and a
/// constant.
///
/// A bound that is too generous hides a small leak in a short run, and no leak in a long one. A leak in
/// one operation of a thousand exceeds any bound within hours.
#[derive(Clone, Copy)]
pub struct Tolerance {
    pub percent: u64,
    pub plus: u64,
}

/// Returns the bounds of the memory that the process has from the system. The allocator keeps the pages
/// of a peak, and peaks rise for a while, because work comes in random sizes. Threads of the pool have
/// stacks. Each connection has a buffer of some kilobytes at times, and sometimes all of them do at
/// once. A leak of the program itself shows in the allocated memory, which has closer bounds.
pub fn resident(connections: u64) -> Tolerance {
    Tolerance { percent: 15, plus: (8 << 20) + connections * (8 << 10) }
}

/// Returns the bounds of the memory that the program has allocated and not freed. At rest it is nearly
/// always the same. Tables keep the capacity of a peak, which is some words for each connection.
/// Threads of the pool that are about to end have some hundred bytes each.
pub fn heap(connections: u64) -> Tolerance {
    Tolerance { percent: 3, plus: (128 << 10) + connections * 64 }
}

/// The bounds of descriptors and connections, which can be counted. No code keeps one for later use.
pub const NONE: Tolerance = Tolerance { percent: 0, plus: 0 };

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Flat,
    Grew,
    /// The run ended before there was a value to compare with, or this system does not report it.
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

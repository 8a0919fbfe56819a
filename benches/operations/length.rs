//! How long an operation is measured: for a time, or for a fixed number of repeats.

use std::time::{Duration, Instant};

use crate::stats;

/// How long a measurement lasts. It is made of samples, each of many operations.
#[derive(Clone, Copy)]
pub enum Length {
    /// Samples until the time is over. The figure is the median of their costs.
    Time(Duration),
    /// So many samples, for counts: two runs of different length do the same but for these. The figure is the number
    /// of operations.
    Samples(usize),
}

/// The samples of a measurement in the making.
pub struct Samples {
    length: Length,
    start: Instant,
    costs: Vec<f64>,
    operations: u64,
}

impl Length {
    pub fn start(self) -> Samples {
        Samples { length: self, start: Instant::now(), costs: Vec::new(), operations: 0 }
    }

    /// The words of a child's command line.
    pub fn word(self) -> String {
        match self {
            Length::Time(time) => time.as_millis().to_string(),
            Length::Samples(count) => format!("{SAMPLES}{count}"),
        }
    }

    pub fn from_word(word: &str) -> Option<Length> {
        match word.strip_prefix(SAMPLES) {
            Some(count) => count.parse().ok().map(Length::Samples),
            None => word.parse().ok().map(Duration::from_millis).map(Length::Time),
        }
    }
}

/// Marks a number of samples on a child's command line.
const SAMPLES: &str = "x";

impl Samples {
    /// Enters a sample of so many operations, which took so many nanoseconds all together.
    pub fn enter(&mut self, operations: u64, total_ns: f64) {
        self.operations += operations;
        self.costs.push(total_ns / operations as f64);
    }

    /// Whether there is to be another sample. There is at least one.
    pub fn more(&self) -> bool {
        match self.length {
            Length::Time(time) => self.costs.is_empty() || self.start.elapsed() < time,
            Length::Samples(count) => self.costs.len() < count,
        }
    }

    /// The figure that the length asks for.
    pub fn figure(&self) -> f64 {
        match self.length {
            Length::Time(_) => stats::median(&self.costs),
            Length::Samples(_) => self.operations as f64,
        }
    }
}

//! The length of a measurement: a time, or a fixed number of samples.

use std::time::{Duration, Instant};

use crate::stats;

/// The length of a measurement. A measurement consists of samples, and each sample of many operations.
#[derive(Clone, Copy)]
pub enum Length {
    /// The measurement takes samples until the time is over. The figure is the median of their costs.
    Time(Duration),
    /// The measurement takes this number of samples. Counts use it, because two runs then differ only in
    /// the number of samples. The figure is the number of operations.
    Samples(usize),
}

/// The samples of a measurement that is running.
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

    /// Returns the word for a child's command line.
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

/// The prefix of a number of samples on a child's command line.
const SAMPLES: &str = "x";

impl Samples {
    /// Enters a sample. `total_ns` is the time of all its operations together.
    pub fn enter(&mut self, operations: u64, total_ns: f64) {
        self.operations += operations;
        self.costs.push(total_ns / operations as f64);
    }

    /// Whether the measurement needs another sample. It takes at least one.
    pub fn more(&self) -> bool {
        match self.length {
            Length::Time(time) => self.costs.is_empty() || self.start.elapsed() < time,
            Length::Samples(count) => self.costs.len() < count,
        }
    }

    /// Returns the figure of the measurement, which depends on its length.
    pub fn figure(&self) -> f64 {
        match self.length {
            Length::Time(_) => stats::median(&self.costs),
            Length::Samples(_) => self.operations as f64,
        }
    }
}

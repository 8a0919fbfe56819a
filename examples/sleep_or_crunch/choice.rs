//! The choice of a model by the figures of one kind of work.
//!
//! Other programs on the machine can slow down the model that would be the fastest. So figures count
//! only if the rounds repeat them. Where the figures of an idle machine are known, they must match
//! those, too.

use std::time::Duration;

/// A model is fast enough if it takes at most this many times as long as the fastest.
pub const AS_FAST: f64 = 1.25;

/// Two rounds count as the same if one takes at most this many times as long as the other.
const REPEATS: f64 = 1.25;

/// The ideal speed-up is the number of cores. Workers on all cores of an idle machine reach at least
/// this share of it.
const SHARE_OF_CORES: f64 = 0.75;

/// The models' places in the figures.
const ALONE: usize = 0;
const THREADS: usize = 1;
const PROCESSES: usize = 2;
const TASKS: usize = 3;

/// The models in the order of the cost of one worker: a task, a stack, a process.
const BY_COST: [usize; 3] = [TASKS, THREADS, PROCESSES];

/// The figures of an idle machine.
#[derive(Clone, Copy)]
pub enum Expected {
    /// The work takes this long, and the workers do it at once.
    AtOnce(Duration),
    /// The fastest model is this many times as fast as one worker alone.
    TimesAsFast(usize),
    Unknown,
}

/// The times of all models, for one kind of work.
pub struct Figures {
    expected: Expected,
    /// The rounds of each model, sorted.
    rounds: [Vec<Duration>; 4],
}

impl Figures {
    pub fn new(expected: Expected) -> Figures {
        Figures { expected, rounds: Default::default() }
    }

    /// Adds a round of the model at `place`.
    pub fn add(&mut self, place: usize, time: Duration) {
        self.rounds[place].push(time);
        self.rounds[place].sort_unstable();
    }

    pub fn best(&self, place: usize) -> Duration {
        self.rounds[place][0]
    }

    fn times_as_fast(&self, place: usize) -> f64 {
        self.best(ALONE).as_secs_f64() / self.best(place).as_secs_f64()
    }

    fn fastest(&self) -> Duration {
        BY_COST.map(|place| self.best(place)).into_iter().min().expect("there are three models")
    }

    /// Returns the reason why the figures support no choice, if there is one.
    fn doubt(&self) -> Option<String> {
        let repeats = |rounds: &Vec<Duration>| match rounds[..] {
            [best, second, ..] => second.as_secs_f64() <= REPEATS * best.as_secs_f64(),
            _ => true,
        };
        if !self.rounds.iter().all(repeats) {
            return Some("the rounds differ too much".to_owned());
        }
        match self.expected {
            Expected::AtOnce(time) => {
                let slowest = [THREADS, TASKS].map(|place| self.best(place)).into_iter().max()?;
                let late = slowest.as_secs_f64() > AS_FAST * time.as_secs_f64();
                late.then(|| format!("{time:?} took {:.0?}", slowest))
            }
            Expected::TimesAsFast(times) => {
                let fastest = self.best(ALONE).as_secs_f64() / self.fastest().as_secs_f64();
                let slow = fastest < SHARE_OF_CORES * times as f64;
                slow.then(|| format!("at once was {fastest:.1} times as fast, not {times} times"))
            }
            Expected::Unknown => None,
        }
    }

    pub fn are_doubtful(&self) -> bool {
        self.doubt().is_some()
    }

    /// Returns the cheapest model that is fast enough, in words.
    pub fn choice(&self, name: impl Fn(usize) -> &'static str) -> String {
        if let Some(doubt) = self.doubt() {
            return format!("no choice: {doubt}");
        }
        let enough = AS_FAST * self.fastest().as_secs_f64();
        let fast_enough = |place: &usize| self.best(*place).as_secs_f64() <= enough;
        let place = BY_COST.into_iter().find(fast_enough).expect("the fastest model is fast enough");
        if self.best(place) > self.best(ALONE) {
            return "none of them, serially is faster".to_owned();
        }
        format!("{}, {:.1} times as fast as serially", name(place), self.times_as_fast(place))
    }
}

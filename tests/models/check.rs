//! Runs a model on random programs, and finds the shortest of those that fail.
//!
//! `PROPTEST_CASES` says how many; the default is few enough for every day. A program that failed is remembered in
//! `tests/models/failures/`, as the seed that makes it, and tried first from then on: a help while one mends. What it
//! found is then pinned by a test that can be read, in `regressions.rs`, and the seed thrown away.

use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{FileFailurePersistence, TestError, TestRunner};

use super::steps::Step;

/// What one program may take: far more than any needs, also on a machine that is busy with something else.
const LIMIT: Duration = Duration::from_secs(60);

/// A model: how a program is run, which says what promise the library breaks, and how it is told.
pub struct Model {
    pub run: fn(&[Step]) -> Result<(), String>,
    pub explain: fn(&[Step]) -> String,
    /// Where failures are remembered.
    pub failures: &'static str,
    pub cases: u32,
    pub steps_max: usize,
}

impl Model {
    pub fn check(&self) {
        let mut config = ProptestConfig {
            failure_persistence: Some(Box::new(FileFailurePersistence::Direct(self.failures))),
            max_shrink_time: 60_000,
            ..ProptestConfig::default()
        };
        if std::env::var_os("PROPTEST_CASES").is_none() {
            config.cases = self.cases;
        }
        let watched = Watched::start(self.explain);
        let programs = prop::collection::vec(any::<Step>(), 0..self.steps_max);
        let outcome = TestRunner::new(config).run(&programs, |steps| {
            watched.begins(&steps);
            (self.run)(&steps).map_err(TestCaseError::fail)
        });
        match outcome {
            Ok(()) => {}
            Err(TestError::Abort(reason)) => panic!("{reason}"),
            Err(TestError::Fail(reason, steps)) => {
                panic!("{reason}\nThe shortest program: {steps:?}\n{}", (self.explain)(&steps))
            }
        }
    }
}

/// Ends the process, with the program that hangs, if one takes too long: that can't be caught and made shorter.
struct Watched {
    running: Arc<Mutex<Vec<Step>>>,
    next: mpsc::Sender<()>,
}

impl Watched {
    fn start(explain: fn(&[Step]) -> String) -> Watched {
        let (next, begun) = mpsc::channel();
        let running = Arc::new(Mutex::new(Vec::new()));
        let seen = running.clone();
        std::thread::spawn(move || {
            loop {
                match begun.recv_timeout(LIMIT) {
                    Ok(()) => {}
                    Err(mpsc::RecvTimeoutError::Disconnected) => return,
                    Err(mpsc::RecvTimeoutError::Timeout) => {
                        let steps: Vec<Step> = seen.lock().map(|steps| steps.clone()).unwrap_or_default();
                        eprintln!("it hangs: {steps:?}\n{}", explain(&steps));
                        std::process::abort();
                    }
                }
            }
        });
        Watched { running, next }
    }

    fn begins(&self, steps: &[Step]) {
        *self.running.lock().expect("no thread panics while it holds the lock") = steps.to_vec();
        let _ = self.next.send(());
    }
}

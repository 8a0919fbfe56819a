//! The parts that all kinds of work share: workers that do one operation after the other, the counts of
//! their operations, and the lock that makes all of them rest while the program measures memory and
//! descriptors.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use async_lock::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use fastrand::Rng;
use oneloop::JoinHandle;
use oneloop::time::timeout;

use crate::check::Pattern;
use crate::process::complain;

/// An operation that lasts longer hangs. It takes milliseconds, or a second beside ten thousand others.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The most errors that are printed. All errors are counted.
const ERRORS_PRINTED_MAX: u64 = 20;

/// The result of one operation of a worker.
pub struct Done {
    pub operations: u64,
    pub bytes: u64,
}

impl Done {
    pub fn bytes(bytes: u64) -> Result<Done, String> {
        Ok(Done { operations: 1, bytes })
    }

    pub fn operations(operations: usize) -> Result<Done, String> {
        Ok(Done { operations: operations as u64, bytes: 0 })
    }
}

/// One kind of work: a line of the table.
pub struct Tally {
    pub kind: &'static str,
    pub operations: Cell<u64>,
    pub bytes: Cell<u64>,
    pub errors: Cell<u64>,
}

pub struct Soak {
    pub pattern: Pattern,
    pub seed: u64,
    /// A worker holds it for reading during an operation. A rest holds it for writing.
    rest_lock: RwLock<()>,
    ended: Cell<bool>,
    pub tallies: RefCell<Vec<Rc<Tally>>>,
    workers: RefCell<Vec<JoinHandle<()>>>,
    errors: Cell<u64>,
}

impl Soak {
    pub fn new(seed: u64) -> Rc<Soak> {
        Rc::new(Soak {
            pattern: Pattern::new(seed),
            seed,
            rest_lock: RwLock::new(()),
            ended: Cell::new(false),
            tallies: RefCell::default(),
            workers: RefCell::default(),
            errors: Cell::new(0),
        })
    }

    pub fn kind(&self, kind: &'static str) -> Rc<Tally> {
        let tally =
            Rc::new(Tally { kind, operations: Cell::new(0), bytes: Cell::new(0), errors: Cell::new(0) });
        self.tallies.borrow_mut().push(tally.clone());
        tally
    }

    /// Starts a task that repeats `operation`. An error ends this worker and no other, because its
    /// socket may have bytes of the failed operation.
    pub fn worker<F>(self: &Rc<Soak>, tally: &Rc<Tally>, mut operation: F)
    where
        F: AsyncFnMut(&mut Rng) -> Result<Done, String> + 'static,
    {
        let number = self.workers.borrow().len() as u64 + 1;
        let mut rng = Rng::with_seed(self.seed.wrapping_add(number.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        let (soak, tally) = (self.clone(), tally.clone());
        let worker = oneloop::spawn(async move {
            let mut turns = 0_u64;
            while let Some(_at_work) = soak.turn().await {
                turns += 1;
                let outcome = timeout(TIMEOUT, operation(&mut rng)).await;
                match outcome.unwrap_or_else(|_| Err(format!("not done after {TIMEOUT:?}: it hangs"))) {
                    Ok(done) => {
                        tally.operations.set(tally.operations.get() + done.operations);
                        tally.bytes.set(tally.bytes.get() + done.bytes);
                    }
                    Err(reason) => {
                        soak.fail(&tally, &format!("worker {number}, operation {turns}: {reason}"));
                        return;
                    }
                }
            }
        });
        self.workers.borrow_mut().push(worker);
    }

    /// Waits for the end of a rest. Returns the guard of one operation, or `None` after
    /// [`end`](Soak::end).
    async fn turn(&self) -> Option<RwLockReadGuard<'_, ()>> {
        let guard = self.rest_lock.read().await;
        (!self.ended.get()).then_some(guard)
    }

    pub fn fail(&self, tally: &Tally, reason: &str) {
        tally.errors.set(tally.errors.get() + 1);
        self.errors.set(self.errors.get() + 1);
        if self.errors.get() <= ERRORS_PRINTED_MAX {
            complain(&format!("{}: {reason}", tally.kind));
        }
    }

    /// Waits until every operation that was begun has ended. No other begins until the guard is
    /// dropped.
    pub async fn rest(&self) -> RwLockWriteGuard<'_, ()> {
        self.rest_lock.write().await
    }

    /// Ends the work: no operation begins after this call.
    pub fn end(&self) {
        self.ended.set(true);
    }

    /// Waits for the workers to end, after [`end`](Soak::end).
    pub async fn workers_ended(&self) {
        for worker in self.workers.take() {
            if let Err(error) = worker.await {
                complain(&format!("a worker: {error}"));
                self.errors.set(self.errors.get() + 1);
            }
        }
    }

    pub fn errors(&self) -> u64 {
        self.errors.get()
    }

    pub fn total(&self, column: impl Fn(&Tally) -> &Cell<u64>) -> u64 {
        self.tallies.borrow().iter().map(|tally| column(tally).get()).sum()
    }
}

/// Adds the name of a step to its error.
pub trait During<T> {
    fn during(self, step: &str) -> Result<T, String>;
}

impl<T, E: std::fmt::Display> During<T> for Result<T, E> {
    fn during(self, step: &str) -> Result<T, String> {
        self.map_err(|error| format!("{step}: {error}"))
    }
}

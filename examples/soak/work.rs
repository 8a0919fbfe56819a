//! What all kinds of work share: workers that do one operation after the other, how many there were, and the gate at which
//! all of them rest while memory and descriptors are looked at.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use async_lock::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use fastrand::Rng;
use oneloop::JoinHandle;
use oneloop::time::timeout;

use crate::check::Pattern;
use crate::process::complain;

/// An operation that lasts longer hangs: it takes milliseconds, or a second in a crowd of ten thousand.
const PATIENCE: Duration = Duration::from_secs(60);

/// So many errors are printed. All are counted.
const ERRORS_PRINTED_MAX: u64 = 20;

/// What one operation of a worker amounts to.
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
    /// Who works holds it for reading, during an operation. Who wants rest takes it for writing.
    gate: RwLock<()>,
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
            gate: RwLock::new(()),
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

    /// Starts a task that does `operation` again and again. An error ends this worker, because its socket may be out of step, and
    /// no other.
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
                let outcome = timeout(PATIENCE, operation(&mut rng)).await;
                match outcome.unwrap_or_else(|_| Err(format!("not done after {PATIENCE:?}: it hangs"))) {
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

    /// The right to begin an operation, once nobody wants rest; `None` when there are to be no more.
    async fn turn(&self) -> Option<RwLockReadGuard<'_, ()>> {
        let guard = self.gate.read().await;
        (!self.ended.get()).then_some(guard)
    }

    pub fn fail(&self, tally: &Tally, reason: &str) {
        tally.errors.set(tally.errors.get() + 1);
        self.errors.set(self.errors.get() + 1);
        if self.errors.get() <= ERRORS_PRINTED_MAX {
            complain(&format!("{}: {reason}", tally.kind));
        }
    }

    /// Waits until every operation that was begun has ended. No other begins while the guard lives.
    pub async fn rest(&self) -> RwLockWriteGuard<'_, ()> {
        self.gate.write().await
    }

    /// No operation begins any more.
    pub fn end(&self) {
        self.ended.set(true);
    }

    /// After [`end`](Soak::end): waits for the workers to go.
    pub async fn all_gone(&self) {
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

/// Says in which step an operation failed.
pub trait During<T> {
    fn during(self, step: &str) -> Result<T, String>;
}

impl<T, E: std::fmt::Display> During<T> for Result<T, E> {
    fn during(self, step: &str) -> Result<T, String> {
        self.map_err(|error| format!("{step}: {error}"))
    }
}

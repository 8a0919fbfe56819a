//! The program that the steps make, and its bookkeeping: whatever runs asks here what it is to do next.

use std::cell::RefCell;
use std::sync::mpsc;
use std::task::Waker;

use oneloop::{AbortHandle, Handle, JoinHandle, RemoteJoinHandle};

use super::code::Output;
use super::model::{Kind, Model, Outcome, Turn, Who};
use super::op::Op;
use super::steps::Step;

/// What the library holds for a task, and how often it has dropped what it was given.
#[derive(Default)]
pub struct Life {
    pub join: Option<Join>,
    /// How it ends, from the poll that says so on.
    pub ending: Option<Outcome>,
    pub futures_made: u32,
    pub futures_dropped: u32,
    pub outputs_made: u32,
    pub outputs_dropped: u32,
}

pub enum Join {
    Local(JoinHandle<Output>),
    Remote(RemoteJoinHandle<Output>),
}

/// A task whose future is dropped, and of which the library is about to say that it has finished.
pub struct Settling {
    pub id: usize,
    pub outcome: Outcome,
    /// Its output, which a panic keeps from its handle, is dropped first.
    pub output_first: bool,
}

pub struct World {
    steps: Vec<Step>,
    next: usize,
    pub failure: Option<String>,
    pub model: Model,
    pub lives: Vec<Life>,
    pub settling: Option<Settling>,
    pub wakers: Vec<(Waker, Who)>,
    pub abort_handles: Vec<(AbortHandle, usize)>,
    /// Wakers that aren't the library's.
    pub foreign: Vec<Waker>,
    pub handle: Handle,
    /// Whether this thread is inside the runtime.
    pub inside: bool,
    /// Whether another thread is allowed in. (What it allocates or frees isn't counted here.)
    pub threads: bool,
    /// Set while a wake of `block_on`'s own future is under way from another thread; says when it has been done.
    pub racing: Option<mpsc::Receiver<()>>,
    pub depth: usize,
    /// Join handles polled in this turn: what is beyond the budget would be denied.
    pub joins: usize,
}

thread_local! {
    static WORLD: RefCell<Option<World>> = const { RefCell::new(None) };
}

impl World {
    pub fn begin(steps: &[Step], handle: Handle, threads: bool) {
        let world = World {
            steps: steps.to_vec(),
            next: 0,
            failure: None,
            model: Model::default(),
            lives: Vec::new(),
            settling: None,
            wakers: Vec::new(),
            abort_handles: Vec::new(),
            foreign: Vec::new(),
            handle,
            inside: false,
            threads,
            racing: None,
            depth: 0,
            joins: 0,
        };
        WORLD.set(Some(world));
    }

    pub fn end() -> World {
        WORLD.take().expect("a program runs")
    }

    pub fn has_steps(&self) -> bool {
        self.next < self.steps.len()
    }

    pub fn next_op(&mut self) -> Option<Op> {
        let op = Op::of(*self.steps.get(self.next)?);
        self.next += 1;
        Some(op)
    }

    /// Notes what went wrong first, and ends the program. (A panic here would only be a task's.)
    pub fn fail(&mut self, text: String) {
        let at = self.next;
        self.failure.get_or_insert_with(|| format!("before step {at}: {text}"));
        self.next = self.steps.len();
    }

    pub fn check(&mut self, what: &str, result: Result<(), String>) {
        if let Err(why) = result {
            self.fail(format!("{what}: {why}"));
        }
    }

    /// Before code of the program runs: what the library has done since is true now.
    pub fn settle(&mut self) {
        if let Some(Settling { id, outcome, .. }) = self.settling.take() {
            self.model.finish(id, outcome);
        }
    }

    pub fn turn(&mut self, turn: Turn) {
        self.settle();
        self.joins = 0;
        let result = self.model.turn(turn);
        self.check(&format!("{turn:?}"), result);
    }

    pub fn add(&mut self, kind: Kind) -> usize {
        self.lives.push(Life::default());
        match kind {
            Kind::Local => self.model.spawn(),
            Kind::Remote => self.model.spawn_by_message(),
        }
    }

    /// Every future and output that was made was dropped, and once only.
    pub fn check_lives(&mut self) {
        for id in 0..self.lives.len() {
            let life = &self.lives[id];
            let futures = (life.futures_made, life.futures_dropped);
            let outputs = (life.outputs_made, life.outputs_dropped);
            if futures.0 != futures.1 || outputs.0 != outputs.1 {
                self.fail(format!("task {id}: futures made and dropped {futures:?}, outputs {outputs:?}"));
            }
        }
    }
}

/// Borrows the world, for moments in which nothing of the library's is called.
pub fn with<R>(f: impl FnOnce(&mut World) -> R) -> R {
    WORLD.with_borrow_mut(|world| f(world.as_mut().expect("a program runs")))
}

type Job = Box<dyn FnOnce() + Send>;

thread_local! {
    static OTHER_THREAD: mpsc::Sender<Job> = {
        let (sender, jobs) = mpsc::channel::<Job>();
        std::thread::spawn(move || jobs.into_iter().for_each(|job| job()));
        sender
    };
}

/// Has another thread do something; tells when it is done.
pub fn on_another_thread<R: Send + 'static>(job: impl FnOnce() -> R + Send + 'static) -> mpsc::Receiver<R> {
    let (sender, done) = mpsc::channel();
    let job = Box::new(move || drop(sender.send(job())));
    OTHER_THREAD.with(|thread| thread.send(job).expect("it lives as long as this one"));
    done
}

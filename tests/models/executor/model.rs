//! What must hold of tasks, without a runtime: the queues that the documentation promises, as a few lists. It never
//! looks at the library; `world.rs` tells it what the program did, and asks it whose turn must come next.

use std::collections::VecDeque;

/// Whom a waker names: `block_on`'s own future, in its how-manieth call, or a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    Main(u32),
    Task(usize),
}

/// Who waits for a task to finish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Joiner {
    Ours(Who),
    /// A waker that isn't the library's, by number.
    Foreign(usize),
}

/// What the loop does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    Poll(Who),
    /// It drops the future of a task that was aborted.
    Abort(usize),
    /// It calls a foreign waker.
    Foreign(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Value,
    Panic,
    Cancelled,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Letter {
    Wake(Who),
    Spawn(usize),
}

/// Where a task comes from: `spawn`, or another thread's `Handle`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Local,
    Remote,
}

pub struct Task {
    pub kind: Kind,
    /// `None` while it runs.
    pub outcome: Option<Outcome>,
    /// Its join handle exists and has not given the outcome yet.
    pub joinable: bool,
    pub joiners: Vec<Joiner>,
    queued: bool,
    aborted: bool,
}

#[derive(Default)]
pub struct Model {
    pub tasks: Vec<Task>,
    /// How many `block_on`s there were.
    pub main: u32,
    main_queued: bool,
    ready: VecDeque<Who>,
    urgent: VecDeque<Turn>,
    /// Posted, and (of what the loop has taken out) not read yet.
    mail: VecDeque<Letter>,
    letters: Option<VecDeque<Letter>>,
    /// The runtime is being dropped, or gone.
    pub closed: bool,
}

impl Model {
    fn add(&mut self, kind: Kind) -> usize {
        let (joiners, joinable) = (Vec::new(), true);
        self.tasks.push(Task { kind, outcome: None, joinable, joiners, queued: false, aborted: false });
        self.tasks.len() - 1
    }

    /// `spawn`: behind all that are ready.
    pub fn spawn(&mut self) -> usize {
        let id = self.add(Kind::Local);
        self.wake(Who::Task(id));
        id
    }

    /// `Handle::spawn`: by mail, or cancelled if nobody reads it any more.
    pub fn spawn_by_mail(&mut self) -> usize {
        let id = self.add(Kind::Remote);
        if self.closed {
            self.tasks[id].outcome = Some(Outcome::Cancelled);
        } else {
            self.mail.push_back(Letter::Spawn(id));
        }
        id
    }

    pub fn enter_block_on(&mut self) {
        self.main += 1;
        self.wake(Who::Main(self.main));
    }

    /// A wake on the loop's own thread: to the end of the queue, once.
    pub fn wake(&mut self, who: Who) {
        let queued = match who {
            Who::Main(n) if n != self.main => return,
            Who::Main(_) => &mut self.main_queued,
            Who::Task(id) if self.tasks[id].outcome.is_some() => return,
            Who::Task(id) => &mut self.tasks[id].queued,
        };
        if !std::mem::replace(queued, true) {
            self.ready.push_back(who);
        }
    }

    /// A wake on another thread, or outside the loop.
    pub fn wake_by_mail(&mut self, who: Who) {
        if !self.closed {
            self.mail.push_back(Letter::Wake(who));
        }
    }

    /// The next turn, before any task, drops it.
    pub fn abort(&mut self, id: usize) {
        let task = &mut self.tasks[id];
        if task.outcome.is_none() && !std::mem::replace(&mut task.aborted, true) {
            self.urgent.push_back(Turn::Abort(id));
        }
    }

    /// Somebody polled the join handle in vain. All who did are woken; of a remote task, only the last.
    pub fn wait_for(&mut self, id: usize, joiner: Joiner) {
        let task = &mut self.tasks[id];
        if task.kind == Kind::Remote {
            task.joiners.clear();
        }
        if !task.joiners.contains(&joiner) {
            task.joiners.push(joiner);
        }
    }

    /// The join handle is gone, by dropping it or because it gave the outcome.
    pub fn detach(&mut self, id: usize) {
        self.tasks[id].joinable = false;
        self.tasks[id].joiners.clear();
    }

    pub fn finish(&mut self, id: usize, outcome: Outcome) {
        self.tasks[id].outcome = Some(outcome);
        for joiner in std::mem::take(&mut self.tasks[id].joiners) {
            match joiner {
                Joiner::Ours(who) => self.wake(who),
                Joiner::Foreign(n) => self.urgent.push_back(Turn::Foreign(n)),
            }
        }
    }

    /// Reads letters up to one that starts a task. (What makes that task runs while the loop reads, and may post more,
    /// for the next time.)
    fn read_letters(&mut self) -> Option<usize> {
        loop {
            match self.letters.as_mut().and_then(VecDeque::pop_front)? {
                Letter::Wake(who) => self.wake(who),
                Letter::Spawn(id) => return Some(id),
            }
        }
    }

    fn take_mail(&mut self) {
        self.letters = Some(std::mem::take(&mut self.mail));
    }

    /// The loop calls what makes a remote task's future: letters are read in their order.
    pub fn make(&mut self, id: usize) -> Result<(), String> {
        let found = self.read_letters().or_else(|| {
            self.take_mail();
            self.read_letters()
        });
        if found == Some(id) { Ok(()) } else { Err(format!("it must be {found:?}")) }
    }

    /// The loop begins a turn: is it the one that must come?
    pub fn turn(&mut self, turn: Turn) -> Result<(), String> {
        if self.closed {
            return self.turn_of_a_closed_loop(turn);
        }
        // If it has not read its mail for this turn; and if it has and nobody was ready, it has looked again.
        if self.letters.is_none() {
            self.take_mail();
        }
        let mut unmade = self.read_letters();
        let mut next = self.next();
        if next.is_none() {
            self.take_mail();
            unmade = unmade.or(self.read_letters());
            next = self.next();
        }
        self.letters = None;
        match (unmade, next) {
            (Some(id), _) => Err(format!("task {id} was posted and is not made")),
            (None, Some(next)) if next == turn => Ok(()),
            (None, next) => Err(format!("it must be {next:?}")),
        }
    }

    fn next(&mut self) -> Option<Turn> {
        while let Some(turn) = self.urgent.pop_front() {
            match turn {
                Turn::Abort(id) if self.tasks[id].outcome.is_some() => {}
                turn => return Some(turn),
            }
        }
        loop {
            let who = self.ready.pop_front()?;
            match who {
                Who::Main(_) => {
                    self.main_queued = false;
                    return Some(Turn::Poll(Who::Main(self.main)));
                }
                Who::Task(id) => {
                    self.tasks[id].queued = false;
                    if self.tasks[id].outcome.is_none() {
                        return Some(Turn::Poll(who));
                    }
                }
            }
        }
    }

    /// Shutting down polls nothing, drops in any order, and calls each foreign waker that was due.
    fn turn_of_a_closed_loop(&mut self, turn: Turn) -> Result<(), String> {
        match turn {
            Turn::Poll(_) => Err(String::from("nothing is polled any more")),
            Turn::Abort(_) => Ok(()),
            Turn::Foreign(_) => match self.urgent.iter().position(|&due| due == turn) {
                Some(place) => self.urgent.remove(place).map_or(Err(String::new()), |_| Ok(())),
                None => Err(String::from("nobody waited with it")),
            },
        }
    }

    /// Main was woken at a moment that nobody knows: its turn comes wherever it comes.
    pub fn turn_of_main_out_of_order(&mut self) -> Result<(), String> {
        self.ready.retain(|who| !matches!(who, Who::Main(_)));
        self.main_queued = true;
        self.ready.push_front(Who::Main(self.main));
        // What is urgent comes before it all the same, but that it waits for a turn can't be seen from here.
        let urgent = std::mem::take(&mut self.urgent);
        let turn = self.turn(Turn::Poll(Who::Main(self.main)));
        let stale = urgent.iter().all(|turn| match turn {
            Turn::Abort(id) => self.tasks[*id].outcome.is_some(),
            _ => false,
        });
        if stale { turn } else { Err(String::from("what is urgent comes first")) }
    }

    /// The runtime is dropped: mail that nobody has read is thrown away.
    pub fn close(&mut self) {
        self.closed = true;
        for letter in std::mem::take(&mut self.mail) {
            if let Letter::Spawn(id) = letter {
                self.finish(id, Outcome::Cancelled);
            }
        }
    }

    /// After the runtime is gone: what was left undone.
    pub fn check_closed(&self) -> Result<(), String> {
        let left = self.tasks.iter().position(|task| task.outcome.is_none());
        if let Some(id) = left {
            return Err(format!("task {id} was not dropped with its runtime"));
        }
        match self.urgent.iter().find(|turn| matches!(turn, Turn::Foreign(_))) {
            Some(turn) => Err(format!("{turn:?} was due and never called")),
            None => Ok(()),
        }
    }
}

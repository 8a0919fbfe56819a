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
enum Message {
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
    inbox: VecDeque<Message>,
    batch: Option<VecDeque<Message>>,
    /// The runtime is being dropped, or was dropped.
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

    /// `Handle::spawn`: posts a message. The task is cancelled if the loop reads no more messages.
    pub fn spawn_by_message(&mut self) -> usize {
        let id = self.add(Kind::Remote);
        if self.closed {
            self.tasks[id].outcome = Some(Outcome::Cancelled);
        } else {
            self.inbox.push_back(Message::Spawn(id));
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
    pub fn wake_by_message(&mut self, who: Who) {
        if !self.closed {
            self.inbox.push_back(Message::Wake(who));
        }
    }

    /// The next turn, before any task, drops it.
    pub fn abort(&mut self, id: usize) {
        let task = &mut self.tasks[id];
        if task.outcome.is_none() && !std::mem::replace(&mut task.aborted, true) {
            self.urgent.push_back(Turn::Abort(id));
        }
    }

    /// The join handle was polled before the task's end. The end wakes all pollers, and of a remote task only the last.
    pub fn wait_for(&mut self, id: usize, joiner: Joiner) {
        let task = &mut self.tasks[id];
        if task.kind == Kind::Remote {
            task.joiners.clear();
        }
        if !task.joiners.contains(&joiner) {
            task.joiners.push(joiner);
        }
    }

    /// The join handle was dropped, or has returned the outcome.
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

    /// Reads messages up to one that starts a task. The function that makes the task's future runs while the loop
    /// reads, and may post more messages, which the loop reads the next time.
    fn read_messages(&mut self) -> Option<usize> {
        loop {
            match self.batch.as_mut().and_then(VecDeque::pop_front)? {
                Message::Wake(who) => self.wake(who),
                Message::Spawn(id) => return Some(id),
            }
        }
    }

    fn take_inbox(&mut self) {
        self.batch = Some(std::mem::take(&mut self.inbox));
    }

    /// The loop calls the function that makes a remote task's future. Messages are read in their order.
    pub fn make(&mut self, id: usize) -> Result<(), String> {
        let found = self.read_messages().or_else(|| {
            self.take_inbox();
            self.read_messages()
        });
        if found == Some(id) { Ok(()) } else { Err(format!("it must be {found:?}")) }
    }

    /// The loop begins a turn: is it the one that must come?
    pub fn turn(&mut self, turn: Turn) -> Result<(), String> {
        if self.closed {
            return self.turn_of_a_closed_loop(turn);
        }
        // The loop has not read its inbox in this turn. Or it has, no task was ready, and it has read the inbox again.
        if self.batch.is_none() {
            self.take_inbox();
        }
        let mut unmade = self.read_messages();
        let mut next = self.next();
        if next.is_none() {
            self.take_inbox();
            unmade = unmade.or(self.read_messages());
            next = self.next();
        }
        self.batch = None;
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
                None => Err(String::from("no task waited with it")),
            },
        }
    }

    /// Main was woken at an unknown moment, so its turn may come at any place.
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

    /// The runtime is dropped, and unread messages are dropped with it.
    pub fn close(&mut self) {
        self.closed = true;
        for message in std::mem::take(&mut self.inbox) {
            if let Message::Spawn(id) = message {
                self.finish(id, Outcome::Cancelled);
            }
        }
    }

    /// Checks what was left undone after the drop of the runtime.
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

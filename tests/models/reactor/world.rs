//! The connections of a program, what went through them, and the tasks at their ends.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::io;
use std::net::Shutdown;
use std::pin::pin;
use std::rc::Rc;
use std::task::Context;

use oneloop::JoinHandle;

use super::bytes::Flow;
use super::sockets::{Duplicate, Socket};
use super::{Work, pick};

pub type Shared = Rc<World>;

/// A step's name for an end of a connection.
#[derive(Clone, Copy, Debug)]
pub struct Side {
    pub pair: u8,
    pub end: usize,
}

/// A connection's number and which end of it.
pub type At = (usize, usize);

#[derive(Default)]
struct End {
    socket: Option<Rc<Socket>>,
    duplicate: Option<Duplicate>,
    /// What this end writes.
    flow: Flow,
}

impl End {
    fn is_closed(&self) -> bool {
        self.socket.is_none() && self.duplicate.is_none()
    }
}

pub struct Pair {
    ends: [End; 2],
    /// One end was closed while bytes were on the way to it: then the system resets the connection, and bytes may be lost.
    broken: bool,
    /// Counts what was done to it.
    deeds: u64,
}

#[derive(Default)]
pub struct World {
    /// Every connection that there ever was, by number.
    all: RefCell<Vec<Pair>>,
    /// Those that aren't closed at both ends.
    pub pairs: RefCell<Vec<usize>>,
    pub tasks: RefCell<Vec<(At, Work, JoinHandle<()>)>>,
    /// The task that is awaited last.
    pub last: RefCell<Option<(At, Work)>>,
    pub failure: RefCell<Option<String>>,
    opened: Cell<usize>,
}

impl World {
    pub fn fail(&self, (pair, end): At, text: String) {
        let connection = &self.all.borrow()[pair];
        let flows = [&connection.ends[0].flow, &connection.ends[1].flow];
        let broken = connection.broken;
        self.failure.borrow_mut().get_or_insert_with(|| {
            format!("connection {pair}, end {end}: {text}; broken: {broken}, {flows:?}")
        });
    }

    pub fn is_writable(&self, at: At, result: io::Result<()>) {
        if let Err(error) = result {
            self.fail(at, format!("waiting failed: {error}"));
        }
    }

    /// It may be for nothing where the system says so; epoll and kqueue don't.
    pub fn is_readable(&self, at: At, result: io::Result<()>) {
        self.is_writable(at, result);
        let pair = &self.all.borrow()[at.0];
        let for_nothing = !pair.broken && pair.ends[1 - at.1].flow.is_still_drained();
        if cfg!(unix) && for_nothing {
            self.failure.borrow_mut().get_or_insert_with(|| format!("{at:?} is readable for nothing"));
        }
    }

    /// Polls a future that is woken only if there is a reason to: without one, once in a while at most.
    pub async fn awake<F: Future>(&self, at: At, future: F) -> F::Output {
        /// More than the system's own network has reasons to, behind the program's back.
        const POLLS_MAX: u32 = 16;
        let mut future = pin!(future);
        let (mut deeds, mut polls) = (0, 0);
        let poll = |cx: &mut Context<'_>| {
            let before = std::mem::replace(&mut deeds, self.all.borrow()[at.0].deeds);
            polls = if before == deeds { polls + 1 } else { 0 };
            if polls > POLLS_MAX {
                self.fail(at, String::from("it is polled again and again, for nothing"));
            }
            future.as_mut().poll(cx)
        };
        poll_fn(poll).await
    }

    pub fn open(&self, sockets: [Socket; 2]) {
        let ends = sockets.map(|socket| End { socket: Some(Rc::new(socket)), ..End::default() });
        self.all.borrow_mut().push(Pair { ends, broken: false, deeds: 0 });
        self.pairs.borrow_mut().push(self.opened.replace(self.opened.get() + 1));
    }

    /// The number of the connection that a step names, if there is any.
    pub fn number(&self, side: Side) -> usize {
        let pairs = self.pairs.borrow();
        pick(pairs.len(), side.pair).map_or(usize::MAX, |n| pairs[n])
    }

    pub fn socket(&self, side: Side) -> Option<Rc<Socket>> {
        self.all.borrow().get(self.number(side))?.ends[side.end].socket.clone()
    }

    /// All that are open.
    pub fn sockets(&self) -> Vec<(At, Rc<Socket>)> {
        let all = self.all.borrow();
        let ends = all.iter().enumerate().flat_map(|(n, pair)| {
            pair.ends.iter().enumerate().map(move |(end, found)| ((n, end), found.socket.clone()))
        });
        ends.filter_map(|(at, socket)| Some((at, socket?))).collect()
    }

    pub fn next_bytes(&self, (pair, end): At, count: usize) -> Vec<u8> {
        self.all.borrow()[pair].ends[end].flow.next_bytes(count)
    }

    pub fn has_written(&self, at: At, result: io::Result<usize>) {
        let mut all = self.all.borrow_mut();
        let pair = &mut all[at.0];
        pair.deeds += 1;
        pair.broken |= pair.ends[1 - at.1].is_closed();
        let flow = &mut pair.ends[at.1].flow;
        let wrong = match result {
            Ok(count) => {
                flow.written += count as u64;
                (flow.shut && !pair.broken).then(|| String::from("it writes after its end"))
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
            Err(error) if !pair.broken && !flow.shut => Some(format!("writing failed: {error}")),
            Err(_) => None,
        };
        drop(all);
        wrong.into_iter().for_each(|text| self.fail(at, text));
    }

    pub fn has_read(&self, at: At, buf: &[u8], result: io::Result<usize>) {
        let mut all = self.all.borrow_mut();
        let pair = &mut all[at.0];
        pair.deeds += 1;
        let flow = &mut pair.ends[1 - at.1].flow;
        let outcome = match result {
            Ok(0) => {
                flow.ended = true;
                match pair.broken || flow.shut && flow.read == flow.written {
                    true => Ok(()),
                    false => Err(String::from("the end of file comes too soon")),
                }
            }
            Ok(count) if flow.ended && !pair.broken => Err(format!("{count} bytes after the end of file")),
            Ok(count) => flow.has_read(&buf[..count]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                flow.is_drained();
                Ok(())
            }
            Err(error) => {
                flow.ended = true;
                if pair.broken { Ok(()) } else { Err(format!("reading failed: {error}")) }
            }
        };
        drop(all);
        outcome.err().into_iter().for_each(|text| self.fail(at, text));
    }

    pub fn shut_down(&self, side: Side, how: Shutdown) {
        let Some(socket) = self.socket(side) else { return };
        let at = (self.number(side), side.end);
        let mut all = self.all.borrow_mut();
        let pair = &mut all[at.0];
        pair.deeds += 1;
        pair.broken |= how == Shutdown::Both; // what the other end writes then is refused
        pair.ends[at.1].flow.shut = true;
        let broken = pair.broken;
        drop(all);
        // macOS says `NotConnected` when the other end was closed.
        if let Err(error) = socket.shutdown(how)
            && !broken
            && error.kind() != io::ErrorKind::NotConnected
        {
            self.fail(at, format!("shutting down failed: {error}"));
        }
    }

    pub fn end_writing(&self, (pair, end): At, socket: &Socket) {
        let mut all = self.all.borrow_mut();
        all[pair].deeds += 1;
        all[pair].ends[end].flow.shut = true;
        drop(all);
        let _ = socket.shutdown(Shutdown::Write); // fails if it is broken
    }

    /// Lets go of a socket, and ends the tasks that use it, which happens before any other task runs.
    pub fn close(&self, side: Side) -> Option<Rc<Socket>> {
        let at = (self.number(side), side.end);
        let socket = self.all.borrow_mut().get_mut(at.0)?.ends[at.1].socket.take()?;
        self.tasks.borrow().iter().filter(|(there, ..)| *there == at).for_each(|(.., task)| task.abort());
        self.note_close(at);
        Some(socket)
    }

    pub fn keep_duplicate(&self, side: Side, socket: &Socket) {
        let Ok(duplicate) = socket.duplicate() else { return };
        let (pair, end) = (self.number(side), side.end);
        self.all.borrow_mut()[pair].ends[end].duplicate = Some(duplicate);
        drop(self.close(side));
    }

    pub fn is_duplicate(&self, (pair, end): At) -> bool {
        self.all.borrow()[pair].ends[end].duplicate.is_some()
    }

    pub fn drop_duplicates(&self) {
        let count = self.all.borrow().len();
        for at in (0..count).flat_map(|n| [(n, 0), (n, 1)]) {
            let mut duplicate = self.all.borrow_mut()[at.0].ends[at.1].duplicate.take();
            if duplicate.take().is_some() {
                self.note_close(at);
            }
        }
    }

    /// What a close means to the other end.
    fn note_close(&self, (n, end): At) {
        let mut all = self.all.borrow_mut();
        let pair = &mut all[n];
        pair.deeds += 1;
        if !pair.ends[end].is_closed() {
            return;
        }
        pair.ends[end].flow.shut = true;
        let to_here = &pair.ends[1 - end].flow;
        pair.broken |= to_here.read < to_here.written;
        if pair.ends.iter().all(End::is_closed) {
            self.pairs.borrow_mut().retain(|&number| number != n);
        }
    }

    pub fn has_ended(&self, (pair, end): At) -> bool {
        self.all.borrow()[pair].ends[1 - end].flow.ended
    }

    /// A task that waits for bytes, or for their end, which have been sent to it.
    pub fn starves(&self) -> Option<(At, Work)> {
        let (all, tasks) = (self.all.borrow(), self.tasks.borrow());
        let starves = |at: &At, work: &Work| {
            let reads = matches!(work, Work::Read(_) | Work::ReadAmongOthers(_) | Work::AwaitReadable);
            let pair = &all[at.0];
            let flow = &pair.ends[1 - at.1].flow;
            reads && !pair.broken && (flow.shut || flow.read < flow.written)
        };
        let mut waiting = tasks.iter().filter(|(.., task)| !task.is_finished());
        waiting.find(|(at, work, _)| starves(at, work)).map(|(at, work, _)| (*at, *work))
    }

    /// For the report of those who never come to an end.
    pub fn waiting(&self) -> Vec<(At, Option<Work>)> {
        let readers = self.sockets().into_iter().filter(|(at, _)| !self.has_ended(*at));
        let readers = readers.map(|(at, _)| (at, None));
        let tasks = self.tasks.borrow();
        let tasks = tasks.iter().filter(|(.., task)| !task.is_finished()).map(|(at, work, _)| (*at, *work));
        readers.chain(self.last.take().into_iter().chain(tasks).map(|(at, work)| (at, Some(work)))).collect()
    }

    /// After the end: of each connection that was not broken, all has arrived.
    pub fn check_ends(&self) -> Result<(), String> {
        for ((n, end), socket) in self.sockets() {
            socket.close_without_a_rest();
            let pair = &self.all.borrow()[n];
            let flow = &pair.ends[1 - end].flow;
            if !pair.broken && flow.read != flow.written {
                return Err(format!("connection {n}, to end {end}: not all has arrived: {flow:?}"));
            }
        }
        Ok(())
    }
}

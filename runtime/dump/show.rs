//! The text form of a dump, with one line for each task. Text that a program or a peer has chosen
//! is escaped.

use std::fmt::{Display, Formatter, Result};

use super::{Dump, ForeignWait, SocketDump, SocketKind, TaskDump, TaskKind, TaskState, Wait};
use crate::engine::interest::Interest;

impl Display for Dump {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let count = |state| self.tasks.iter().filter(|task| task.state == state).count();
        write!(
            f,
            "{} tasks ({} waiting, {} ready, {} finished), {} timers, {} registrations, {} turns, {} polls",
            self.tasks.len(),
            count(TaskState::Waiting),
            count(TaskState::Ready),
            count(TaskState::Finished),
            self.metrics.timers,
            self.metrics.registrations,
            self.metrics.turns,
            self.metrics.polls,
        )?;
        self.tasks.iter().try_for_each(|task| write!(f, "\n{task}"))?;
        self.foreign.iter().try_for_each(|wait| write!(f, "\n{wait}"))
    }
}

impl Display for TaskDump {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self.kind {
            TaskKind::Task => write!(f, "task {}", self.id)?,
            TaskKind::BlockOn => f.write_str("block_on")?,
            TaskKind::Source => write!(f, "source {}", self.id)?,
        }
        if let Some(name) = &self.name {
            write!(f, " {name:?}")?;
        }
        if let Some(place) = self.place {
            let verb = if self.kind == TaskKind::Task { "spawned at" } else { "at" };
            write!(f, " ({verb} {}:{})", place.file(), place.line())?;
        }
        match self.state {
            TaskState::Waiting => f.write_str(" waits for: ")?,
            TaskState::Ready if self.waits.is_empty() => f.write_str(" is ready")?,
            TaskState::Ready => f.write_str(" is ready, and has waited for: ")?,
            TaskState::Finished => f.write_str(" has finished, its output was not taken")?,
        }
        for (index, wait) in self.waits.iter().enumerate() {
            write!(f, "{}{wait}", if index == 0 { "" } else { "; " })?;
        }
        if let Some(polls) = self.polls {
            write!(f, ". Polled {polls} time{}", if polls == 1 { "" } else { "s" })?;
            self.polled_for.map_or(Ok(()), |time| write!(f, " for {time:.1?}"))?;
        }
        self.future.map_or(Ok(()), |future| write!(f, ". Future: {future}"))
    }
}

impl Display for Wait {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Wait::Socket { socket, interest: Interest::Readable } => write!(f, "{socket} readable"),
            Wait::Socket { socket, interest: Interest::Writable } => write!(f, "{socket} writable"),
            Wait::Timer { deadline: None, .. } => f.write_str("timer that never fires"),
            Wait::Timer { left, .. } => write!(f, "timer in {left:.1?}"),
            Wait::Join(id) => write!(f, "the end of task {id}"),
            Wait::Foreign => f.write_str("an event outside the runtime (a channel, a lock, another thread)"),
        }
    }
}

impl Display for ForeignWait {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self.task {
            Some(id) => write!(f, "task {id} of another runtime waits for: {}", self.wait),
            None => write!(f, "a waker of another crate waits for: {}", self.wait),
        }
    }
}

impl Display for SocketDump {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(match self.kind {
            SocketKind::Tcp => "tcp",
            SocketKind::Udp => "udp",
            SocketKind::Unix => "unix",
            SocketKind::UnixDatagram => "unix datagram",
            SocketKind::Other => "descriptor",
        })?;
        if let Some(local) = &self.local {
            write!(f, " {}", local.escape_debug())?;
        }
        if let Some(peer) = &self.peer {
            write!(f, " <-> {}", peer.escape_debug())?;
        }
        // The number identifies the object if the object has no address.
        match self.number {
            Some(number) if self.local.is_none() && self.peer.is_none() => write!(f, " {number}"),
            _ => Ok(()),
        }
    }
}

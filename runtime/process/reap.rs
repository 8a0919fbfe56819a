//! The owner that receives a child's status, so that no zombie stays: first the handle, then a
//! task, then a thread.

use std::io;
use std::process::{Child, ExitStatus};
use std::rc::Rc;

use super::end::wait_for_end;
use crate::engine::context;
use crate::engine::core::Core;
use crate::engine::inbox::Hold;
use crate::task;
use crate::unblock;

/// A child as its handle owns it.
pub(super) struct Process {
    orphan: Orphan,
    state: State,
    core: Rc<Core>,
    pub(super) kill_on_drop: bool,
}

/// A child's status, as far as it is known.
enum State {
    Running,
    /// The status was received. From then on the child's number may be another's.
    Ended(ExitStatus),
    /// Another part of the program has taken the status. The number may be another's, too.
    Lost,
}

impl Process {
    pub(super) fn new(child: Child, core: Rc<Core>, kill_on_drop: bool) -> Process {
        Process { orphan: Orphan(Some(child)), state: State::Running, core, kill_on_drop }
    }

    /// std's own handle.
    pub(super) fn child(&mut self) -> &mut Child {
        self.orphan.child()
    }

    pub(super) fn id(&self) -> Option<u32> {
        let child = self.orphan.0.as_ref()?;
        matches!(self.state, State::Running).then(|| child.id())
    }

    /// Does nothing to a child whose status was received: its number may be another's by now.
    pub(super) fn kill(&mut self) -> io::Result<()> {
        if self.is_running()? { self.child().kill() } else { Ok(()) }
    }

    /// Whether its number still names it. Only a `try_wait` tells whether another has taken the
    /// status.
    fn is_running(&mut self) -> io::Result<bool> {
        match self.try_wait() {
            Ok(status) => Ok(status.is_none()),
            Err(_) if matches!(self.state, State::Lost) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Sends a signal; `false` if the child has ended.
    #[cfg(unix)]
    pub(super) fn signal(&mut self, number: i32) -> io::Result<bool> {
        use rustix::process::{Pid, Signal, kill_process};
        if !self.is_running()? {
            return Ok(false);
        }
        let Some(signal) = Signal::from_named_raw(number) else {
            let text = format!("{number} is no signal with a name, and others can't be sent");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        };
        kill_process(Pid::from_child(self.child()), signal)?;
        Ok(true)
    }

    pub(super) fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        match self.state {
            State::Running => {
                let status = self.child().try_wait();
                self.note(status)
            }
            State::Ended(status) => Ok(Some(status)),
            State::Lost => Err(lost()),
        }
    }

    fn note(&mut self, status: io::Result<Option<ExitStatus>>) -> io::Result<Option<ExitStatus>> {
        match status {
            Ok(Some(status)) => self.state = State::Ended(status),
            Err(ref error) if is_lost(error) => {
                self.state = State::Lost;
                return Err(lost());
            }
            _ => {}
        }
        status
    }

    pub(super) async fn wait(&mut self) -> io::Result<ExitStatus> {
        if let Some(status) = self.try_wait()? {
            return Ok(status);
        }
        // A stopped clock waits for a child that a task waits for.
        let _hold = context::current().map(|core| Hold::new(&core.inbox));
        let status = wait_for_end(self.orphan.child()).await;
        let status = self.note(status.map(Some))?;
        Ok(status.expect("it was waited for"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.core.is_inherited() {
            return; // it is the child of another process
        }
        if self.kill_on_drop {
            let _ = self.kill(); // fails for a child that has become another user's
        }
        // After an error there is no status left to receive.
        if !matches!(self.try_wait(), Ok(None)) {
            self.orphan.0 = None;
            return;
        }
        let orphan = Orphan(self.orphan.0.take());
        if self.core.is_closed() || !self.core.tasks.has_room() {
            return; // the orphan's drop starts a thread
        }
        drop(task::spawn_on(self.core.clone(), orphan.reap())); // detached
    }
}

/// `ECHILD`: there is no such child, or its status was taken.
fn is_lost(error: &io::Error) -> bool {
    #[cfg(unix)]
    return error.raw_os_error() == Some(libc::ECHILD);
    #[cfg(windows)]
    {
        let _ = error; // a handle keeps the status
        false
    }
}

fn lost() -> io::Error {
    let text = "the child has ended, but something else in this program has taken its status \
                (or has the system discard it)";
    io::Error::new(io::ErrorKind::NotFound, text)
}

/// A child whose status was not received yet. If it is dropped, a thread waits for the status.
struct Orphan(Option<Child>);

impl Orphan {
    fn child(&mut self) -> &mut Child {
        self.0.as_mut().expect("only its drop takes it")
    }

    /// The task of a child whose handle was dropped. If it fails, or is dropped with its runtime, a
    /// thread waits.
    async fn reap(mut self) {
        if wait_for_end(self.child()).await.is_ok() {
            self.0 = None;
        }
    }
}

impl Drop for Orphan {
    fn drop(&mut self) {
        let Some(mut child) = self.0.take() else { return };
        if matches!(child.try_wait(), Ok(None)) {
            let _ = unblock::detach(move || drop(child.wait())); // without a thread a zombie stays
        }
    }
}

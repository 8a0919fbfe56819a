//! The receivers of a child's status, so that no zombie remains. The handle is the first receiver,
//! a task is the second, and a thread is the third.

use std::io;
use std::process::{Child, ExitStatus};
use std::rc::Rc;

use super::end::wait_for_end;
use crate::engine::context;
use crate::engine::core::Core;
use crate::engine::happening::Happening;
use crate::engine::inbox::Hold;
use crate::task;
use crate::unblock;

/// The child that a handle owns.
pub(super) struct Process {
    orphan: Orphan,
    state: State,
    core: Rc<Core>,
    pub(super) kill_on_drop: bool,
}

/// The known part of a child's status.
enum State {
    Running,
    /// The status was received. The system may have given the process id to another process.
    Ended(ExitStatus),
    /// Another part of the program has received the status. The process id may belong to another
    /// process, too.
    Lost,
}

impl Process {
    pub(super) fn new(child: Child, core: Rc<Core>, kill_on_drop: bool) -> Process {
        Process { orphan: Orphan(Some(child)), state: State::Running, core, kill_on_drop }
    }

    /// Returns the handle of std.
    pub(super) fn child(&mut self) -> &mut Child {
        self.orphan.child()
    }

    pub(super) fn id(&self) -> Option<u32> {
        let child = self.orphan.0.as_ref()?;
        matches!(self.state, State::Running).then(|| child.id())
    }

    /// Kills the child, unless its status was received. The process id may then belong to another
    /// process.
    pub(super) fn kill(&mut self) -> io::Result<()> {
        if self.is_running()? { self.child().kill() } else { Ok(()) }
    }

    /// Returns whether the process id still belongs to the child. Only a `try_wait` shows whether
    /// another part of the program has received the status.
    fn is_running(&mut self) -> io::Result<bool> {
        match self.try_wait() {
            Ok(status) => Ok(status.is_none()),
            Err(_) if matches!(self.state, State::Lost) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Sends a signal. Returns `false` if the child has ended.
    #[cfg(unix)]
    pub(super) fn signal(&mut self, number: i32) -> io::Result<bool> {
        use rustix::process::{Pid, Signal, kill_process};
        if !self.is_running()? {
            return Ok(false);
        }
        let Some(signal) = Signal::from_named_raw(number) else {
            let text = format!("signal {number} has no name, and only signals with a name can be sent");
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
            Ok(Some(status)) => {
                let process = self.child().id();
                context::tell(|_| Happening::ChildEnded { process });
                self.state = State::Ended(status);
            }
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
        // A stopped clock does not jump while a task waits for a child.
        let _hold = context::current().map(|core| Hold::new(&core.inbox));
        let status = wait_for_end(self.orphan.child()).await;
        let status = self.note(status.map(Some))?;
        Ok(status.expect("it was waited for"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.core.is_inherited() {
            return; // the child belongs to the process before the fork
        }
        if self.kill_on_drop {
            let _ = self.kill(); // fails for a child that has changed its user
        }
        // After an error there is no status left to receive.
        if !matches!(self.try_wait(), Ok(None)) {
            self.orphan.0 = None;
            return;
        }
        let orphan = Orphan(self.orphan.0.take());
        if self.core.is_closed() || !self.core.tasks.has_room() {
            return; // the drop of the orphan starts a thread
        }
        drop(task::spawn_on(self.core.clone(), orphan.reap())); // detached
    }
}

/// Returns whether the error is `ECHILD`: the child does not exist, or its status was received
/// elsewhere.
fn is_lost(error: &io::Error) -> bool {
    #[cfg(unix)]
    return error.raw_os_error() == Some(libc::ECHILD);
    #[cfg(windows)]
    {
        let _ = error; // a handle on Windows keeps the status
        false
    }
}

fn lost() -> io::Error {
    let text = "the child has ended, but another part of this program has received its status \
                (or ignores SIGCHLD, so that the system discards it)";
    io::Error::new(io::ErrorKind::NotFound, text)
}

/// A child whose status is not received yet. After its drop, a thread waits for the status.
struct Orphan(Option<Child>);

impl Orphan {
    fn child(&mut self) -> &mut Child {
        self.0.as_mut().expect("only its drop takes it")
    }

    /// The future of the task that waits after the handle was dropped. If the task fails, or is
    /// dropped with its runtime, a thread waits.
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
            let _ = unblock::detach(move || drop(child.wait())); // if no thread can start, the zombie remains
        }
    }
}

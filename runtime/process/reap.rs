//! Whose it is to ask for a child's status, so that no zombie stays: the handle's, then a task's, then a thread's.

use std::io;
use std::process::{Child, ExitStatus};
use std::rc::Rc;

use super::end::{Way, end_of};
use crate::runtime::Core;
use crate::task;

/// A child as its handle owns it.
pub(super) struct Process {
    orphan: Orphan,
    /// Known once the child was asked. From then on its number may be another's.
    status: Option<ExitStatus>,
    core: Rc<Core>,
    way: Way,
    pub(super) kill_on_drop: bool,
}

impl Process {
    pub(super) fn new(child: Child, core: Rc<Core>, way: Way, kill_on_drop: bool) -> Process {
        Process { orphan: Orphan(Some(child)), status: None, core, way, kill_on_drop }
    }

    /// std's own handle.
    pub(super) fn child(&mut self) -> &mut Child {
        self.orphan.child()
    }

    pub(super) fn id(&self) -> Option<u32> {
        let child = self.orphan.0.as_ref()?;
        self.status.is_none().then(|| child.id())
    }

    /// Does nothing to a child that was asked already: its number may be another's by now.
    pub(super) fn kill(&mut self) -> io::Result<()> {
        if self.status.is_some() { Ok(()) } else { self.child().kill() }
    }

    pub(super) fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        if self.status.is_none() {
            self.status = self.child().try_wait()?;
        }
        Ok(self.status)
    }

    pub(super) async fn wait(&mut self) -> io::Result<ExitStatus> {
        if let Some(status) = self.try_wait()? {
            return Ok(status);
        }
        let status = end_of(self.orphan.child(), self.way).await?;
        self.status = Some(status);
        Ok(status)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.kill_on_drop {
            let _ = self.kill(); // fails for one that runs as somebody else now; it is reaped all the same
        }
        // On an error there is nothing to be asked for: somebody else has done it.
        if !matches!(self.try_wait(), Ok(None)) {
            self.orphan.0 = None;
            return;
        }
        let orphan = Orphan(self.orphan.0.take());
        if self.core.is_closed() || !self.core.tasks.borrow().has_room() {
            return; // and the orphan finds its thread
        }
        drop(task::spawn_on(&self.core, orphan.reap(self.way))); // detached
    }
}

/// A child that nobody asked yet. Dropping it leaves it to a thread.
struct Orphan(Option<Child>);

impl Orphan {
    fn child(&mut self) -> &mut Child {
        self.0.as_mut().expect("taken only when it is dropped")
    }

    /// The task of a child whose handle is gone. If this fails, or is dropped with its runtime, a thread takes over.
    async fn reap(mut self, way: Way) {
        if end_of(self.child(), way).await.is_ok() {
            self.0 = None;
        }
    }
}

impl Drop for Orphan {
    fn drop(&mut self) {
        let Some(mut child) = self.0.take() else { return };
        if matches!(child.try_wait(), Ok(None)) {
            blocking::unblock(move || child.wait()).detach();
        }
    }
}

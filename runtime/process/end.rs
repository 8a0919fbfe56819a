//! How the loop hears that a child has ended.
//!
//! On Linux a child has a descriptor that becomes readable at its end (`pidfd_open`, since 5.3), which the loop
//! watches like any other. Other Unix systems say only that *some* child has ended, with `SIGCHLD`; so
//! does Linux where it has no such descriptor to give. On Windows the child's handle is waited for.
//!
//! Either way the status itself comes from std's `try_wait`, which remembers it.

use std::io;
use std::process::{Child, ExitStatus};

/// The way by which a child's end is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// The best that the system has.
    Best,
    /// `SIGCHLD`, also where there is better.
    #[cfg(unix)]
    Signal,
}

/// Waits until a child has ended, and asks for its status.
///
/// What this waits with lives no longer than the future: a child that nobody waits for costs no descriptor, and
/// one whose waiting is broken off loses nothing. The price is four system calls for each call.
///
/// # Cancel safety
///
/// Cancel safe: the status is returned in the poll in which it was asked for.
pub(super) async fn end_of(child: &mut Child, way: Way) -> io::Result<ExitStatus> {
    #[cfg(unix)]
    {
        crate::engine::context::require("a oneloop child was waited for");
        #[cfg(target_os = "linux")]
        if way == Way::Best
            && let Some(end) = watch(child)
        {
            return by_descriptor(child, end).await;
        }
        let _ = way;
        by_signal(child).await
    }
    #[cfg(windows)]
    {
        let Way::Best = way;
        by_handle(child).await
    }
}

/// A descriptor that becomes readable at the child's end. `None` if the kernel doesn't know such (`ENOSYS`), may not
/// give one (`EPERM`, in some sandboxes), or has none left (`EMFILE`): there is another way.
#[cfg(target_os = "linux")]
fn watch(child: &Child) -> Option<crate::io::source::Source<std::os::fd::OwnedFd>> {
    use rustix::process::{Pid, PidfdFlags, pidfd_open};
    // The number is this child's as long as its status was not asked for.
    let end = pidfd_open(Pid::from_child(child), PidfdFlags::empty()).ok()?;
    crate::io::source::Source::new(end).ok()
}

#[cfg(target_os = "linux")]
async fn by_descriptor(
    child: &mut Child,
    end: crate::io::source::Source<std::os::fd::OwnedFd>,
) -> io::Result<ExitStatus> {
    // `WouldBlock` if it has ended but can't be asked yet, as when a debugger comes first: then there is
    // another event.
    let ask = |_: &_| child.try_wait()?.ok_or_else(|| io::ErrorKind::WouldBlock.into());
    end.async_io(crate::engine::interest::Interest::Readable, ask).await
}

#[cfg(unix)]
async fn by_signal(child: &mut Child) -> io::Result<ExitStatus> {
    use crate::signal::{Signal, SignalKind};
    // First to listen, then to look: an end in between is heard.
    let mut some_child_ended = Signal::new(SignalKind::CHILD)?;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        some_child_ended.recv().await?;
    }
}

#[cfg(windows)]
async fn by_handle(child: &mut Child) -> io::Result<ExitStatus> {
    use std::os::windows::io::AsHandle;
    let end = async_io::os::windows::Waitable::new(child.as_handle().try_clone_to_owned()?)?;
    loop {
        end.ready().await?;
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
    }
}

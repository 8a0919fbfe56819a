//! How the loop waits for the end of a child.
//!
//! | system | what becomes ready |
//! |---|---|
//! | Linux since 5.3 | a descriptor of the child (`pidfd_open`), watched like a socket |
//! | Linux that has none to give, other Unix systems | a listener of `SIGCHLD`, which says only that *some* child has ended |
//! | Windows | the child's handle |
//!
//! `--cfg oneloop_wait_by_signal` makes Linux wait by `SIGCHLD`, too, so that the suite runs that
//! code there. On every system the status itself comes from std's `try_wait`, which remembers it.

use std::io;
use std::process::{Child, ExitStatus};

#[cfg(all(target_os = "linux", not(oneloop_wait_by_signal)))]
use crate::engine::interest::Interest;
#[cfg(all(target_os = "linux", not(oneloop_wait_by_signal)))]
use crate::io::source::Source;

/// Waits until a child has ended, and returns its status.
///
/// The wait owns the descriptor that it waits with: a child without a wait costs none, and a wait
/// that is dropped gives it back. The price is four system calls for each wait.
///
/// # Cancel safety
///
/// Cancel safe: the status is returned in the poll in which it was received.
pub(super) async fn wait_for_end(child: &mut Child) -> io::Result<ExitStatus> {
    #[cfg(unix)]
    crate::engine::context::require("a oneloop child was waited for");
    #[cfg(all(target_os = "linux", not(oneloop_wait_by_signal)))]
    if let Some(end) = descriptor_of(child) {
        // `WouldBlock` if the child has ended but a debugger receives the status first: then
        // another event follows.
        let status = |_: &_| child.try_wait()?.ok_or_else(|| io::ErrorKind::WouldBlock.into());
        return end.async_io(Interest::Readable, status).await;
    }
    // The listener comes before the first `try_wait`, so that an end in between is an event.
    #[cfg(unix)]
    let mut end = crate::signal::Signal::new(crate::signal::SignalKind::CHILD)?;
    #[cfg(windows)]
    let end = {
        use std::os::windows::io::AsHandle;
        async_io::os::windows::Waitable::new(child.as_handle().try_clone_to_owned()?)?
    };
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        #[cfg(unix)]
        end.recv().await?;
        #[cfg(windows)]
        end.ready().await?;
    }
}

/// A descriptor that becomes readable at the child's end. `None` if the kernel has no such call
/// (`ENOSYS`), refuses it (`EPERM`, in some sandboxes) or has no descriptor left (`EMFILE`).
#[cfg(all(target_os = "linux", not(oneloop_wait_by_signal)))]
fn descriptor_of(child: &Child) -> Option<Source<std::os::fd::OwnedFd>> {
    use rustix::process::{Pid, PidfdFlags, pidfd_open};
    // The number names this child until `try_wait` has returned its status.
    let descriptor = pidfd_open(Pid::from_child(child), PidfdFlags::empty()).ok()?;
    Source::new(descriptor).ok()
}

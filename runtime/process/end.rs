//! The loop's wait for the end of a child.
//!
//! | system | source of the event |
//! |---|---|
//! | Linux since 5.3 | a descriptor of the child (`pidfd_open`), watched like a socket |
//! | Linux without such a descriptor, other Unix systems | a listener of `SIGCHLD`, which reports only that *some* child has ended |
//! | Windows | the child's handle |
//!
//! `--cfg oneloop_wait_by_signal` makes Linux wait by `SIGCHLD`, too, so that the suite tests this
//! code on Linux. On every system the status itself comes from std's `try_wait`, which stores the
//! status.

use std::io;
use std::process::{Child, ExitStatus};

#[cfg(all(target_os = "linux", not(oneloop_wait_by_signal)))]
use crate::engine::interest::Interest;
#[cfg(all(target_os = "linux", not(oneloop_wait_by_signal)))]
use crate::io::source::Source;

/// Waits until a child ends, and returns its status.
///
/// The wait owns the descriptor. So a child without a wait costs no descriptor, and the drop of a
/// wait closes the descriptor. The price is four system calls for each wait.
///
/// # Cancel safety
///
/// The future is cancel safe: the poll that receives the status also returns it.
pub(super) async fn wait_for_end(child: &mut Child) -> io::Result<ExitStatus> {
    #[cfg(unix)]
    crate::engine::context::require("a oneloop child was waited for");
    #[cfg(all(target_os = "linux", not(oneloop_wait_by_signal)))]
    if let Some(end) = descriptor_of(child) {
        // `WouldBlock` means that the child has ended and that a debugger receives the status
        // first. Another event follows.
        let status = |_: &_| child.try_wait()?.ok_or_else(|| io::ErrorKind::WouldBlock.into());
        return end.async_io(Interest::Readable, status).await;
    }
    // The listener exists before the first `try_wait`, so that an end between the two is an event.
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

/// Returns a descriptor that becomes readable at the child's end. The result is `None` if the
/// kernel has no such call (`ENOSYS`), refuses the call (`EPERM`, in some sandboxes) or has no
/// descriptor left (`EMFILE`).
#[cfg(all(target_os = "linux", not(oneloop_wait_by_signal)))]
fn descriptor_of(child: &Child) -> Option<Source<std::os::fd::OwnedFd>> {
    use rustix::process::{Pid, PidfdFlags, pidfd_open};
    // The process id belongs to this child until `try_wait` has returned its status.
    let descriptor = pidfd_open(Pid::from_child(child), PidfdFlags::empty()).ok()?;
    Source::new(descriptor).ok()
}

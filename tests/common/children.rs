//! What the tests of child processes share.

use std::time::{Duration, Instant};

use oneloop::process::{Child, Command, Stdio};
use oneloop::time::sleep;

use crate::sockets::{LIMIT, uninterrupted, within};

/// A shell that runs a script.
pub fn sh(script: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", script]);
    command
}

/// A child that ends when its input does.
pub fn cat() -> Command {
    let mut command = Command::new("cat");
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

/// Whether a wait is by `SIGCHLD`: on Linux only if the library is built so, or if the system knows no
/// `pidfd_open`, as under valgrind.
pub fn waits_by_signal() -> bool {
    #[cfg(all(target_os = "linux", not(oneloop_wait_by_signal)))]
    {
        use std::os::fd::{FromRawFd, OwnedFd};
        // SAFETY: a call without pointers.
        let descriptor = unsafe { libc::syscall(libc::SYS_pidfd_open, std::process::id(), 0) };
        if descriptor >= 0 {
            // SAFETY: the system has just given it to us.
            drop(unsafe { OwnedFd::from_raw_fd(descriptor as i32) });
            return false;
        }
    }
    true
}

pub fn pid_of(child: &Child) -> libc::pid_t {
    child.id().expect("its status is not known yet") as libc::pid_t
}

/// Whether the system has still a process of this number, be it a zombie.
pub fn exists(pid: libc::pid_t) -> bool {
    // SAFETY: a call without pointers; signal 0 is none.
    unsafe { libc::kill(pid, 0) == 0 }
}

/// Waits until a child has ended, without asking for its status: it is a zombie then.
pub fn wait_until_ended(pid: libc::pid_t) {
    // SAFETY: all-zero bytes are a valid `siginfo_t`.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    let waited = uninterrupted(|| {
        // SAFETY: the pointer is to a `siginfo_t` that lives during the call.
        match unsafe { libc::waitid(libc::P_PID, pid as _, &mut info, libc::WEXITED | libc::WNOWAIT) } {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        }
    });
    waited.expect("it is a child of ours");
}

/// Waits until no process of this number is left, not even a zombie, while the loop goes on.
pub async fn wait_until_reaped(pid: libc::pid_t) {
    within(async {
        while exists(pid) {
            sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}

/// The same without a loop.
pub fn wait_until_reaped_without_a_loop(pid: libc::pid_t) {
    let end = Instant::now() + LIMIT;
    while exists(pid) {
        assert!(Instant::now() < end, "process {pid} is there still");
        std::thread::sleep(Duration::from_millis(1));
    }
}

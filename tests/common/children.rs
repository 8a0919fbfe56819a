//! What the tests of child processes share.

use std::time::{Duration, Instant};

use oneloop::process::{Child, Command, Stdio};
use oneloop::time::sleep;

use crate::sockets::{LIMIT, uninterrupted, within};

/// How a child's end is heard: as is best on this system, or by `SIGCHLD`.
#[derive(Clone, Copy, Debug)]
pub enum Way {
    Best,
    Signal,
}

pub const BOTH: [Way; 2] = [Way::Best, Way::Signal];

impl Way {
    pub fn command(self, program: &str) -> Command {
        let mut command = Command::new(program);
        if let Way::Signal = self {
            command.wait_by_signal();
        }
        command
    }

    /// A shell that runs a script.
    pub fn sh(self, script: &str) -> Command {
        let mut command = self.command("/bin/sh");
        command.args(["-c", script]);
        command
    }

    /// A child that ends when its input does.
    pub fn cat(self) -> Command {
        let mut command = self.command("cat");
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        command
    }
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
pub async fn gone(pid: libc::pid_t) {
    within(async {
        while exists(pid) {
            sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}

/// The same without a loop.
pub fn gone_without_a_loop(pid: libc::pid_t) {
    let end = Instant::now() + LIMIT;
    while exists(pid) {
        assert!(Instant::now() < end, "process {pid} is there still");
        std::thread::sleep(Duration::from_millis(1));
    }
}

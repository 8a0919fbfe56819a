//! The state, the system call and the CPU time of a thread, as the operating system reports them.
//! Only Linux is supported, with the files under `/proc`.

use std::time::Duration;

/// The operating system's number of a thread.
#[derive(Clone, Copy)]
pub(super) struct OsThread {
    pub(super) number: u32,
}

/// The known facts about a thread at one moment. A fact that the system does not report is `None`.
#[derive(Default)]
pub(super) struct Reading {
    pub(super) state: Option<&'static str>,
    pub(super) system_call: Option<String>,
    pub(super) cpu_time: Option<Duration>,
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
impl OsThread {
    pub(super) fn current() -> Option<OsThread> {
        None
    }

    pub(super) fn cpu_time(self) -> Option<Duration> {
        None
    }

    pub(super) fn read(self) -> Reading {
        Reading::default()
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
impl OsThread {
    /// Returns this thread. The thread's number is the last part of a link such as
    /// `4242/task/4243`.
    pub(super) fn current() -> Option<OsThread> {
        let link = std::fs::read_link("/proc/thread-self").ok()?;
        let number = link.file_name()?.to_str()?.parse().ok()?;
        Some(OsThread { number })
    }

    fn file(self, name: &str) -> Option<String> {
        std::fs::read_to_string(format!("/proc/self/task/{}/{name}", self.number)).ok()
    }

    /// Returns the time that the thread has run, in user and kernel mode.
    pub(super) fn cpu_time(self) -> Option<Duration> {
        let scheduled = self.file("schedstat");
        let nanoseconds = scheduled.and_then(|text| text.split_ascii_whitespace().next()?.parse().ok());
        // A kernel without this file has only ticks.
        nanoseconds.map(Duration::from_nanos).or_else(|| ticks(&self.file("stat")?))
    }

    pub(super) fn read(self) -> Reading {
        Reading {
            state: self.file("stat").as_deref().and_then(state),
            system_call: self.file("syscall").as_deref().and_then(system_call),
            cpu_time: self.cpu_time(),
        }
    }
}

/// Returns the fields of `/proc/…/stat` from the third on. The second field is the thread's name in
/// parentheses, which may contain the bytes that separate fields.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn fields(stat: &str) -> Option<std::str::SplitAsciiWhitespace<'_>> {
    Some(stat.rsplit_once(')')?.1.split_ascii_whitespace())
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn state(stat: &str) -> Option<&'static str> {
    Some(match fields(stat)?.next()? {
        "R" => "runs",
        "S" => "sleeps",
        "D" => "sleeps and can't be interrupted (it waits for a disk or a device)",
        "T" => "is stopped by a signal",
        "t" => "is stopped by a debugger",
        "Z" | "X" | "x" => "has ended",
        "I" => "is idle",
        _ => return None,
    })
}

/// Returns the sum of the fields 14 and 15, which count hundredths of a second.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn ticks(stat: &str) -> Option<Duration> {
    let mut times = fields(stat)?.skip(11).take(2).map(str::parse::<u64>);
    let (user, kernel) = (times.next()?.ok()?, times.next()?.ok()?);
    Some(Duration::from_millis(user.saturating_add(kernel).saturating_mul(10)))
}

/// Returns the name of the system call in `/proc/…/syscall`. The file begins with the call's number
/// or with `running`. The number −1 means that the thread is in no call.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn system_call(text: &str) -> Option<String> {
    /// The calls in which a stuck thread most probably is, and which all processors have.
    const CALLS: [(libc::c_long, &str); 24] = [
        (libc::SYS_futex, "futex"),
        (libc::SYS_nanosleep, "nanosleep"),
        (libc::SYS_clock_nanosleep, "clock_nanosleep"),
        (libc::SYS_read, "read"),
        (libc::SYS_readv, "readv"),
        (libc::SYS_pread64, "pread64"),
        (libc::SYS_write, "write"),
        (libc::SYS_writev, "writev"),
        (libc::SYS_pwrite64, "pwrite64"),
        (libc::SYS_openat, "openat"),
        (libc::SYS_fsync, "fsync"),
        (libc::SYS_fdatasync, "fdatasync"),
        (libc::SYS_flock, "flock"),
        (libc::SYS_fcntl, "fcntl"),
        (libc::SYS_connect, "connect"),
        (libc::SYS_accept4, "accept4"),
        (libc::SYS_recvfrom, "recvfrom"),
        (libc::SYS_recvmsg, "recvmsg"),
        (libc::SYS_sendto, "sendto"),
        (libc::SYS_sendmsg, "sendmsg"),
        (libc::SYS_ppoll, "ppoll"),
        (libc::SYS_epoll_pwait, "epoll_pwait"),
        (libc::SYS_wait4, "wait4"),
        (libc::SYS_waitid, "waitid"),
    ];
    let number: libc::c_long = text.split_ascii_whitespace().next()?.parse().ok()?;
    if number < 0 {
        return None;
    }
    let name = CALLS.iter().find(|(known, _)| *known == number).map(|(_, name)| (*name).to_owned());
    // Not all processors have these three calls.
    #[cfg(target_arch = "x86_64")]
    let name = name.or_else(|| {
        let calls =
            [(libc::SYS_poll, "poll"), (libc::SYS_epoll_wait, "epoll_wait"), (libc::SYS_select, "select")];
        calls.iter().find(|(known, _)| *known == number).map(|(_, name)| (*name).to_owned())
    });
    Some(name.unwrap_or_else(|| number.to_string()))
}

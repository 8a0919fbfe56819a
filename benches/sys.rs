//! Safe wrappers of the system calls of Linux that the standard library lacks.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

/// Turns the result `-1` of a system call into the error of `errno`.
pub fn checked(result: libc::c_int) -> io::Result<libc::c_int> {
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// Returns the numbers of the cores on which this process may run.
pub fn cores() -> io::Result<Vec<usize>> {
    let mut set = MaybeUninit::<libc::cpu_set_t>::zeroed();
    // SAFETY: the kernel writes at most the given size, which is that of the set.
    checked(unsafe { libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), set.as_mut_ptr()) })?;
    // SAFETY: a set of all zeros is valid (and empty), and the kernel has overwritten it with a valid
    // set.
    let set = unsafe { set.assume_init() };
    // SAFETY: the number is below the size of the set.
    let allowed = |core: &usize| unsafe { libc::CPU_ISSET(*core, &set) };
    Ok((0..libc::CPU_SETSIZE as usize).filter(allowed).collect())
}

/// Pins the calling thread, and the threads that it starts later, to one core.
pub fn pin_to(core: usize) -> io::Result<()> {
    let mut set = MaybeUninit::<libc::cpu_set_t>::zeroed();
    // SAFETY: a set of all zeros is valid and empty.
    let set = unsafe { set.assume_init_mut() };
    assert!(core < libc::CPU_SETSIZE as usize);
    // SAFETY: the number is below the size of the set.
    unsafe { libc::CPU_SET(core, set) };
    // SAFETY: the kernel reads the set, and the given size is that of the set.
    checked(unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), set) })?;
    Ok(())
}

/// The processor time clock of a process. It includes the user and kernel time of all threads, with a
/// resolution of nanoseconds.
#[derive(Clone, Copy)]
pub struct CpuClock(libc::clockid_t);

impl CpuClock {
    /// The clock of this process.
    pub const OWN: CpuClock = CpuClock(libc::CLOCK_PROCESS_CPUTIME_ID);

    pub fn of_process(pid: u32) -> io::Result<CpuClock> {
        let mut clock = 0;
        // SAFETY: the call writes one clock number.
        let error = unsafe { libc::clock_getcpuclockid(pid as libc::pid_t, &mut clock) };
        // This function returns its error and does not set `errno`.
        if error == 0 { Ok(CpuClock(clock)) } else { Err(io::Error::from_raw_os_error(error)) }
    }

    pub fn now(self) -> io::Result<Duration> {
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: the call writes one `timespec`.
        checked(unsafe { libc::clock_gettime(self.0, &mut time) })?;
        Ok(Duration::new(time.tv_sec as u64, time.tv_nsec as u32))
    }
}

/// Raises the number of descriptors that this process and its children may open to the hard limit, and
/// returns this number.
pub fn raise_descriptor_limit() -> io::Result<u64> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the call writes one `rlimit`.
    checked(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) })?;
    limit.rlim_cur = limit.rlim_max;
    // SAFETY: the call reads one `rlimit`.
    checked(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) })?;
    Ok(limit.rlim_cur)
}

/// Asks the kernel to end this process when its parent ends, so that no server continues after an
/// interrupted benchmark.
pub fn end_with_parent() -> io::Result<()> {
    // SAFETY: this option of `prctl` takes one number and touches no memory.
    checked(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) })?;
    Ok(())
}

/// Sets a listener to accept a connection only after its first message has arrived.
pub fn accept_with_message(listener: &impl AsFd) -> io::Result<()> {
    let seconds: libc::c_int = 10;
    let (value, size) = ((&raw const seconds).cast(), size_of::<libc::c_int>() as libc::socklen_t);
    let (level, option) = (libc::IPPROTO_TCP, libc::TCP_DEFER_ACCEPT);
    // SAFETY: the kernel reads one int, and the given size is that of an int.
    checked(unsafe { libc::setsockopt(listener.as_fd().as_raw_fd(), level, option, value, size) })?;
    Ok(())
}

/// Puts a process into the scheduling class `SCHED_BATCH`. When the process becomes ready, it does not
/// preempt the process that runs on its core.
pub fn schedule_as_batch(pid: u32) -> io::Result<()> {
    let parameters = libc::sched_param { sched_priority: 0 };
    // SAFETY: the kernel reads one `sched_param`.
    checked(unsafe { libc::sched_setscheduler(pid as libc::pid_t, libc::SCHED_BATCH, &parameters) })?;
    Ok(())
}

/// Whether the first thread of a process sleeps.
pub fn is_asleep(pid: u32) -> io::Result<bool> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The state follows the name of the program, which is in brackets and may contain any character.
    let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
    Ok(state == Some('S'))
}

/// Sends SIGTERM to a process.
pub fn terminate(pid: u32) -> io::Result<()> {
    // SAFETY: the call touches no memory.
    checked(unsafe { libc::kill(pid as libc::pid_t, libc::SIGTERM) })?;
    Ok(())
}

/// Returns the resident memory of this process, in bytes.
pub fn resident_bytes() -> io::Result<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm")?;
    let pages = statm.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok());
    let pages = pages.ok_or_else(|| io::Error::other("/proc/self/statm has an unknown form"))?;
    // SAFETY: the call touches no memory of the program.
    let page_bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    Ok(pages * page_bytes as u64)
}

/// The memory of a process, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// The pages without a file: heaps, stacks, and the pages of the program that the process has
    /// changed.
    pub anonymous: u64,
    /// All resident pages, including shared ones.
    pub resident: u64,
}

impl Memory {
    pub fn of_process(pid: u32) -> io::Result<Memory> {
        let rollup = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
        let bytes = |key: &str| {
            let line = rollup.lines().find_map(|line| line.strip_prefix(key));
            let kib = line.and_then(|rest| rest.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
            kib.map(|kib| kib * 1024).ok_or_else(|| io::Error::other("smaps_rollup has an unknown form"))
        };
        Ok(Memory { anonymous: bytes("Anonymous:")?, resident: bytes("Rss:")? })
    }
}

/// Delays the choice of a bound socket's port until it connects. Connections to different servers can
/// then share one port, and after a second also new connections to the same server.
pub fn choose_port_late(socket: &impl AsFd) -> io::Result<()> {
    let yes: libc::c_int = 1;
    let (value, size) = ((&raw const yes).cast(), size_of::<libc::c_int>() as libc::socklen_t);
    let (level, option) = (libc::IPPROTO_IP, libc::IP_BIND_ADDRESS_NO_PORT);
    // SAFETY: the kernel reads one int, and the given size is that of an int.
    checked(unsafe { libc::setsockopt(socket.as_fd().as_raw_fd(), level, option, value, size) })?;
    Ok(())
}

//! Lists the CPUs that the process may use, and binds threads to them.

/// Returns the numbers of the CPUs in the affinity mask of the calling thread. This is the mask of the
/// process unless the thread has its own. Returns `None` if the system has no such mask, or more CPUs
/// than the 1,024 of the mask.
pub(crate) fn cpus() -> Option<Vec<usize>> {
    system::cpus().filter(|cpus| !cpus.is_empty())
}

/// Returns the number of CPUs that the process may use, for a system without a list.
pub(crate) fn parallelism() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Binds the calling thread to one CPU. Returns whether the system did so.
pub(crate) fn pin(cpu: usize) -> bool {
    system::pin(cpu)
}

#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd", target_os = "dragonfly"))]
mod system {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

    pub(super) fn cpus() -> Option<Vec<usize>> {
        let set = sched_getaffinity(None).ok()?;
        Some((0..CpuSet::MAX_CPU).filter(|&cpu| set.is_set(cpu)).collect())
    }

    pub(super) fn pin(cpu: usize) -> bool {
        let mut set = CpuSet::new();
        set.set(cpu);
        sched_setaffinity(None, &set).is_ok()
    }
}

#[cfg(windows)]
mod system {
    use core_affinity::CoreId;

    pub(super) fn cpus() -> Option<Vec<usize>> {
        Some(core_affinity::get_core_ids()?.into_iter().map(|core| core.id).collect())
    }

    pub(super) fn pin(cpu: usize) -> bool {
        core_affinity::set_for_current(CoreId { id: cpu })
    }
}

/// macOS and the other BSDs have no call that binds a thread, or no maintained crate makes the call.
#[cfg(not(any(
    target_os = "linux",
    target_os = "android",
    target_os = "freebsd",
    target_os = "dragonfly",
    windows
)))]
mod system {
    pub(super) fn cpus() -> Option<Vec<usize>> {
        None
    }

    pub(super) fn pin(_cpu: usize) -> bool {
        false
    }
}

//! The look at the inbox before the loop parks, after a wake from another thread.
//!
//! A thread that wakes a task often waits for the task's answer, and then wakes the task again at once.
//! A loop that parks in between pays a price. The loop and the thread make a system call each, and the
//! operating system needs time to run the loop again. So a loop that has nothing to do first loads the
//! inbox's word repeatedly ("spins"). The loop spins once after each remote wake, for at most the time
//! that a park costs. A message that arrives during the spin finds the loop awake, and costs neither
//! thread a system call.
//!
//! A loop that spins for as long as a park costs, and then parks, pays at most twice the cost of the
//! cheaper choice (Karlin, Li, Manasse and Owicki, "Empirical Studies of Competitive Spinning for a
//! Shared-Memory Multiprocessor", SOSP 1991). In most programs the remote wakes arrive one by one, and
//! each look finds no message. So after each look without a message, the loop skips more remote wakes
//! before the next look. The numbers are 1, 3, 7, and so on, up to 63. A look that finds a message
//! resets the number to 0.
//!
//! With one CPU the other thread can't run during a look, so the loop never looks. A loop that is bound
//! to one CPU looks if other threads of the process may use other CPUs.

use std::cell::Cell;
#[cfg(target_os = "linux")]
use std::path::Path;
use std::time::{Duration, Instant};

/// The exponent of the largest number of remote wakes that are skipped, which is 2 to this power, less
/// one.
const VAIN_MAX: u32 = 6;

/// The number of loads between two readings of the clock. A reading takes as long as a few loads.
const LOADS: u32 = if cfg!(oneloop_loom) { 2 } else { 8 };

/// The bound on a look if the clock does not advance, as a multiple of `LOADS`. A load and the pause
/// after it take about 15 to 50 ns, so the clock ends a look of up to 100 µs.
const ROUNDS_MAX: u32 = if cfg!(oneloop_loom) { 0 } else { 1024 };

/// The value of `passes` if the loop never looks.
const ALL: u32 = u32::MAX;

pub(crate) struct Look {
    /// The longest time that a look takes.
    time: Duration,
    /// A remote wake has arrived since the last look.
    due: Cell<bool>,
    /// The number of looks in succession that have found no message, at most `VAIN_MAX`.
    vain: Cell<u32>,
    /// The number of remote wakes that the loop still skips.
    passes: Cell<u32>,
    /// Another thread can run during a look. The flag is `false` until the first look.
    parallel: Cell<bool>,
}

impl Look {
    /// Makes a look of at most `time`. With a time of zero the loop never looks.
    pub(crate) fn new(time: Duration) -> Look {
        Look {
            time,
            due: Cell::new(false),
            vain: Cell::new(0),
            passes: Cell::new(if time.is_zero() { ALL } else { 0 }),
            parallel: Cell::new(false),
        }
    }

    /// Notes that messages from other threads have arrived. The function returns whether a look is due
    /// because of them.
    #[inline]
    pub(crate) fn note_remote_wake(&self) -> bool {
        let passes = self.passes.get();
        match passes {
            0 => self.due.set(true),
            ALL => {}
            _ => self.passes.set(passes - 1),
        }
        passes == 0
    }

    #[inline]
    pub(crate) fn is_due(&self) -> bool {
        self.due.get()
    }

    /// Looks until `found` returns `true`, but not beyond the end of `limit`. The function subtracts
    /// the time that has passed from `limit`.
    #[cold]
    #[inline(never)]
    pub(crate) fn look(&self, limit: &mut Option<Duration>, found: impl Fn() -> bool) {
        self.due.set(false);
        let time = limit.map_or(self.time, |limit| limit.min(self.time));
        if time.is_zero() {
            return;
        }
        if !self.is_parallel() {
            return self.passes.set(ALL);
        }
        let start = Instant::now();
        for round in 0..=ROUNDS_MAX {
            for _ in 0..LOADS {
                if found() {
                    return self.vain.set(0);
                }
                std::hint::spin_loop();
            }
            let passed = start.elapsed();
            if passed >= time || round == ROUNDS_MAX {
                *limit = limit.map(|limit| limit.saturating_sub(passed));
                break;
            }
        }
        self.vain.set((self.vain.get() + 1).min(VAIN_MAX));
        self.passes.set((1 << self.vain.get()) - 1);
    }

    /// Returns whether the process may use more than one CPU. The answer is that of the first look,
    /// because a query takes some tens of microseconds to read files.
    fn is_parallel(&self) -> bool {
        let parallel = self.parallel.get()
            || cfg!(oneloop_loom)
            || std::thread::available_parallelism().is_ok_and(|cpus| cpus.get() > 1)
            || is_pinned_alone();
        self.parallel.set(parallel);
        parallel
    }
}

/// Returns whether this thread is bound to one CPU, and another thread of the process may use another
/// CPU. The number of std is that of this thread. If the thread is bound to one CPU, std returns 1,
/// even if the process may use more CPUs.
#[cfg(target_os = "linux")]
fn is_pinned_alone() -> bool {
    /// The largest number of threads that the function looks at.
    const THREADS_MAX: usize = 256;
    let cpus_of = |status: &Path| -> Option<String> {
        let status = std::fs::read_to_string(status).ok()?;
        status.lines().find_map(|line| Some(line.strip_prefix("Cpus_allowed_list:")?.trim().to_owned()))
    };
    let own = cpus_of(Path::new("/proc/thread-self/status"));
    let Some(own) = own.filter(|own| own.parse::<u32>().is_ok()) else {
        return false; // several CPUs, of which a control group's quota allows the time of one
    };
    let Ok(threads) = std::fs::read_dir("/proc/self/task") else { return false };
    let mut others = threads.take(THREADS_MAX).flatten();
    others.any(|thread| cpus_of(&thread.path().join("status")).is_some_and(|cpus| cpus != own))
}

#[cfg(not(target_os = "linux"))]
fn is_pinned_alone() -> bool {
    false
}

#[cfg(all(test, not(oneloop_loom)))]
mod tests {
    use super::*;

    const TIME: Duration = Duration::from_micros(5);

    fn parallel(time: Duration) -> Look {
        let look = Look::new(time);
        look.parallel.set(true);
        look
    }

    /// Returns how often a look loads the word if the message arrives at load number `arrival`.
    fn loads(look: &Look, mut limit: Option<Duration>, arrival: u32) -> u32 {
        let loads = Cell::new(0);
        look.look(&mut limit, || {
            loads.set(loads.get() + 1);
            loads.get() == arrival
        });
        loads.get()
    }

    #[test]
    fn a_look_ends_by_itself_and_is_made_once() {
        let look = parallel(TIME);
        assert!(!look.is_due(), "without a remote wake there is none");
        look.note_remote_wake();
        assert!(look.is_due());
        assert!(loads(&look, None, u32::MAX) >= LOADS);
        assert!(!look.is_due());
    }

    #[test]
    fn a_look_ends_on_a_clock_that_stands_still() {
        let look = parallel(Duration::MAX);
        look.note_remote_wake();
        assert_eq!(loads(&look, None, u32::MAX), (ROUNDS_MAX + 1) * LOADS);
    }

    #[test]
    fn a_message_ends_a_look_at_once() {
        let look = parallel(Duration::MAX);
        look.note_remote_wake();
        assert_eq!(loads(&look, None, 3), 3);
        look.note_remote_wake();
        assert!(look.is_due(), "a look that has found something is not in vain");
    }

    #[test]
    fn looks_in_vain_become_rare_until_one_finds_something() {
        let look = parallel(Duration::from_nanos(1));
        let mut looks = 0;
        for _ in 0..6_400 {
            look.note_remote_wake();
            if look.is_due() {
                looks += 1;
                loads(&look, None, u32::MAX);
            }
        }
        assert!((100..=106).contains(&looks), "{looks}");
        while !look.is_due() {
            look.note_remote_wake();
        }
        loads(&look, None, 1);
        look.note_remote_wake();
        assert!(look.is_due());
    }

    #[test]
    fn with_one_cpu_without_time_or_with_a_time_out_of_zero_there_is_no_look() {
        assert_eq!(loads(&parallel(TIME), Some(Duration::ZERO), u32::MAX), 0);
        let never = parallel(TIME);
        never.passes.set(ALL); // as the first look of a process with one CPU does
        for look in [never, parallel(Duration::ZERO)] {
            for _ in 0..100 {
                assert!(!look.note_remote_wake() && !look.is_due());
            }
        }
    }

    #[test]
    fn a_look_takes_its_time_from_the_time_out() {
        let mut limit = Some(Duration::from_secs(1));
        parallel(TIME).look(&mut limit, || false);
        assert!(limit.is_some_and(|limit| limit <= Duration::from_secs(1) - TIME), "{limit:?}");
    }
}

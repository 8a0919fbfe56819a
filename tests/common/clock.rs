//! The clock of the tests' threads, on Linux: this file puts its own `clock_gettime` in the place of the system's, under std's
//! `Instant`. It counts who reads the clock, and a test can stop it, move it and make it coarse.

#![allow(dead_code, reason = "each test program uses a part of it")]

use std::cell::Cell;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A clock that the test moves.
#[derive(Default)]
pub struct Manual {
    now_ns: AtomicI64,
    reads: AtomicU64,
}

impl Manual {
    /// They live for ever; a leak detector finds them in here.
    pub fn new() -> &'static Manual {
        static KEPT: Mutex<Vec<&Manual>> = Mutex::new(Vec::new());
        let manual: &'static Manual = Box::leak(Box::default());
        KEPT.lock().unwrap().push(manual);
        manual
    }

    pub fn advance(&self, by: Duration) {
        self.now_ns.fetch_add(by.as_nanos() as i64, Ordering::SeqCst);
    }

    /// How often it was read.
    pub fn reads(&self) -> u64 {
        self.reads.load(Ordering::SeqCst)
    }
}

#[derive(Clone, Copy)]
pub enum Clock {
    System,
    /// The system's, in steps of so many nanoseconds.
    Steps(i64),
    Manual(&'static Manual),
}

thread_local! {
    static CLOCK: Cell<Clock> = const { Cell::new(Clock::System) };
    static READS: Cell<u64> = const { Cell::new(0) };
}

/// The clock that this thread has from now on.
pub fn set(clock: Clock) {
    CLOCK.set(clock);
}

/// SAFETY: the name is libc's, and so are the arguments and the result.
#[unsafe(no_mangle)]
unsafe extern "C" fn clock_gettime(clock: libc::clockid_t, time: *mut libc::timespec) -> libc::c_int {
    // SAFETY: the caller's arguments, as they are.
    let result = unsafe { libc::syscall(libc::SYS_clock_gettime, clock, time) } as libc::c_int;
    if result != 0 || clock != libc::CLOCK_MONOTONIC {
        return result;
    }
    READS.set(READS.get() + 1);
    // SAFETY: the system has just written to it.
    let time = unsafe { &mut *time };
    let ns = match CLOCK.get() {
        Clock::System => return result,
        Clock::Steps(step) => (time.tv_sec * 1_000_000_000 + time.tv_nsec) / step * step,
        Clock::Manual(manual) => {
            manual.reads.fetch_add(1, Ordering::SeqCst);
            manual.now_ns.load(Ordering::SeqCst)
        }
    };
    (time.tv_sec, time.tv_nsec) = (ns / 1_000_000_000, ns % 1_000_000_000);
    result
}

/// How often this thread has read the clock.
pub fn reads() -> u64 {
    READS.get()
}

/// Whether a loop that waited for a time slept meanwhile, by how often its thread read the clock: once or more in each turn,
/// since it has a timer. One that spins reads it some hundred times in a millisecond, under valgrind a dozen; one that is
/// woken each millisecond, by a signal or by a time-out of its own, a few times. Processor time would say less: on a virtual
/// machine it contains what others took, and it grows with what is watched.
pub fn slept(reads: u64, time: Duration) -> bool {
    reads <= 50 + 5 * time.as_millis() as u64
}

/// Waiting of a loop on this thread.
pub struct Waiting {
    since: Instant,
    reads: u64,
}

impl Waiting {
    pub fn begin() -> Waiting {
        Waiting { since: Instant::now(), reads: reads() }
    }

    #[track_caller]
    pub fn assert_slept(&self, what: &str) {
        let (reads, time) = (reads() - self.reads, self.since.elapsed());
        assert!(slept(reads, time), "{what}: it spins, and read the clock {reads} times in {time:?}");
    }
}

//! The processor time of other programs on this machine. A benchmark must report if it shared its cores.

use std::io;
use std::mem::MaybeUninit;
use std::time::{Duration, Instant};

use crate::sys::checked;

/// The processor times at one moment.
pub struct Moment {
    at: Instant,
    /// The processor time that all processes have used.
    everyone: Duration,
    /// The processor time that this process and its children have used.
    own: Duration,
}

impl Moment {
    /// Reads the processor times now.
    pub fn now() -> io::Result<Moment> {
        let own = used_by(libc::RUSAGE_SELF)? + used_by(libc::RUSAGE_CHILDREN)?;
        Ok(Moment { at: Instant::now(), everyone: used_by_everyone()?, own })
    }

    /// Returns the processor time of other programs since this moment, in per cent of one core. All
    /// children must have ended.
    pub fn others_percent(&self) -> io::Result<f64> {
        let now = Moment::now()?;
        let others = (now.everyone - self.everyone).saturating_sub(now.own - self.own);
        Ok(100.0 * others.as_secs_f64() / now.at.duration_since(self.at).as_secs_f64())
    }
}

/// Returns the processor time of those children of this process that have ended.
pub fn used_by_children() -> io::Result<Duration> {
    used_by(libc::RUSAGE_CHILDREN)
}

fn used_by(whom: libc::c_int) -> io::Result<Duration> {
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the call writes one `rusage`.
    checked(unsafe { libc::getrusage(whom, usage.as_mut_ptr()) })?;
    // SAFETY: a value of all zeros is valid, and the kernel has overwritten it with a valid value.
    let usage = unsafe { usage.assume_init() };
    let duration = |time: libc::timeval| Duration::new(time.tv_sec as u64, time.tv_usec as u32 * 1_000);
    Ok(duration(usage.ru_utime) + duration(usage.ru_stime))
}

/// Returns the sum of user, nice, system, irq, softirq and steal time. The first line of `/proc/stat`
/// has them in hundredths of a second.
fn used_by_everyone() -> io::Result<Duration> {
    let stat = std::fs::read_to_string("/proc/stat")?;
    let line = stat.lines().next().unwrap_or_default();
    let ticks: Vec<u64> = line.split_whitespace().skip(1).map_while(|word| word.parse().ok()).collect();
    match ticks[..] {
        [user, nice, system, _idle, _iowait, irq, softirq, steal, ..] => {
            Ok(Duration::from_millis(10 * (user + nice + system + irq + softirq + steal)))
        }
        _ => Err(io::Error::other("/proc/stat has an unknown form")),
    }
}

//! The pauses between attempts. Each pause is twice as long as the pause before, up to a bound. A random
//! part makes each up to a half shorter, so that jobs that failed at the same time are not tried again
//! at the same time.

use std::time::Duration;

/// Returns the pause after `failures` consecutive failures.
pub(crate) fn pause_after(failures: u32, first: Duration, max: Duration) -> Duration {
    let doublings = failures.saturating_sub(1).min(31);
    let whole = first.saturating_mul(1 << doublings).min(max);
    whole.mul_f64(0.5 + fastrand::f64() / 2.0)
}

#[cfg(test)]
mod tests {
    use super::pause_after;
    use std::time::Duration;

    #[test]
    fn pauses_double_up_to_their_bound_and_vary_by_a_half() {
        let (first, max) = (Duration::from_millis(100), Duration::from_millis(1000));
        for (failures, whole_ms) in [(1, 100), (2, 200), (3, 400), (4, 800), (5, 1000), (u32::MAX, 1000)] {
            let whole = Duration::from_millis(whole_ms);
            let pauses: Vec<_> = (0..100).map(|_| pause_after(failures, first, max)).collect();
            assert!(pauses.iter().all(|pause| (whole / 2..=whole).contains(pause)), "{failures}: {pauses:?}");
            assert!(pauses.iter().any(|pause| pause != &pauses[0]), "all pauses are equal: {pauses:?}");
        }
    }
}

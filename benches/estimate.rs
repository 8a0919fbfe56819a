//! The estimate of the remaining time of a run. It begins with the planned times and is corrected by the
//! measured times.
//!
//! The planned times are those of a machine that does nothing else. A busy machine needs several times
//! as long, and each kind of case is slowed down by a factor of its own. So the time of each finished
//! measurement corrects the estimate. It has the highest weight for the rounds of the same case, then
//! for the cases of the same kind, then for all others.

use std::time::Duration;

/// The number of measured seconds (by the plan) that weigh as much as the plan itself. The value limits
/// the effect of one slow measurement at the start.
const TRUST_SECONDS: f64 = 2.0;

/// One case of the plan.
#[derive(Clone, Debug)]
struct Case {
    /// The kind of the case. Cases of one kind are slowed down by the same factor.
    kind: usize,
    planned_each: f64,
    measurements: usize,
    ended: usize,
    taken: f64,
}

/// A plan, and the measurements that have ended.
#[derive(Clone, Debug, Default)]
pub struct Estimate {
    cases: Vec<Case>,
}

/// The planned seconds and the taken seconds of measurements that have ended.
#[derive(Clone, Copy, Default)]
struct Ended {
    planned: f64,
    taken: f64,
}

impl Ended {
    fn of<'a>(cases: impl Iterator<Item = &'a Case>) -> Ended {
        cases.fold(Ended::default(), |sum, case| Ended {
            planned: sum.planned + case.planned_each * case.ended as f64,
            taken: sum.taken + case.taken,
        })
    }

    /// Returns the factor by which these measurements take longer than planned. `otherwise` is the
    /// factor that is known without them.
    fn factor(self, otherwise: f64) -> f64 {
        (self.taken + TRUST_SECONDS * otherwise) / (self.planned + TRUST_SECONDS)
    }
}

impl Estimate {
    /// Adds a case with its kind, its number of measurements, and the planned time of each measurement.
    pub fn plan(&mut self, kind: usize, measurements: usize, each: Duration) {
        self.cases.push(Case { kind, planned_each: each.as_secs_f64(), measurements, ended: 0, taken: 0.0 });
    }

    /// Enters the time that one measurement of a case took. `case` is the index of the case in the order
    /// of the calls of `plan`.
    pub fn enter(&mut self, case: usize, taken: Duration) {
        let case = &mut self.cases[case];
        case.ended += 1;
        case.taken += taken.as_secs_f64();
    }

    /// Returns the number of all measurements.
    pub fn measurements(&self) -> usize {
        self.cases.iter().map(|case| case.measurements).sum()
    }

    /// Returns the estimated time of the remaining measurements.
    pub fn left(&self) -> Duration {
        let machine = Ended::of(self.cases.iter()).factor(1.0);
        let left = |case: &Case| {
            let alike = Ended::of(self.cases.iter().filter(|it| it.kind == case.kind)).factor(machine);
            let own = Ended::of(std::iter::once(case)).factor(alike);
            case.measurements.saturating_sub(case.ended) as f64 * case.planned_each * own
        };
        Duration::from_secs_f64(self.cases.iter().map(left).sum())
    }
}

/// Formats a time with a precision that fits an estimate: `40 s`, `12 min`, `1 h 20 min`.
pub fn about(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    let minutes = (seconds / 60.0).round() as u64;
    match seconds {
        ..10.0 => format!("{} s", seconds.ceil()),
        10.0..90.0 => format!("{} s", (seconds / 5.0).round() * 5.0),
        _ if minutes < 90 => format!("{minutes} min"),
        _ => {
            let tens = (seconds / 600.0).round() as u64 * 10;
            format!("{} h {} min", tens / 60, tens % 60)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Returns a plan with two kinds: 10 cases of 60 measurements and 5 cases of 100 measurements. Each
    /// measurement takes a second.
    fn plan() -> Estimate {
        let mut estimate = Estimate::default();
        (0..10).for_each(|_| estimate.plan(0, 60, SECOND));
        (0..5).for_each(|_| estimate.plan(1, 100, SECOND));
        estimate
    }

    fn seconds(estimate: &Estimate) -> f64 {
        estimate.left().as_secs_f64()
    }

    #[test]
    fn before_the_first_round_the_plan_is_all_that_is_known() {
        assert_eq!(plan().measurements(), 1_100);
        assert_eq!(plan().left(), 1_100 * SECOND);
        assert_eq!(Estimate::default().left(), Duration::ZERO);
    }

    #[test]
    fn the_first_round_on_a_busy_machine_corrects_the_whole_plan() {
        let mut estimate = plan();
        // This is a round of twelve subjects, each three times as slow as planned.
        (0..12).for_each(|_| estimate.enter(0, 3 * SECOND));
        let truth = 3.0 * (1_100.0 - 12.0);
        assert!((0.85..=1.0).contains(&(seconds(&estimate) / truth)), "{}", seconds(&estimate));
    }

    #[test]
    fn a_kind_that_is_slower_than_others_is_not_their_measure_for_long() {
        let mut estimate = plan();
        for case in 0..10 {
            (0..60).for_each(|_| estimate.enter(case, 4 * SECOND));
        }
        (0..100).for_each(|_| estimate.enter(10, SECOND));
        let truth = 400.0;
        assert!((1.0..1.1).contains(&(seconds(&estimate) / truth)), "{}", seconds(&estimate));
    }

    #[test]
    fn one_slow_start_does_not_make_hours() {
        let mut estimate = plan();
        estimate.enter(0, 5 * SECOND);
        assert!(seconds(&estimate) < 3.0 * 1_100.0, "{}", seconds(&estimate));
    }

    #[test]
    fn at_the_end_nothing_is_left() {
        let mut estimate = Estimate::default();
        estimate.plan(0, 2, SECOND);
        estimate.enter(0, SECOND);
        assert_eq!(estimate.left(), SECOND);
        estimate.enter(0, 7 * SECOND);
        assert_eq!(estimate.left(), Duration::ZERO);
        // More measurements than planned do not make the remaining time negative.
        estimate.enter(0, SECOND);
        assert_eq!(estimate.left(), Duration::ZERO);
    }

    #[test]
    fn times_are_said_as_exactly_as_they_are_known() {
        let said = |seconds| about(Duration::from_secs(seconds));
        assert_eq!([said(3), said(42), said(89)], ["3 s", "40 s", "90 s"]);
        assert_eq!([said(95), said(890), said(4_700)], ["2 min", "15 min", "78 min"]);
        assert_eq!([said(5_400), said(7_130)], ["1 h 30 min", "2 h 0 min"]);
    }
}

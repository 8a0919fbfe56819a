//! The order of measurements, and the rounds that an interrupted run keeps.

/// Measures each subject in each round. The outer loop is over rounds and the inner loop over subjects,
/// so that a disturbance of the machine affects all subjects. Each round begins with another subject,
/// because the processor is cooler for the first subject of a round than for the last one.
///
/// Returns the number of finished rounds. A round in which `is_stopped` returns `true` is not finished,
/// because the signal may also have ended the running measurement.
pub fn interleaved(
    rounds: usize,
    subjects: usize,
    is_stopped: impl Fn() -> bool,
    mut measure: impl FnMut(usize, usize),
) -> usize {
    for round in 0..rounds {
        for place in 0..subjects {
            if is_stopped() {
                return round;
            }
            measure(round, (place + round) % subjects);
        }
        if is_stopped() {
            return round;
        }
    }
    rounds
}

/// Drops the outcomes after the finished rounds, because a ratio needs a whole round. A subject that was
/// given up has fewer outcomes and keeps them.
pub fn keep<T>(outcomes: &mut [Vec<T>], finished: usize) {
    outcomes.iter_mut().for_each(|outcomes| outcomes.truncate(finished));
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// Ends a run of 3 subjects and 5 rounds in its measurement of this number. Returns the number of
    /// finished rounds, and the outcomes that are kept.
    fn stopped_in(measurement: usize) -> (usize, Vec<Vec<usize>>) {
        let (mut outcomes, stop, mut number) = (vec![Vec::new(); 3], Cell::new(measurement == 0), 0);
        let finished = interleaved(
            5,
            3,
            || stop.get(),
            |round, subject| {
                number += 1;
                outcomes[subject].push(round);
                stop.set(number == measurement);
            },
        );
        assert_eq!(number, measurement.min(15));
        keep(&mut outcomes, finished);
        (finished, outcomes)
    }

    #[test]
    fn a_whole_run_measures_each_subject_in_each_round_and_begins_with_another() {
        let mut order = Vec::new();
        assert_eq!(interleaved(3, 3, || false, |round, subject| order.push((round, subject))), 3);
        assert_eq!(order, [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (1, 0), (2, 2), (2, 0), (2, 1)]);
    }

    #[test]
    fn an_interrupted_run_keeps_the_rounds_that_were_finished() {
        assert_eq!(stopped_in(8), (2, vec![vec![0, 1]; 3]));
        assert_eq!(stopped_in(4), (1, vec![vec![0]; 3]));
    }

    #[test]
    fn a_round_whose_last_measurement_was_interrupted_is_not_finished() {
        assert_eq!(stopped_in(3), (0, vec![vec![]; 3]));
        assert_eq!(stopped_in(6), (1, vec![vec![0]; 3]));
    }

    #[test]
    fn a_run_that_is_stopped_before_it_begins_measures_nothing() {
        assert_eq!(stopped_in(0), (0, vec![vec![]; 3]));
    }

    #[test]
    fn a_subject_that_was_given_up_stays_as_it_is() {
        let mut outcomes = vec![vec![1, 2, 3], vec![1]];
        keep(&mut outcomes, 2);
        assert_eq!(outcomes, [vec![1, 2], vec![1]]);
    }
}

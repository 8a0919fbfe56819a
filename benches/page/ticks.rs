//! The positions of the ticks of an axis, and the choice of the ticks with a label.

/// Returns a round number that divides the limit into about five steps.
pub fn step(limit: f64) -> f64 {
    let decade = 10f64.powf((limit / 5.0).log10().floor());
    let fits = [1.0, 2.0, 5.0].into_iter().map(|it| it * decade).find(|step| limit / step <= 6.0);
    fits.unwrap_or(10.0 * decade)
}

/// Returns the ticks of a linear axis that begins at zero.
pub fn linear(limit: f64) -> Vec<f64> {
    let step = step(limit);
    (0..=(limit / step).floor() as i32).map(|tick| step * f64::from(tick)).collect()
}

/// Returns the ticks of a logarithmic axis: 1, 2 and 5 in each decade, or only 1 if these are too many.
/// A range with less than two of them has linear steps.
pub fn logarithmic(low: f64, high: f64) -> Vec<f64> {
    let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
    let within = |steps: &[f64]| -> Vec<f64> {
        let all = (first..=last).flat_map(|decade| steps.iter().map(move |it| it * 10f64.powi(decade)));
        // The factors keep a tick that rounding has moved beyond a limit.
        all.filter(|it| *it >= low * 0.999_999 && *it <= high * 1.000_001).collect()
    };
    let fine = within(&[1.0, 2.0, 5.0]);
    match fine.len() {
        0..=1 => {
            let step = step(high - low);
            (0..=8).map(|it| ((low / step).ceil() + f64::from(it)) * step).filter(|it| *it <= high).collect()
        }
        2..=10 => fine,
        _ => within(&[1.0]),
    }
}

/// Returns for each label whether it fits without touching another label. The labels are given in order,
/// by their middles and widths. The last label always fits.
pub fn labelled(middles: &[i32], widths: &[i32]) -> Vec<bool> {
    const GAP: i32 = 6;
    let mut free = i32::MAX;
    let mut labelled: Vec<bool> = middles
        .iter()
        .zip(widths)
        .rev()
        .map(|(middle, width)| {
            let fits = middle + width / 2 <= free;
            if fits {
                free = middle - width / 2 - GAP;
            }
            fits
        })
        .collect();
    labelled.reverse();
    labelled
}

/// Moves sorted heights so that they differ by at least `gap` and lie between `top` and `bottom`. Each
/// height moves as little as possible.
pub fn apart(heights: &[i32], gap: i32, top: i32, bottom: i32) -> Vec<i32> {
    // A group contains heights that touch. Its middle is the mean of the heights that its members had.
    let mut groups: Vec<(i64, usize)> = Vec::new();
    let first = |(sum, count): (i64, usize)| {
        let length = gap as i64 * (count as i64 - 1);
        let wanted = sum / count as i64 - length / 2;
        wanted.min(bottom as i64 - length).max(top as i64)
    };
    for &height in heights {
        groups.push((i64::from(height), 1));
        while let [.., above, below] = groups[..] {
            if first(above) + (gap as i64) * above.1 as i64 <= first(below) {
                break;
            }
            groups.pop();
            groups.pop();
            groups.push((above.0 + below.0, above.1 + below.1));
        }
    }
    let each =
        |group: (i64, usize)| (0..group.1).map(move |at| (first(group) + gap as i64 * at as i64) as i32);
    groups.into_iter().flat_map(each).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_round() {
        assert_eq!(step(100.0), 20.0);
        assert_eq!(step(7.0), 2.0);
        assert_eq!(step(0.5), 0.1);
    }

    #[test]
    fn ticks_are_where_the_data_are() {
        assert_eq!(linear(7.0), [0.0, 2.0, 4.0, 6.0]);
        assert_eq!(logarithmic(0.1, 2.0), [0.1, 0.2, 0.5, 1.0, 2.0]);
        assert_eq!(logarithmic(30.0, 400_000.0), [100.0, 1_000.0, 10_000.0, 100_000.0]);
        // This range is less than a decade and contains no 1, 2 or 5.
        assert_eq!(logarithmic(210.0, 480.0), [250.0, 300.0, 350.0, 400.0, 450.0]);
    }

    #[test]
    fn labels_that_would_touch_are_left_out() {
        assert_eq!(labelled(&[0, 20, 100], &[14, 21, 35]), [false, true, true]);
        assert_eq!(labelled(&[0, 30, 100], &[14, 21, 35]), [true, true, true]);
        assert_eq!(labelled(&[], &[]), Vec::<bool>::new());
    }

    #[test]
    fn names_do_not_cover_each_other_and_stay_near_their_lines() {
        assert_eq!(apart(&[10, 12, 100], 16, 0, 400), [3, 19, 100]);
        assert_eq!(apart(&[2, 2], 16, 0, 400), [0, 16]);
        assert_eq!(apart(&[385, 395, 399], 16, 0, 400), [368, 384, 400]);
        let crowded = apart(&[50; 20], 16, 0, 400);
        assert!(crowded.windows(2).all(|two| two[1] - two[0] >= 16));
    }
}

//! Medians, spreads and ratios.

/// The median and the extremes of several measurements.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    pub median: f64,
    pub min: f64,
    pub max: f64,
}

impl Summary {
    /// Returns the summary, or `None` if `values` is empty.
    pub fn of(values: &[f64]) -> Option<Summary> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let middle = sorted.len() / 2;
        let median =
            if sorted.len() % 2 == 1 { sorted[middle] } else { (sorted[middle - 1] + sorted[middle]) / 2.0 };
        Some(Summary { median, min, max })
    }
}

/// Returns the median of `values`. Panics if `values` is empty.
pub fn median(values: &[f64]) -> f64 {
    Summary::of(values).expect("a measurement takes at least one sample").median
}

/// Returns the value below which `percent` of the `sorted` values lie. Panics if `sorted` is empty.
pub fn percentile(sorted: &[f64], percent: f64) -> f64 {
    let last = sorted.len() - 1;
    sorted[(last as f64 * percent / 100.0).round() as usize]
}

/// Returns the ratios of the values to those of the baseline in the same rounds. A round in which one of
/// them is missing has no ratio.
pub fn ratios(values: &[Option<f64>], baseline: &[Option<f64>]) -> Vec<f64> {
    let pairs = values.iter().zip(baseline);
    pairs.filter_map(|(value, base)| Some((*value)? / (*base)?)).filter(|ratio| ratio.is_finite()).collect()
}

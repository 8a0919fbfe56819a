//! The common part of the cases of all families: a name, their metrics, and their place in a sweep.

use crate::table::thousands;

/// One figure that a case measures.
pub struct Metric {
    pub name: &'static str,
    pub unit: &'static str,
    /// Whether the table shows the spread of the figure and its ratio to the baseline. The first metric
    /// of a case is always compared, and a lower figure is better.
    pub compared: bool,
}

impl Metric {
    pub const fn compared(name: &'static str, unit: &'static str) -> Metric {
        Metric { name, unit, compared: true }
    }

    pub const fn shown(name: &'static str, unit: &'static str) -> Metric {
        Metric { name, unit, compared: false }
    }
}

/// The place of a case in a sweep: one kind of work at one size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Cases of one sweep share its name, their parameter and their metrics.
    pub sweep: &'static str,
    /// The name of the size that grows: tasks, timers, connections.
    pub parameter: &'static str,
    pub value: usize,
}

/// One case. `kind` says how the family of the case measures it.
pub struct Case<Kind> {
    pub name: String,
    pub about: String,
    pub point: Option<Point>,
    pub metrics: &'static [Metric],
    /// Whether a quick run includes the case if no filter names it.
    pub quick: bool,
    pub kind: Kind,
}

impl<Kind> Case<Kind> {
    pub fn new(name: &str, about: &str, metrics: &'static [Metric], kind: Kind) -> Case<Kind> {
        Case { name: name.into(), about: about.into(), point: None, metrics, quick: true, kind }
    }
}

/// One kind of work at several sizes.
pub struct Sweep {
    pub name: &'static str,
    /// The name of the size that `values` lists: tasks, timers, connections.
    pub parameter: &'static str,
    pub values: &'static [usize],
    /// The values that a quick run includes.
    pub quick: &'static [usize],
    pub metrics: &'static [Metric],
}

impl Sweep {
    /// Returns a case for each value. The name of a case ends with its value. In `about`, `#` stands for
    /// the value.
    pub fn cases<Kind>(&self, about: &str, kind: impl Fn(usize) -> Kind) -> Vec<Case<Kind>> {
        let case = |&value: &usize| Case {
            name: format!("{}-{value}", self.name),
            about: about.replace('#', &thousands(value as u64)),
            point: Some(Point { sweep: self.name, parameter: self.parameter, value }),
            metrics: self.metrics,
            quick: self.quick.contains(&value),
            kind: kind(value),
        };
        self.values.iter().map(case).collect()
    }
}

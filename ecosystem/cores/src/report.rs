//! The report of `run`, with the end of each core.

use std::fmt;

use crate::figures::Figures;

/// The report that [`Cores::run`](crate::Cores::run) returns. It has a row for each core, in the order
/// of their numbers.
///
/// Its `Display` output is a table.
#[derive(Debug)]
pub struct Report<T> {
    /// The cores, by number.
    pub cores: Vec<CoreReport<T>>,
}

/// One core's row of a [`Report`].
#[derive(Debug)]
#[non_exhaustive]
pub struct CoreReport<T> {
    /// The figures of the core.
    pub figures: Figures,
    /// The end of the core.
    pub end: End<T>,
}

/// The end of a core.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum End<T> {
    /// The core's future completed with this output.
    Returned(T),
    /// The core's future panicked with this message. The policy allowed no restart, or the stop had
    /// begun.
    Panicked(String),
    /// The stop came in the pause before a restart, after a panic with this message.
    StoppedInPause(String),
    /// The core's future had not completed at the deadline, and was dropped.
    CutOff,
    /// The core still blocked its thread after the deadline. The thread runs until the process ends.
    Hung,
}

impl<T> Report<T> {
    /// Returns whether the future of each core completed.
    pub fn all_returned(&self) -> bool {
        self.cores.iter().all(|core| matches!(core.end, End::Returned(_)))
    }
}

impl<T> End<T> {
    fn name(&self) -> &'static str {
        match self {
            End::Returned(_) => "returned",
            End::Panicked(_) => "panicked",
            End::StoppedInPause(_) => "stopped after a panic",
            End::CutOff => "cut off",
            End::Hung => "hung",
        }
    }
}

impl<T> fmt::Display for Report<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:>4} {:>4} {:>10} {:>7} {:>7} {:>8} {:>12} {:>6}  end",
            "core", "CPU", "accepted", "open", "lost", "restarts", "polls", "busy"
        )?;
        for CoreReport { figures, end } in &self.cores {
            let cpu = figures.cpu.map_or("-".to_owned(), |cpu| cpu.to_string());
            write!(
                f,
                "\n{:>4} {:>4} {:>10} {:>7} {:>7} {:>8} {:>12} {:>4.0} %  {}",
                figures.core,
                cpu,
                figures.accepted,
                figures.open,
                figures.lost,
                figures.restarts,
                figures.polls,
                100.0 * figures.busy_share(),
                end.name()
            )?;
        }
        Ok(())
    }
}

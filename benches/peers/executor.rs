//! The runtimes that take part in the operation cases.

use std::sync::LazyLock;
use std::time::Duration;

use ::oneloop::Builder;

use super::oneloop;
use crate::operations::{self, Kind, Length, Setting};

/// A runtime that takes part in the operation cases.
pub struct Candidate {
    pub name: &'static str,
    pub about: &'static str,
    /// Measures one case. Returns its figures in the order of its metrics.
    pub measure: fn(&operations::Case, &Setting) -> Result<Vec<f64>, String>,
}

/// All executors. The first one is the baseline.
pub static EXECUTORS: LazyLock<Vec<Candidate>> = LazyLock::new(|| {
    let mut executors = Vec::new();
    #[cfg(feature = "peers")]
    executors.extend(super::others::executors());
    let measure = operations::measure::<oneloop::Oneloop>;
    executors.push(Candidate { name: "oneloop", about: "this project", measure });
    let about = "with precise_timers, only in the cases where the option has an effect";
    executors.push(Candidate { name: "oneloop-precise", about, measure: measure_precise });
    let about = "without spin_after_remote_wake, only in the cases where the option has an effect";
    executors.push(Candidate { name: "oneloop-no-spin", about, measure: measure_no_spin });
    executors
});

fn measure_precise(case: &operations::Case, setting: &Setting) -> Result<Vec<f64>, String> {
    match (case.kind, setting.length) {
        (Kind::TimersFire | Kind::TimersLate(_), Length::Time(_)) => {
            with(|builder| builder.precise_timers(true), case, setting)
        }
        _ => Err("as oneloop".into()),
    }
}

fn measure_no_spin(case: &operations::Case, setting: &Setting) -> Result<Vec<f64>, String> {
    match (case.kind, setting.length) {
        (Kind::WakeAsleep | Kind::WakeAnswer, Length::Time(_)) => {
            with(|builder| builder.spin_after_remote_wake(Duration::ZERO), case, setting)
        }
        _ => Err("as oneloop".into()),
    }
}

/// Measures a case on oneloop with an option.
fn with(
    option: fn(Builder) -> Builder,
    case: &operations::Case,
    setting: &Setting,
) -> Result<Vec<f64>, String> {
    oneloop::set_option(option);
    let figures = operations::measure::<oneloop::Oneloop>(case, setting);
    oneloop::set_option(|builder| builder);
    figures
}

/// The interface of a runtime for the operation cases.
///
/// The measured code runs in a task, never in the future of `block_on`, because many runtimes treat that
/// future differently.
pub trait Executor: 'static {
    /// Whether the runtime has timers of its own.
    const TIMERS: bool = true;
    /// Whether `yield_now` lets other tasks run.
    const YIELDS: bool = true;
    /// Whether another thread may call a waker.
    const REMOTE_WAKES: bool = true;

    /// The join handle. It returns the output of the task.
    type Join<T: 'static>: Future<Output = T> + 'static;

    /// Runs a future on a new runtime.
    fn block_on<T: 'static>(future: impl Future<Output = T> + 'static) -> T;

    fn spawn<T: 'static>(future: impl Future<Output = T> + 'static) -> Self::Join<T>;

    /// Drops the handle, so that the task continues without it.
    fn detach<T: 'static>(join: Self::Join<T>);

    /// Lets the other ready tasks run first.
    fn yield_now() -> impl Future<Output = ()>;

    fn sleep(duration: Duration) -> impl Future<Output = ()>;
}

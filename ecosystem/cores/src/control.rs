//! The handle to the cores for other threads.

use std::fmt;
use std::sync::Arc;

use crate::figures::Figures;
use crate::shared::Shared;

/// Stops the cores and reads their figures, from any thread. Returned by
/// [`Cores::control`](crate::Cores::control) and [`Core::control`](crate::Core::control).
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use oneloop_cores::Cores;
///
/// let cores = Cores::new().count(2);
/// let control = cores.control();
/// let other = std::thread::spawn(move || control.stop());
/// let report = cores.run(|core| async move { core.stopped().await })?;
/// assert!(report.all_returned());
/// # other.join().unwrap();
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Control {
    pub(crate) shared: Arc<Shared>,
}

impl Control {
    /// Asks all cores to stop. A second call does nothing. After a call before
    /// [`run`](crate::Cores::run), the cores stop when they have started.
    pub fn stop(&self) {
        self.shared.asked.raise();
    }

    /// Returns the figures of each core so far, or an empty vector before [`run`](crate::Cores::run).
    pub fn figures(&self) -> Vec<Figures> {
        self.shared.figures()
    }
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control").field("cores", &self.figures().len()).finish_non_exhaustive()
    }
}

//! The handle that a core's own future has to the core.

use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::Arc;

use crate::control::Control;
use crate::figures::Figures;
use crate::net::{Listener, Port};
use crate::shared::Shared;

/// The argument of the closure of [`Cores::run`](crate::Cores::run), a handle to the core that calls the
/// closure. It belongs to the core's thread and is not `Send`:
///
/// ```compile_fail,E0277
/// fn sends<T: Send>() {}
/// sends::<oneloop_cores::Core>(); // This does not compile.
/// ```
#[derive(Clone)]
pub struct Core {
    pub(crate) shared: Arc<Shared>,
    number: usize,
    _of_its_thread: PhantomData<Rc<()>>,
}

impl Core {
    pub(crate) fn new(shared: &Arc<Shared>, number: usize) -> Core {
        Core { shared: shared.clone(), number, _of_its_thread: PhantomData }
    }

    /// Returns the core's number. The first core has the number 0.
    pub fn number(&self) -> usize {
        self.number
    }

    /// Returns the number of cores.
    pub fn count(&self) -> usize {
        self.shared.cores()
    }

    /// Returns this core's listener at a port. A core that starts again gets a listener on the same
    /// socket, or on the same queue.
    ///
    /// # Errors
    ///
    /// Returns an error if the process has no descriptor left, or if the socket can't be registered with
    /// the driver.
    ///
    /// # Panics
    ///
    /// Panics if the port belongs to another [`Cores`](crate::Cores).
    pub fn listener(&self, port: Port) -> io::Result<Listener> {
        assert!(port.cores == self.shared.id, "the port {} belongs to another Cores", port.addr);
        Listener::new(&self.shared, port, self.number)
    }

    /// Waits until all cores are asked to stop. The core should then end in order. Connections that came
    /// before the stop are still accepted, and [`Listener::accept`] returns `None` when no such
    /// connection waits any more.
    ///
    /// # Cancel safety
    ///
    /// This method is cancel safe. After the stop, each call completes at once.
    pub async fn stopped(&self) {
        self.shared.stopping.wait().await;
    }

    /// Returns whether all cores are asked to stop.
    pub fn is_stopping(&self) -> bool {
        self.shared.stopping.is_raised()
    }

    /// Asks all cores to stop, including this core.
    pub fn stop(&self) {
        self.shared.asked.raise();
    }

    /// Returns a handle that stops the cores and reads their figures from other threads.
    pub fn control(&self) -> Control {
        Control { shared: self.shared.clone() }
    }

    /// Returns the figures of this core so far.
    pub fn figures(&self) -> Figures {
        self.shared.gauge(self.number).figures(self.number)
    }
}

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Core({} of {})", self.number, self.count())
    }
}

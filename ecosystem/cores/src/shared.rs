//! The state that the cores, the supervisor and the handles share.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};

use crate::ends::Ends;
use crate::event::Event;
use crate::figures::{Figures, Gauge};
use crate::flag::Flag;
use crate::net::PortState;

pub(crate) type Report = Arc<dyn Fn(&Event) + Send + Sync>;

/// The shared state of one `Cores`. The flags are raised in the order of the fields.
pub(crate) struct Shared {
    /// The id of the `Cores`, unique in the process.
    pub(crate) id: u64,
    /// Every core has its runtime, and calls the closure.
    pub(crate) started: Flag,
    /// The program has asked for the stop.
    pub(crate) asked: Flag,
    /// The acceptors have handed over all their connections, and the cores stop.
    pub(crate) stopping: Flag,
    /// The deadline has passed, and the cores drop their futures.
    pub(crate) cut: Flag,
    pub(crate) ends: Ends,
    running: OnceLock<Running>,
}

struct Running {
    ports: Box<[PortState]>,
    gauges: Box<[Gauge]>,
    report: Option<Report>,
}

impl Shared {
    pub(crate) fn new(id: u64) -> Shared {
        Shared {
            id,
            started: Flag::new(),
            asked: Flag::new(),
            stopping: Flag::new(),
            cut: Flag::new(),
            ends: Ends::new(),
            running: OnceLock::new(),
        }
    }

    /// Sets the state that exists only while the cores run.
    pub(crate) fn begin(&self, cores: usize, ports: Box<[PortState]>, report: Option<Report>) {
        let gauges = (0..cores).map(|_| Gauge::new()).collect();
        let first = self.running.set(Running { ports, gauges, report });
        assert!(first.is_ok(), "`begin` is called once");
    }

    fn running(&self) -> &Running {
        self.running.get().expect("`begin` comes before each use of this state")
    }

    pub(crate) fn cores(&self) -> usize {
        self.running().gauges.len()
    }

    pub(crate) fn ports(&self) -> &[PortState] {
        &self.running().ports
    }

    pub(crate) fn port(&self, index: usize) -> &PortState {
        &self.running().ports[index]
    }

    pub(crate) fn gauge(&self, core: usize) -> &Gauge {
        &self.running().gauges[core]
    }

    /// Returns the figures of all cores, or an empty vector before the cores run.
    pub(crate) fn figures(&self) -> Vec<Figures> {
        let gauges = self.running.get().map_or(&[][..], |running| &running.gauges);
        gauges.iter().enumerate().map(|(core, gauge)| gauge.figures(core)).collect()
    }

    pub(crate) fn report(&self, event: Event) {
        if let Some(report) = &self.running().report {
            // The program's function may panic. The panic hook has then reported the panic.
            let _ = catch_unwind(AssertUnwindSafe(|| report(&event))).map_err(std::mem::forget);
        }
    }
}

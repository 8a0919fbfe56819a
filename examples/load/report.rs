//! The figures: shown while the load runs, and summed up at the end.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use indicatif::{ProgressBar, ProgressStyle};
use oneloop::time::{interval, sleep};

use crate::options::Options;

pub struct Figures {
    /// Of all round trips, in nanoseconds.
    latencies: RefCell<Histogram<u64>>,
    /// Bytes received on all connections.
    received: Cell<u64>,
}

impl Figures {
    pub fn new() -> Figures {
        // Three digits are exact; everything from a nanosecond to an hour has its place.
        let histogram = Histogram::new_with_bounds(1, 3_600_000_000_000, 3).expect("these bounds are valid");
        Figures { latencies: RefCell::new(histogram), received: Cell::new(0) }
    }

    pub fn record(&self, latency: Duration) {
        self.latencies.borrow_mut().saturating_record(latency.as_nanos() as u64);
    }

    pub fn heard(&self, bytes: usize) {
        self.received.set(self.received.get() + bytes as u64);
    }

    /// Waits until nothing has been heard for `limit` (and notices after two of them at the latest).
    pub async fn silence(&self, limit: Duration) {
        loop {
            let before = self.received.get();
            sleep(limit).await;
            if self.received.get() == before {
                return;
            }
        }
    }

    fn round_trips(&self) -> u64 {
        self.latencies.borrow().len()
    }

    pub fn report(&self, options: &Options, time: Duration) -> String {
        let Options { server, connections, message_bytes, .. } = options;
        let latencies = self.latencies.borrow();
        let at = |quantile| Duration::from_nanos(latencies.value_at_quantile(quantile));
        let (p50, p99, p999, max) = (at(0.5), at(0.99), at(0.999), at(1.0));
        let round_trips = latencies.len();
        let per_second = round_trips as f64 / time.as_secs_f64();
        format!(
            "{server}: {connections} connections, messages of {message_bytes} bytes, every byte right\n\
             {round_trips} round trips in {:.1} seconds, {per_second:.0} round trips per second\n\
             latency: p50 {p50:.1?}, p99 {p99:.1?}, p99.9 {p999:.1?}, max {max:.1?}",
            time.as_secs_f64()
        )
    }
}

/// One line on standard error that is drawn anew while the work goes on. Where standard error is no terminal,
/// `indicatif` draws nothing.
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    pub fn connecting(count: usize) -> Progress {
        Progress::new(count as u64, "{pos} of {len} connections")
    }

    pub fn connected(&self, count: usize) {
        self.bar.set_position(count as u64);
    }

    /// For a load that takes `time`.
    pub fn running(time: Duration) -> Progress {
        Progress::new(time.as_millis() as u64, "[{bar:40}] {percent}% {msg}")
    }

    fn new(length: u64, template: &str) -> Progress {
        let bar = ProgressBar::new(length);
        bar.set_style(ProgressStyle::with_template(template).expect("the template is valid"));
        Progress { bar }
    }

    /// Shows how time and figures go on, until it is dropped.
    pub async fn follow(self, figures: Rc<Figures>) {
        let started = Instant::now();
        let mut redraw = interval(Duration::from_millis(100));
        loop {
            redraw.tick().await;
            let elapsed = started.elapsed();
            let per_second = figures.round_trips() as f64 / elapsed.as_secs_f64();
            self.bar.set_position(elapsed.as_millis() as u64);
            self.bar.set_message(format!("{per_second:.0} round trips per second"));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

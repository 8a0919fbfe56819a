//! The figures: the progress during the load, and the report at its end.

use std::cell::{Cell, RefCell};
use std::io::{IsTerminal, Write};
use std::rc::Rc;
use std::time::Duration;

use oneloop::time::{interval, sleep};
use sketches_ddsketch::{Config, DDSketch};

use crate::counted::counted;
use crate::options::Options;

pub struct Figures {
    /// The latencies of all round trips, in nanoseconds.
    latencies: RefCell<DDSketch>,
    /// The number of bytes received on all connections.
    received: Cell<u64>,
}

impl Figures {
    pub fn new() -> Figures {
        // Each quantile is right to a thousandth of its value. The range from a nanosecond to an hour
        // takes 14,500 bins of that width.
        let sketch = DDSketch::new(Config::new(0.001, 16_384, 1.0));
        Figures { latencies: RefCell::new(sketch), received: Cell::new(0) }
    }

    pub fn record(&self, latency: Duration) {
        self.latencies.borrow_mut().add(latency.as_nanos() as f64);
    }

    pub fn count_received(&self, bytes: usize) {
        self.received.set(self.received.get() + bytes as u64);
    }

    /// Waits until no byte has been received for `limit`. It returns after twice the limit at the
    /// latest.
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
        self.latencies.borrow().count() as u64
    }

    /// Returns the report. `stopped` means that the load has ended before the given time.
    pub fn report(&self, options: &Options, time: Duration, stopped: bool) -> String {
        let Options { server, connections, message_bytes, .. } = options;
        let latencies = self.latencies.borrow();
        let time_of = |latency: Option<f64>| Duration::from_nanos(latency.unwrap_or(0.0) as u64);
        let at = |quantile| time_of(latencies.quantile(quantile).expect("it is between 0 and 1"));
        let (p50, p99, p999, max) = (at(0.5), at(0.99), at(0.999), time_of(latencies.max()));
        let round_trips = latencies.count();
        let per_second = round_trips as f64 / time.as_secs_f64();
        let (connections, bytes) = (counted(connections, "connection"), counted(message_bytes, "byte"));
        let (round_trips, early) =
            (counted(round_trips, "round trip"), if stopped { " (stopped early)" } else { "" });
        format!(
            "{server}: {connections}, messages of {bytes}, every byte right\n\
             {round_trips} in {:.1} seconds{early}, {per_second:.0} round trips per second\n\
             latency: p50 {p50:.1?}, p99 {p99:.1?}, p99.9 {p999:.1?}, max {max:.1?}",
            time.as_secs_f64()
        )
    }
}

/// The progress, in lines on standard error. It prints nothing if standard error is not a terminal.
pub struct Progress {
    shown: bool,
}

impl Progress {
    pub fn new() -> Progress {
        Progress { shown: std::io::stderr().is_terminal() }
    }

    fn say(&self, text: &str) {
        if self.shown {
            let _ = writeln!(std::io::stderr(), "{text}");
        }
    }

    /// Prints every thousandth connection. A thousand connections are made in a moment, and more may
    /// take a while.
    pub fn connected(&self, number: usize, count: usize) {
        if number.is_multiple_of(1000) && number < count {
            self.say(&format!("{number} of {count} connections"));
        }
    }

    /// Prints the figures of each second until the future is dropped.
    pub async fn follow(self, figures: Rc<Figures>) {
        let mut second = interval(Duration::from_secs(1));
        let started = second.tick().await;
        let mut before = (started, figures.round_trips());
        loop {
            let now = (second.tick().await, figures.round_trips());
            let per_second = (now.1 - before.1) as f64 / (now.0 - before.0).as_secs_f64();
            let elapsed = now.0.duration_since(started);
            self.say(&format!("after {elapsed:.0?}: {per_second:.0} round trips per second"));
            before = now;
        }
    }
}

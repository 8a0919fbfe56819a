//! The counts of the clients and the cores, and the comparison of both.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use oneloop_cores::Report;

#[derive(Default)]
pub struct Counts {
    /// The number of connections that clients opened.
    pub connected: AtomicU64,
    /// The number of connections that the server broke off.
    pub broken: AtomicU64,
    /// The number of bytes that came back without an error.
    pub bytes: AtomicU64,
    /// The number of connections with wrong bytes.
    pub wrong: AtomicU64,
    /// The number of clients that could not connect or that panicked.
    pub failed: AtomicU64,
    /// Messages between cores.
    pub sent: AtomicU64,
    pub received: AtomicU64,
    pub panics: AtomicU64,
    /// The number of starts of cores that serve and listen for orders, restarts included.
    pub starts: AtomicU64,
}

pub fn add(counter: &AtomicU64, count: usize) {
    counter.fetch_add(count as u64, Relaxed);
}

pub fn get(counter: &AtomicU64) -> u64 {
    counter.load(Relaxed)
}

impl Counts {
    pub fn panicked(&self) {
        add(&self.panics, 1);
    }

    /// Returns a line for each count that differs from its counterpart.
    pub fn faults<T>(&self, report: &Report<T>) -> Vec<String> {
        let sum = |figure: fn(&oneloop_cores::Figures) -> u64| {
            report.cores.iter().map(|core| figure(&core.figures)).sum::<u64>()
        };
        let (accepted, lost, restarts, open) = (
            sum(|core| core.accepted),
            sum(|core| core.lost),
            sum(|core| core.restarts),
            sum(|core| core.open),
        );
        let (connected, broken, panics) = (get(&self.connected), get(&self.broken), get(&self.panics));
        let (sent, received) = (get(&self.sent), get(&self.received));
        let checks = [
            (report.all_returned(), "a core did not return".to_owned()),
            (connected == accepted, format!("{connected} connections, but {accepted} accepted")),
            (broken <= lost, format!("{broken} connections broke, but {lost} were lost by panics")),
            (open == 0, format!("{open} connections are open at the end")),
            (get(&self.wrong) == 0, format!("wrong bytes on {} connections", get(&self.wrong))),
            (get(&self.failed) == 0, format!("{} clients failed", get(&self.failed))),
            (sent == received, format!("{sent} messages sent, but {received} received")),
            (panics == restarts, format!("{panics} panics, but {restarts} restarts")),
        ];
        checks.into_iter().filter(|(holds, _)| !holds).map(|(_, fault)| fault).collect()
    }

    /// Returns a line if no bytes or no messages have arrived.
    pub fn nothing_done(&self) -> Option<String> {
        let (bytes, received) = (get(&self.bytes), get(&self.received));
        (bytes == 0 || received == 0).then(|| format!("{bytes} bytes and {received} messages arrived"))
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [connected, broken, bytes, received, panics] =
            [&self.connected, &self.broken, &self.bytes, &self.received, &self.panics].map(get);
        write!(
            f,
            "{connected} connections ({broken} broken off), {bytes} bytes checked, {received} messages, {panics} panics"
        )
    }
}

/// The descriptors and the memory that the process holds while it is idle. Only Linux has these figures.
pub struct Held {
    descriptors: Option<usize>,
    resident_kib: Option<u64>,
}

impl Held {
    pub fn now() -> Held {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let resident_kib = line.and_then(|text| text.trim().strip_suffix("kB")?.trim().parse().ok());
        let descriptors = std::fs::read_dir("/proc/self/fd").ok().map(|entries| entries.count());
        Held { descriptors, resident_kib }
    }

    /// Returns a line for each figure that has grown since. The allocator keeps the pages of a peak, so
    /// memory counts as grown only if it is larger by more than a sixth plus 8 MiB.
    pub fn grown(&self, later: &Held) -> Vec<String> {
        let mut faults = Vec::new();
        if let (Some(before), Some(after)) = (self.descriptors, later.descriptors)
            && after > before
        {
            faults.push(format!("descriptors grew from {before} to {after}"));
        }
        if let (Some(before), Some(after)) = (self.resident_kib, later.resident_kib)
            && after > before + before / 6 + 8 * 1024
        {
            faults.push(format!("memory grew from {before} to {after} KiB"));
        }
        faults
    }
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.descriptors, self.resident_kib) {
            (Some(descriptors), Some(kib)) => write!(f, "at rest {descriptors} descriptors, {kib} KiB"),
            _ => f.write_str("this system has no figures of descriptors and memory"),
        }
    }
}

//! The targets for oneloop's figures, as data. `verdict.rs` compares them with a run.

/// The loops that are written by hand, without futures. They are limits, not peers.
pub const LIMITS: &[&str] = &["epoll", "mio"];

/// The target for one figure.
pub struct Target {
    /// The name of the case, or [`FACTS`] for the facts about the libraries.
    pub case: &'static str,
    /// The name of the figure.
    pub metric: &'static str,
    /// The name of the runtime or server of oneloop.
    pub subject: &'static str,
    /// The bound of the figure.
    pub bound: Bound,
}

/// The name of the library facts, in place of the name of a case.
pub const FACTS: &str = "facts";

/// The bound of a figure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound {
    /// The median of the ratios to the other subject within each round is at most this factor.
    TimesOf(f64, &'static str),
    /// The figure is lower than that of every peer.
    BelowEveryPeer,
    /// The figure is not higher than that of the best peer.
    NotAboveEveryPeer,
    /// The ratio to every peer is at least this factor. It is for figures of which a higher value is
    /// better.
    TimesEveryPeerAtLeast(f64),
    /// The figure is lower than that of the other subject.
    Below(&'static str),
    /// The median is at most this number, in the unit of the metric.
    AtMost(f64),
    /// The figure of every round is at most this number, in the unit of the metric.
    AlwaysAtMost(f64),
}

use Bound::*;

const fn target(case: &'static str, metric: &'static str, bound: Bound) -> Target {
    Target { case, metric, subject: "oneloop", bound }
}

const fn of(subject: &'static str, target: Target) -> Target {
    Target { subject, ..target }
}

const fn hyper(target: Target) -> Target {
    of("oneloop-hyper", target)
}

/// All targets. A ratio is the median of the ratios within each round of one run, on an otherwise idle
/// machine.
pub const TARGETS: &[Target] = &[
    target("echo-50", "CPU", TimesOf(1.02, "epoll")),
    target("echo-50", "CPU", BelowEveryPeer),
    target("echo-1000", "CPU", TimesOf(1.02, "epoll")),
    target("echo-1000", "CPU", BelowEveryPeer),
    target("echo-10000", "CPU", TimesOf(1.03, "epoll")),
    target("echo-10000", "CPU", BelowEveryPeer),
    target("churn", "CPU", TimesOf(1.00, "epoll")),
    target("churn", "CPU", BelowEveryPeer),
    target("pipelined", "CPU", TimesOf(1.02, "epoll")),
    target("bulk", "CPU", TimesOf(1.02, "epoll")),
    // This server has one buffer for all tasks, as the example `echo`.
    of("oneloop-shared", target("idle-memory-1000", "memory", AtMost(350.0))),
    of("oneloop-shared", target("idle-memory-10000", "memory", AtMost(350.0))),
    hyper(target("http1-get-1", "CPU", TimesOf(0.95, "tokio-hyper"))),
    hyper(target("http1-get-64", "CPU", TimesOf(0.95, "tokio-hyper"))),
    hyper(target("http1-post-1", "CPU", TimesOf(1.00, "tokio-hyper"))),
    hyper(target("http1-post-64", "CPU", TimesOf(1.00, "tokio-hyper"))),
    hyper(target("http2-get-1", "CPU", TimesOf(0.95, "tokio-hyper"))),
    hyper(target("http2-get-64", "CPU", TimesOf(0.95, "tokio-hyper"))),
    hyper(target("http2-get-1x64", "CPU", TimesOf(0.95, "tokio-hyper"))),
    hyper(target("http2-post-1", "CPU", TimesOf(1.00, "tokio-hyper"))),
    hyper(target("http2-post-64", "CPU", TimesOf(1.00, "tokio-hyper"))),
    hyper(target("http1-idle-10000", "after 5 s", TimesOf(0.90, "tokio-hyper"))),
    target("spawn-join", "CPU", TimesOf(1.0 / 6.0, "tokio")),
    target("spawn-join", "CPU", BelowEveryPeer),
    target("spawn-batch-100000", "CPU", TimesOf(1.0 / 8.0, "tokio")),
    target("spawn-batch-100000", "CPU", TimesOf(1.0, "monoio")),
    target("ping-pong", "CPU", TimesOf(0.4, "tokio")),
    target("ping-pong", "CPU", BelowEveryPeer),
    target("ring-1000", "CPU", TimesOf(0.4, "tokio")),
    target("ring-1000", "CPU", BelowEveryPeer),
    target("yield", "CPU", TimesOf(1.0 / 20.0, "tokio")),
    target("yield", "CPU", BelowEveryPeer),
    target("yield-1000", "CPU", TimesOf(1.0 / 3.0, "tokio")),
    target("yield-1000", "CPU", BelowEveryPeer),
    target("timer-drop", "CPU", TimesOf(1.0 / 8.0, "tokio")),
    target("timer-drop", "CPU", BelowEveryPeer),
    target("timers-fire", "CPU", TimesOf(0.8, "tokio")),
    target("timers-fire", "late p99", AtMost(1_200.0)),
    target("timers-fire", "fired early", AlwaysAtMost(0.0)),
    target("wake-busy", "p50", NotAboveEveryPeer),
    target("wake-asleep", "p50", NotAboveEveryPeer),
    target("wake-answer", "p50", NotAboveEveryPeer),
    target("timers-late", "fired early", AlwaysAtMost(0.0)),
    of("oneloop-precise", target("timers-late", "fired early", AlwaysAtMost(0.0))),
    target("memory", "heap", AtMost(128.0)),
    // This server polls for a time before it parks.
    of("oneloop-busy", target("echo-1", "served", TimesEveryPeerAtLeast(2.0))),
    target(FACTS, "build time", Below("tokio")),
    target(FACTS, "program size", Below("tokio")),
    target(FACTS, "crates", AtMost(12.0)),
];

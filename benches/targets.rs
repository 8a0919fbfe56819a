//! What this project's figures ought to be, as data. Change a target here; `verdict.rs` holds it against a run.

/// Loops written by hand, without futures: limits, not peers.
pub const LIMITS: &[&str] = &["epoll", "mio"];

/// One thing that ought to be.
pub struct Target {
    /// The case that shows it; [`FACTS`] for what is known about the libraries without running them.
    pub case: &'static str,
    /// The figure, by its name.
    pub metric: &'static str,
    /// Which of our runtimes or servers it is about.
    pub subject: &'static str,
    /// How much it may be.
    pub bound: Bound,
}

/// The "case" of the library facts.
pub const FACTS: &str = "facts";

/// How much a figure may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound {
    /// At most so many times what the other has, round by round.
    TimesOf(f64, &'static str),
    /// Less than every peer has.
    BelowEveryPeer,
    /// Not more than the best peer has.
    NotAboveEveryPeer,
    /// At least so many times what every peer has: for figures of which more is better.
    TimesEveryPeerAtLeast(f64),
    /// Less than the other has.
    Below(&'static str),
    /// A number, in the metric's unit, that the median keeps.
    AtMost(f64),
    /// A number that every round keeps.
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

/// All of them. A ratio is the median of those within each round of one run, on an otherwise idle machine.
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
    // The server that lends one buffer to all tasks, as the example `echo` does.
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
    target("memory", "heap", AtMost(128.0)),
    // The server that polls for a while before it parks.
    of("oneloop-busy", target("echo-1", "served", TimesEveryPeerAtLeast(2.0))),
    target(FACTS, "build time", Below("tokio")),
    target(FACTS, "program size", Below("tokio")),
    target(FACTS, "crates", AtMost(12.0)),
];

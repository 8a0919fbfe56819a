//! What a server's limits are.

use std::time::Duration;

/// The limits, with their defaults. `Serve`'s functions document them.
#[derive(Clone, Debug)]
pub(super) struct Options {
    pub max_connections: usize,
    pub header_timeout: Duration,
    pub idle_timeout: Duration,
    pub stall_timeout: Duration,
    pub header_bytes_max: u32,
    pub max_streams: u32,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            max_connections: 10_000,
            header_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(60),
            stall_timeout: Duration::from_secs(60),
            header_bytes_max: 32 << 10,
            max_streams: 100,
        }
    }
}

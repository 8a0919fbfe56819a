//! This file holds a server's limits, and hyper's own options.

use std::time::Duration;

use hyper::server::conn::{http1, http2};

use crate::{Executor, Timer};

/// The options, with their defaults. `Serve`'s functions document them.
pub(super) struct Options {
    pub max_connections: usize,
    pub header_timeout: Duration,
    pub idle_timeout: Duration,
    pub stall_timeout: Duration,
    pub http2_tunnels: bool,
    pub http1: http1::Builder,
    pub http2: http2::Builder<Executor>,
}

impl Default for Options {
    fn default() -> Options {
        let mut http1 = http1::Builder::new();
        // hyper's time-out would count the time between two requests as part of the second request's
        // head.
        http1.timer(Timer).header_read_timeout(None);
        let mut http2 = http2::Builder::new(Executor);
        http2.timer(Timer);
        let mut options = Options {
            max_connections: 10_000,
            header_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(60),
            stall_timeout: Duration::from_secs(60),
            http2_tunnels: false,
            http1,
            http2,
        };
        options.set_header_bytes_max(32 << 10);
        options.set_max_streams(100);
        options
    }
}

impl Options {
    pub fn set_header_bytes_max(&mut self, bytes: u32) {
        self.http1.max_header_size(bytes as usize);
        self.http2.max_header_list_size(bytes);
    }

    pub fn set_max_streams(&mut self, count: u32) {
        self.http2.max_concurrent_streams(count);
    }
}

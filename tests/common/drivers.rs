//! The drivers that this build has, and the one that the tests run on.

use oneloop::Driver;

/// Every driver of this build.
pub const DRIVERS: &[Driver] = &[
    Driver::Mio,
    #[cfg(feature = "polling")]
    Driver::Polling,
    #[cfg(oneloop_driver_epoll)]
    Driver::Epoll,
];

/// Those that watch descriptors only and need each interest to be declared again: all but mio. A
/// default build has none.
pub fn one_shot() -> impl Iterator<Item = Driver> {
    DRIVERS.iter().copied().filter(|driver| *driver != Driver::Mio)
}

/// Whether mio was told to do without epoll, on poll(2).
pub const POLL_FALLBACK: bool = cfg!(mio_unsupported_force_poll_poll);

/// Whether the tests run on mio, and mio on poll(2).
pub fn on_poll_fallback() -> bool {
    POLL_FALLBACK && std::env::var("ONELOOP_DRIVER").map_or(true, |name| name.is_empty() || name == "mio")
}

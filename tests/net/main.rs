//! Sockets and pipes: each type by itself, and what all streams promise.

#[cfg(target_os = "linux")]
#[path = "../common/clock.rs"]
mod clock;

mod busy_poll;
mod connect;
mod driver;
mod leaving;
mod many_clients;
mod options;
mod pipe;
mod precise_timers;
mod source;
mod streams;
mod tcp_listener;
mod tcp_stream;
mod to_socket_addrs;
mod tokio_io;
mod udp_socket;
mod unix_addresses;
mod unix_datagram;
mod unix_listener;
mod unix_stream;
mod windows;

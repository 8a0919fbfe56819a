//! This module holds the server: HTTP/1.1 and HTTP/2 on one port, with limits, deadlines and an orderly
//! shutdown.
//!
//! [`serve`] takes a listener and hyper's [`Service`](hyper::service::Service). One task serves a
//! connection. On HTTP/2 each request has another task. Tasks and their values need not be `Send`.
//!
//! # Limits
//!
//! | quantity | default | option | at the limit |
//! |---|---|---|---|
//! | open connections | 10,000 | [`max_connections`](Serve::max_connections) | further connections wait in the listener's queue |
//! | time from accepting a connection to its first request's last header byte, TLS included; on HTTP/1.1 also from each further request's first byte to its last header byte | 30 s | [`header_timeout`](Serve::header_timeout) | the connection is closed |
//! | time of a connection without a request | 60 s | [`idle_timeout`](Serve::idle_timeout) | the connection is closed in order (on HTTP/2 with GOAWAY, and after the header time-out if the client does not close it) |
//! | time without progress of a response that the client could receive (on Linux the socket holds 128 KiB unsent at most) | 60 s | [`stall_timeout`](Serve::stall_timeout) | the connection is closed |
//! | bytes of a request's headers | 32 KiB | [`header_bytes_max`](Serve::header_bytes_max) | status 431 (on HTTP/1.1 the connection is closed) |
//! | headers of a request, HTTP/1.1 | 100 | | status 431 and close |
//! | concurrent requests of a connection, HTTP/2 | 100 | [`max_streams`](Serve::max_streams) | the stream is refused |
//! | resets of a connection that wait to be accepted, HTTP/2 | 20 | | GOAWAY and close (rapid reset, CVE-2023-44487) |
//! | bytes of a connection that hyper has read and no handler has taken | 408 KiB; HTTP/2: 1 MiB | | the client has to wait |
//! | time for open connections at shutdown | the argument | [`shutdown`](Serve::shutdown) | the remaining connections are closed |
//!
//! The sweep checks the four time limits a few times within the shortest limit, at most once a second,
//! and not while no connection is open. Each limit therefore takes effect up to a second late, and a
//! request reads no clock for it.
//!
//! A handler's own work has **no limit**, and neither has a request's body that arrives slowly: only the
//! program knows the normal duration. [`oneloop::time::timeout`] around the handler, or around each
//! piece of the body, sets a limit.
//!
//! A request ends with its response. A body that a task reads after that counts as the head of the next
//! request on HTTP/1.1, and as idleness on HTTP/2.
//!
//! # Idle connections
//!
//! A connection has buffers only while it has a request. It has none before its first byte. On HTTP/1.1
//! it frees them one or two seconds after a request without a body.
//!
//! # Faults of clients and handlers
//!
//! A malformed request, a reset, a flood of frames or a time-out ends its own connection. A handler's
//! panic ends its connection on HTTP/1.1 and its request on HTTP/2. [`on_error`](Serve::on_error)
//! reports each connection that ends so, and no request of HTTP/2. When descriptors run out, accepting
//! pauses for 100 ms, and open connections continue.
//!
//! # Upgrades
//!
//! [`hyper::upgrade::on`] works. `Io::new` around the [`Upgraded`](hyper::upgrade::Upgraded) stream
//! gives it the traits of futures-io. An upgraded connection counts as open until the program drops it.
//! No time limit applies to it, and [`shutdown`](Serve::shutdown) does not wait for it.
//!
//! A CONNECT request of HTTP/2 with a 2xx response is a tunnel, if
//! [`http2_tunnels`](Serve::http2_tunnels) allows tunnels. From then on its connection has no idle
//! limit, and `shutdown` waits for it. Without the option a tunnel ends at the idle limit of its
//! connection.
//!
//! # Shutdown
//!
//! After [`shutdown`](Serve::shutdown)'s signal the server accepts the connections in the listener's
//! queue and closes the listener. The server answers each request of which a byte has arrived. A
//! connection without a request is closed within a turn of the loop, and so is a TLS handshake in
//! progress.
//!
//! A client that shuts down its sending side while it waits for a response receives none, because hyper
//! treats the connection as closed. [`http1`](Serve::http1) with `half_close(true)` makes hyper answer
//! such a client. hyper then no longer drops the handler when a client closes the connection.

mod accept;
mod connection;
mod error;
mod exchange;
mod handshake;
mod listener;
mod noted;
mod options;
mod peer;
mod record;
mod serve;
mod shared;
mod stream;
mod tracked;

pub use error::{Error, Limit};
pub use listener::{Listener, Transport};
pub use peer::Peer;
pub use serve::{Serve, Summary, serve, serve_with};

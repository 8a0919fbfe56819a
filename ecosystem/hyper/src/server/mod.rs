//! The server: HTTP/1.1 and HTTP/2 on one port, with limits, deadlines and an orderly end.
//!
//! [`serve`] takes a listener and hyper's [`Service`](hyper::service::Service). One task serves a
//! connection; on HTTP/2 each request is a task more. None of them, and no value in them, need be
//! `Send`.
//!
//! # Limits
//!
//! | what | default | option | what happens at the limit |
//! |---|---|---|---|
//! | open connections | 10,000 | [`max_connections`](Serve::max_connections) | further ones wait in the listener's queue |
//! | from accepting a connection to its first request's last header byte, TLS included; HTTP/1.1: also from each further request's first byte to its last header byte | 30 s | [`header_timeout`](Serve::header_timeout) | the connection is closed |
//! | a connection without a request | 60 s | [`idle_timeout`](Serve::idle_timeout) | closed in order (HTTP/2: GOAWAY, and closed after the header time-out if the client does not close it) |
//! | no progress of a response that the client could take: on Linux the socket holds 128 KiB unsent at most | 60 s | [`stall_timeout`](Serve::stall_timeout) | the connection is closed |
//! | bytes of a request's headers | 32 KiB | [`header_bytes_max`](Serve::header_bytes_max) | status 431 (HTTP/1.1: and close) |
//! | headers of a request, HTTP/1.1 | 100 | | status 431 and close |
//! | concurrent requests of a connection, HTTP/2 | 100 | [`max_streams`](Serve::max_streams) | the stream is refused |
//! | resets of a connection that wait to be accepted, HTTP/2 | 20 | | GOAWAY and close (rapid reset, CVE-2023-44487) |
//! | bytes of a connection that hyper has read and no handler has taken | 408 KiB; HTTP/2: 1 MiB | | the client has to wait |
//! | waiting for connections at the end | as given | [`shutdown`](Serve::shutdown) | the remaining ones are closed |
//!
//! The four time limits are checked a few times within the shortest of them, at most once a second
//! and never while no connection is open. So each takes effect up to a second late, and a request
//! reads no clock for them.
//!
//! There is **no limit** for a handler's own work, nor for a request's body that arrives slowly:
//! what is normal there, only the program knows. [`oneloop::time::timeout`] around the handler, or
//! around each piece of the body, sets one.
//!
//! A request ends with its response. The body of a request that a task reads after that counts as
//! the head of the next request on HTTP/1.1, and as idleness on HTTP/2.
//!
//! # Connections that do nothing
//!
//! A connection costs its buffers only while it has a request. Before its first byte, and one or
//! two seconds after a request without a body (HTTP/1.1), it has none.
//!
//! # What a client can do
//!
//! Malformed requests, resets, floods of frames and time-outs end their own connection. A panic
//! of a handler ends its connection, on HTTP/2 its request. [`on_error`](Serve::on_error) reports
//! each connection that ends so, and no request of HTTP/2. When descriptors run out, accepting
//! pauses for 100 ms, and open connections go on.
//!
//! # Upgrades
//!
//! [`hyper::upgrade::on`] works; `Io::new` around the [`Upgraded`](hyper::upgrade::Upgraded) stream
//! gives it the traits of futures-io. Such a connection counts as open until the program drops it.
//! No time limit applies to it, and [`shutdown`](Serve::shutdown) does not wait for it.
//!
//! A CONNECT request of HTTP/2 that gets a 2xx response is a tunnel, if
//! [`http2_tunnels`](Serve::http2_tunnels) allows that. Its connection has no idle limit from then
//! on, and `shutdown` waits for it. Without the option a tunnel ends at the idle limit of its
//! connection.
//!
//! # The end
//!
//! After [`shutdown`](Serve::shutdown)'s signal, connections in the listener's queue are accepted,
//! and the listener is closed. A request of which a byte has arrived is answered. A connection
//! without one is closed within a turn of the loop, and so is a TLS handshake that is under way.
//!
//! A client that shuts down its sending side while it waits for a response gets none: hyper takes
//! it for one that has left. [`http1`](Serve::http1) with `half_close(true)` answers it, and no longer drops the
//! handler of a client that leaves.

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

//! HTTP clients: [`Connector`] for the pooled [`Client`] of hyper-util.
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use http_body_util::{BodyExt, Empty};
//! use hyper::body::Bytes;
//!
//! oneloop::block_on(async {
//!     let client = oneloop_hyper::client::<Empty<Bytes>>();
//!     let response = client.get("http://example.com/".parse()?).await?;
//!     println!("{}", response.status());
//!     let text = response.into_body().collect().await?.to_bytes();
//!     println!("{} bytes", text.len());
//!     Ok(())
//! })
//! # }
//! ```
//!
//! # Limits
//!
//! | limit | default | set with |
//! |---|---|---|
//! | resolving the name and connecting | 10 s | [`Connector::connect_timeout`] |
//! | the TLS handshake | 10 s | [`Connector::handshake_timeout`] |
//! | pause before the next address is tried as well | 250 ms | [`Connector::attempt_pause`] |
//! | addresses of one name that are tried | 32 | |
//! | an idle connection stays in the pool | 90 s | [`Builder::pool_idle_timeout`] |
//! | idle connections in the pool for one host | 32 | [`Builder::pool_max_idle_per_host`] |
//!
//! The time until the response has no limit. [`oneloop::time::timeout`] around the request and around
//! each piece of the body sets one. The number of connections in use has no limit either: the client
//! opens as many as requests of HTTP/1.1 wait at the same time.
//!
//! # Bodies
//!
//! The client requires `Send` of a request's body and of its data, because its types allow several
//! threads. Most bodies are `Send`, for example `Full`, `Empty` and `String` of [`Bytes`](bytes::Bytes).
//! The crate `send_wrapper` makes other bodies `Send`, such as one that holds an `Rc` or a socket of the
//! loop. A stream in a `SendWrapper` is a stream that is `Send`.
//!
//! ```
//! use std::io;
//! use std::rc::Rc;
//!
//! use bytes::Bytes;
//! use futures::stream::{StreamExt, iter};
//! use http_body_util::StreamBody;
//! use hyper::body::Frame;
//! use send_wrapper::SendWrapper;
//!
//! let pieces = Rc::new(["one ", "two"]); // not `Send`
//! let stream = iter([0, 1]).map(move |i| io::Result::Ok(Frame::data(Bytes::from(pieces[i]))));
//! let body = StreamBody::new(SendWrapper::new(stream));
//!
//! let client = oneloop_hyper::client();
//! # let _unsent =
//! client.request(hyper::Request::post("http://localhost/upload").body(body).expect("a request"));
//! ```
//!
//! A `SendWrapper` also makes a custom body type `Send`: `Pin::new(SendWrapper::new(body))` is a body.
//!
//! # Threads
//!
//! The [`Client`] is `Send` and `Sync`. Each of its connections stays on the loop that opened it:
//!
//! * A thread with a loop of its own may use the client. The pool may give it a connection of another
//!   loop. The request and the response then pass through channels, and that other loop has to run
//!   meanwhile.
//! * The task that closes idle connections at their limit runs on one loop, the first on which a
//!   connection became idle. A program whose loops end before the client should give each loop a client
//!   of its own.
//! * A request that needs a new connection fails on a thread without a loop. Its error is a connect
//!   error whose source gives the reason.
//! * A request that began to connect on one thread and is polled on another fails with such an error.
//!   Its drop on another thread while it connects panics.
//! * A body in a `SendWrapper` panics on another thread than its own. The panic is in the task of the
//!   connection that sends the body, and the request then ends with an error.

mod connector;
mod race;
mod stream;

use std::time::Duration;

use http_body::Body;
use hyper_util::client::legacy::{Builder, Client};

use crate::{Executor, Timer};

pub use connector::{Connecting, Connector};
pub use stream::{Info, Stream};

const IDLE_LIMIT: Duration = Duration::from_secs(90);
const IDLE_PER_HOST_MAX: usize = 32;

/// Makes a pooled client for HTTP/1.1 and HTTP/2, with the limits that [`client`](mod@crate::client)
/// lists. [`builder`] makes a client with other limits.
///
/// The client uses HTTP/2 with servers that choose it by ALPN, over TLS. [`client`](mod@crate::client)
/// has an example.
pub fn client<B>() -> Client<Connector, B>
where
    B: Body + Send,
    B::Data: Send,
{
    builder().build(Connector::new())
}

/// Returns hyper-util's builder of a client, with the runtime's [`Executor`] and [`Timer`], and with the
/// limits of the pool that [`client`](mod@crate::client) lists.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use oneloop_hyper::client::{self, Connector};
///
/// let connector = Connector::new().connect_timeout(Duration::from_secs(3));
/// let client = client::builder()
///     .pool_idle_timeout(Duration::from_secs(20))
///     .pool_max_idle_per_host(4)
///     .build::<_, String>(connector);
/// # let _ = client;
/// ```
pub fn builder() -> Builder {
    let mut builder = Client::builder(Executor);
    builder
        .timer(Timer)
        .pool_timer(Timer)
        .pool_idle_timeout(IDLE_LIMIT)
        .pool_max_idle_per_host(IDLE_PER_HOST_MAX);
    builder
}

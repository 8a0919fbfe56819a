//! This file holds `serve` and its options.

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::Service;

use super::accept;
use super::error::Error;
use super::listener::Listener;
use super::options::Options;
use super::peer::Peer;
use crate::Executor;

/// Serves HTTP/1.1 and HTTP/2 on a listener.
///
/// The server begins when the returned value is awaited. Options are set before that, and [the
/// table](crate::server#limits) lists their defaults. Without [`shutdown`](Serve::shutdown) the server
/// runs until its future is dropped.
///
/// # Cancel safety
///
/// Dropping the future closes the listener and each connection at once. Requests that have begun
/// get no response.
///
/// # Panics
///
/// The future panics when it is polled outside a runtime.
///
/// # Examples
///
/// ```
/// use std::convert::Infallible;
/// use std::time::Duration;
///
/// use hyper::body::Incoming;
/// use hyper::service::service_fn;
/// use hyper::{Request, Response};
/// use oneloop::net::TcpListener;
///
/// async fn hello(_request: Request<Incoming>) -> Result<Response<String>, Infallible> {
///     Ok(Response::new("hello\n".to_owned()))
/// }
///
/// # let served =
/// oneloop::block_on(async {
///     let listener = TcpListener::bind("127.0.0.1:0").await?;
///     let stop = oneloop::time::sleep(Duration::from_millis(1)); // oneloop::signal::ctrl_c()
///     let summary = oneloop_hyper::serve(listener, service_fn(hello))
///         .shutdown(stop, Duration::from_secs(10))
///         .await;
///     std::io::Result::Ok(summary)
/// })
/// # .unwrap();
/// # assert_eq!(served.connections, 0);
/// ```
pub fn serve<L, S, B>(listener: L, service: S) -> Serve<L, impl Fn(&Peer) -> Rc<S>>
where
    L: Listener,
    S: Service<Request<Incoming>, Response = Response<B>> + 'static,
{
    let service = Rc::new(service);
    serve_with(listener, move |_| service.clone())
}

/// Serves HTTP/1.1 and HTTP/2 on a listener, with a service of its own for each connection.
///
/// The server calls `make_service` after the TLS handshake, if there is one. Its argument has the
/// client's address and the result of the handshake. The other properties are those of [`serve`].
///
/// # Examples
///
/// ```no_run
/// use std::convert::Infallible;
///
/// use hyper::body::Incoming;
/// use hyper::service::service_fn;
/// use hyper::{Request, Response};
/// use oneloop::net::TcpListener;
///
/// # fn main() -> std::io::Result<()> {
/// oneloop::block_on(async {
///     let listener = TcpListener::bind("127.0.0.1:8080").await?;
///     oneloop_hyper::serve_with(listener, |peer| {
///         let addr = peer.remote_addr();
///         service_fn(move |_request: Request<Incoming>| async move {
///             Ok::<_, Infallible>(Response::new(format!("you are {addr:?}\n")))
///         })
///     })
///     .await;
///     Ok(())
/// })
/// # }
/// ```
pub fn serve_with<L, M, S, B>(listener: L, make_service: M) -> Serve<L, M>
where
    L: Listener,
    M: Fn(&Peer) -> S,
    S: Service<Request<Incoming>, Response = Response<B>> + 'static,
{
    Serve {
        listener,
        make_service,
        options: Options::default(),
        on_error: None,
        shutdown: None,
        #[cfg(feature = "tls")]
        tls: None,
    }
}

/// A server that has not begun. It has the server's options and implements [`IntoFuture`]. [`serve`]
/// returns it.
#[must_use = "a server does nothing unless it is awaited"]
pub struct Serve<L, M> {
    pub(super) listener: L,
    pub(super) make_service: M,
    pub(super) options: Options,
    pub(super) on_error: Option<Box<dyn Fn(Error)>>,
    pub(super) shutdown: Option<Shutdown>,
    #[cfg(feature = "tls")]
    pub(super) tls: Option<crate::tls::Acceptor>,
}

/// The signal that ends a server, and the time limit for its connections after the signal.
pub(super) struct Shutdown {
    pub signal: Pin<Box<dyn Future<Output = ()>>>,
    pub grace: Duration,
}

/// The totals of a server at its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// The number of connections that were accepted.
    pub connections: u64,
    /// The number of connections that were closed because the time limit of [`Serve::shutdown`] ended.
    pub cut_off: usize,
}

impl<L, M> Serve<L, M> {
    /// Ends the server when `signal` completes. The signal's output is ignored.
    ///
    /// The server closes the listener and each connection without a request at once. Requests that have
    /// begun get their response within `grace`. The server closes the remaining connections after
    /// `grace`. [`serve`] has an example.
    pub fn shutdown<F>(mut self, signal: F, grace: Duration) -> Self
    where
        F: Future + 'static,
    {
        let signal = Box::pin(async move { drop(signal.await) });
        self.shutdown = Some(Shutdown { signal, grace });
        self
    }

    /// Serves through TLS. A handshake counts against the header time-out.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, acceptor: crate::tls::Acceptor) -> Self {
        self.tls = Some(acceptor);
        self
    }

    /// Sets the number of connections that may be open at a time, upgraded ones included (default:
    /// 10,000). A process needs a descriptor for each.
    ///
    /// # Panics
    ///
    /// The function panics if `count` is 0.
    pub fn max_connections(mut self, count: usize) -> Self {
        assert!(count > 0, "max_connections is 0: the server would accept no connection");
        self.options.max_connections = count;
        self
    }

    /// Sets the time limit for the head of a request (default: 30 s). The time of a connection's first
    /// request begins when the connection is accepted, so it includes the TLS handshake. The time of a
    /// later request begins at its first byte on HTTP/1.1. On HTTP/2 the head of a later request counts
    /// as idleness.
    ///
    /// [`Duration::MAX`] means no limit.
    pub fn header_timeout(mut self, limit: Duration) -> Self {
        self.options.header_timeout = limit;
        self
    }

    /// Sets how long a connection may be open without a request (default: 60 s).
    ///
    /// [`Duration::MAX`] means no limit.
    pub fn idle_timeout(mut self, limit: Duration) -> Self {
        self.options.idle_timeout = limit;
        self
    }

    /// Sets how long the client of a connection may receive no byte of the responses that wait for it
    /// (default: 60 s). A response does not wait for the client while its handler makes the next piece.
    ///
    /// [`Duration::MAX`] means no limit.
    pub fn stall_timeout(mut self, limit: Duration) -> Self {
        self.options.stall_timeout = limit;
        self
    }

    /// Sets the number of bytes that the headers of a request may have, its first line included
    /// (default: 32 KiB). RFC 9113, section 6.5.2, defines their size on HTTP/2: names, values and 32
    /// bytes for each field.
    pub fn header_bytes_max(mut self, bytes: u32) -> Self {
        self.options.set_header_bytes_max(bytes);
        self
    }

    /// Sets the number of requests in progress on one HTTP/2 connection (default: 100).
    pub fn max_streams(mut self, count: u32) -> Self {
        self.options.set_max_streams(count);
        self
    }

    /// Changes hyper's options for HTTP/1.1, for example how hyper writes the names of headers.
    ///
    /// hyper's own time-out for headers is off, because it would count the time between two requests.
    pub fn http1(mut self, change: impl FnOnce(&mut http1::Builder)) -> Self {
        change(&mut self.options.http1);
        self
    }

    /// Changes hyper's options for HTTP/2, for example its windows, or pings that detect a client that
    /// no longer responds.
    pub fn http2(mut self, change: impl FnOnce(&mut http2::Builder<Executor>)) -> Self {
        change(&mut self.options.http2);
        self
    }

    /// Allows tunnels: CONNECT requests of HTTP/2 with a 2xx response (default: `false`). The connection
    /// of a tunnel has no idle limit from then on.
    pub fn http2_tunnels(mut self, allowed: bool) -> Self {
        self.options.http2_tunnels = allowed;
        self
    }

    /// Calls `report` with each error. Without it the server drops errors, because clients cause most of
    /// them. `report` must not panic: its panic would end the server.
    pub fn on_error(mut self, report: impl Fn(Error) + 'static) -> Self {
        self.on_error = Some(Box::new(report));
        self
    }
}

impl<L, M, S, B> IntoFuture for Serve<L, M>
where
    L: Listener,
    M: Fn(&Peer) -> S + 'static,
    S: Service<Request<Incoming>, Response = Response<B>> + 'static,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    B: Body + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Output = Summary;
    type IntoFuture = Pin<Box<dyn Future<Output = Summary>>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(accept::run(self))
    }
}

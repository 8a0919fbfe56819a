//! The same hyper service on oneloop and on tokio's current-thread runtime.
//!
//! All servers support HTTP/1.1 and HTTP/2 on one port, allow upgrades and set `TCP_NODELAY`.
//! [`oneloop_hyper::serve`] has time limits for headers, for idle connections and for clients that do
//! not read their answers. The server on tokio is the loop of hyper-util's documentation, which has no
//! time limits. `tokio-hyper-timer` has the time limit for headers, by hyper's own timer.

use std::convert::Infallible;
use std::io;
use std::net::TcpListener;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response};

use super::Server;

/// The limit of connections, which is higher than the number of any case. The default limit is 10,000,
/// and a case with 10,000 connections opens a few more at first.
const CONNECTIONS_MAX: usize = 20_000;

/// Returns all HTTP servers. With the feature `peers`, the first one is the baseline.
pub fn servers() -> impl Iterator<Item = Server> {
    #[cfg(feature = "peers")]
    let peers = on_tokio::servers();
    #[cfg(not(feature = "peers"))]
    let peers = [];
    peers.into_iter().chain([Server::here(
        "oneloop-hyper",
        "oneloop_hyper::serve, with its time limits",
        serve,
    )])
}

fn serve(listener: TcpListener, _buffer_bytes: usize) -> io::Result<()> {
    oneloop::block_on(async {
        let listener = oneloop::net::TcpListener::try_from(listener)?;
        oneloop_hyper::serve(listener, service_fn(answer)).max_connections(CONNECTIONS_MAX).await;
        Ok(())
    })
}

/// The service. It reads the whole body of a POST request, and answers with the number of its bytes.
async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    if *request.method() != Method::POST {
        return Ok(Response::new(Full::from("Hello, World!")));
    }
    let (mut body, mut bytes) = (request.into_body(), 0);
    // If a client closes the connection in the middle of the body, the number is too small, but the
    // client cannot receive it.
    while let Some(Ok(frame)) = body.frame().await {
        bytes += frame.data_ref().map_or(0, Bytes::len);
    }
    Ok(Response::new(Full::from(bytes.to_string())))
}

#[cfg(feature = "peers")]
mod on_tokio {
    use std::io;

    use hyper::service::service_fn;
    use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
    use hyper_util::server::conn::auto::Builder;
    use tokio::net::TcpListener;

    use super::{Server, answer};

    pub fn servers() -> [Server; 2] {
        [
            Server::here("tokio-hyper", "hyper-util's auto::Builder on tokio, without time limits", serve),
            Server::here("tokio-hyper-timer", "the same with hyper's time limit for headers", serve_timed),
        ]
    }

    fn serve(listener: std::net::TcpListener, _buffer_bytes: usize) -> io::Result<()> {
        serve_with(listener, Builder::new(TokioExecutor::new()))
    }

    fn serve_timed(listener: std::net::TcpListener, _buffer_bytes: usize) -> io::Result<()> {
        let mut builder = Builder::new(TokioExecutor::new());
        builder.http1().timer(TokioTimer::new()); // The default limit is 30 s.
        serve_with(listener, builder)
    }

    fn serve_with(listener: std::net::TcpListener, builder: Builder<TokioExecutor>) -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let listener = TcpListener::from_std(listener)?;
            loop {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                let builder = builder.clone();
                tokio::spawn(async move {
                    let service = service_fn(answer);
                    // A connection error of a client ends only the client's own task.
                    let _ = builder.serve_connection_with_upgrades(TokioIo::new(stream), service).await;
                });
            }
        })
    }
}

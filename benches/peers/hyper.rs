//! The same hyper service on oneloop and on tokio's current-thread runtime.
//!
//! Both servers speak HTTP/1.1 and HTTP/2 on one port, allow upgrades and set `TCP_NODELAY`. [`oneloop_hyper::serve`] has
//! time limits for headers, for idle connections and for clients that take nothing. The server on tokio is the loop of
//! hyper-util's documentation, which has none. `tokio-hyper-timer` has the first of them, by hyper's own timer.

use std::convert::Infallible;
use std::io;
use std::net::TcpListener;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response};

use super::Server;

/// More than any case has: the default limit is 10,000, and a case connects a few more first.
const CONNECTIONS_MAX: usize = 20_000;

/// All of them. With the feature `peers`, the first is the one that the others are compared to.
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

/// The service. A POST's body is read whole, and the answer is the number of its bytes.
async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    if *request.method() != Method::POST {
        return Ok(Response::new(Full::from("Hello, World!")));
    }
    let (mut body, mut bytes) = (request.into_body(), 0);
    // A client that goes away in the middle is told too small a number, which it cannot read.
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
        builder.http1().timer(TokioTimer::new()); // 30 s.
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
                    // A client that goes away with an error ends its own task, no more.
                    let _ = builder.serve_connection_with_upgrades(TokioIo::new(stream), service).await;
                });
            }
        })
    }
}

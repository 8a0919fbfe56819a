//! This file holds the task of one connection.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::service::Service;
use oneloop::time::{Sleep, sleep};
use tokio::io::AsyncWrite;

use super::error::{Error, Failure, Limit};
use super::exchange::Counted;
use super::handshake::Handshake;
use super::listener::Transport;
use super::peer::Peer;
use super::record::{Order, Record};
use super::shared::{Listed, Open, Shared};
use super::tracked::{Tracked, Version};
use crate::Io;

/// A time long enough for one poll of the driver. Before that poll a socket has no notice of bytes that
/// have arrived, and a listener has none of connections.
pub(super) const A_TURN: Duration = Duration::from_millis(1);

/// Serves a connection from its handshake to its last byte.
pub(super) async fn serve<T, M, S, B>(
    shared: &Shared,
    listed: &Listed,
    open: Open,
    handshake: Handshake<T>,
    make_service: &M,
) -> Result<(), Error>
where
    T: Transport,
    M: Fn(&Peer) -> S,
    S: Service<Request<Incoming>, Response = Response<B>> + 'static,
    S::Error: Into<Failure>,
    B: Body + 'static,
    B::Error: Into<Failure>,
{
    let record = listed.record();
    let remote_addr = handshake.remote_addr;
    let failed = |error: Failure| Error::Connection { remote_addr, error };
    let closed = |limit| Error::Limit { remote_addr, limit };

    let (stream, peer) = match unless_asked(record, handshake.run(record)).await {
        End::Done(Ok(stream)) => stream,
        End::Done(Err(error)) => return Err(Error::Handshake { remote_addr, error }),
        End::Finished => return Ok(()),
        End::Closed(limit) => return Err(closed(limit)),
    };
    let mut service = Counted {
        service: make_service(&peer),
        record: record.clone(),
        tunnels: shared.options.http2_tunnels,
    };
    let mut stream = Tracked::new(stream, record.clone(), open);
    loop {
        let version = match unless_asked(record, stream.version()).await {
            End::Done(Ok(Some(version))) => version,
            End::Done(Ok(None)) | End::Finished => return close(record, stream).await.map_err(closed),
            End::Done(Err(error)) => return Err(failed(error.into())),
            End::Closed(limit) => return Err(closed(limit)),
        };
        let end = match version {
            Version::Http2 => http2(shared, record, stream, service).await,
            Version::Http1 => http1(shared, record, stream, service).await,
        };
        (stream, service) = match end {
            Http::Ended(result) => return result.map_err(|error| failed(error.into())),
            Http::Closed(limit) => return Err(closed(limit)),
            Http::Rests(stream, service) => (stream, service),
        };
        record.set_resting(true);
        match unless_asked(record, stream.readable()).await {
            End::Done(_) => record.set_resting(false), // The next read returns an error.
            End::Finished => return close(record, stream).await.map_err(closed),
            End::Closed(limit) => return Err(closed(limit)),
        }
    }
}

/// The result of a wait of a connection.
enum End<R> {
    Done(R),
    /// The server orders an orderly end, and the wait has nothing to wait for.
    Finished,
    Closed(Limit),
}

/// Polls `future` until it completes or the server orders an end. While `future` is pending no request
/// has begun, so an orderly end is possible. It comes `A_TURN` after the order.
async fn unless_asked<F: Future>(record: &Record, future: F) -> End<F::Output> {
    let mut future = pin!(future);
    let mut last_wait: Option<Sleep> = None;
    poll_fn(|cx| {
        if let Some(Order::Close(limit)) = record.order(cx.waker()) {
            return Poll::Ready(End::Closed(limit));
        }
        if let Poll::Ready(output) = future.as_mut().poll(cx) {
            return Poll::Ready(End::Done(output));
        }
        if !record.is_finishing() {
            return Poll::Pending;
        }
        let last_wait = last_wait.get_or_insert_with(|| sleep(A_TURN));
        Pin::new(last_wait).poll(cx).map(|()| End::Finished)
    })
    .await
}

/// Closes a connection that hyper does not own, in an orderly way. The `close_notify` of TLS tells the
/// client that the stream is complete. An error of the close is ignored, because the connection ends anyway.
async fn close<T: Transport>(record: &Record, mut stream: Tracked<T>) -> Result<(), Limit> {
    let shut_down = poll_fn(|cx| Pin::new(&mut stream).poll_shutdown(cx));
    match unless_asked(record, shut_down).await {
        End::Closed(limit) => Err(limit),
        End::Done(_) | End::Finished => Ok(()),
    }
}

/// The end of hyper's part of a connection.
enum Http<T, S> {
    Ended(hyper::Result<()>),
    Closed(Limit),
    /// The connection is idle, and hyper's part was dropped.
    Rests(Tracked<T>, S),
}

async fn http1<T, S, B>(
    shared: &Shared,
    record: &Record,
    stream: Tracked<T>,
    service: Counted<S>,
) -> Http<T, Counted<S>>
where
    T: Transport,
    S: Service<Request<Incoming>, Response = Response<B>> + 'static,
    S::Error: Into<Failure>,
    B: Body + 'static,
    B::Error: Into<Failure>,
{
    // The future is in a box, so that the task of a connection that rests does not hold its size.
    let io = Io::new(stream);
    let mut connection = Box::new(shared.options.http1.serve_connection(io, service).with_upgrades());
    let mut finishing = false;
    let end = poll_fn(|cx| {
        match record.order(cx.waker()) {
            Some(Order::Close(limit)) => return Poll::Ready(Err(Some(limit))),
            Some(Order::Rest) if record.may_rest() => return Poll::Ready(Err(None)),
            _ => {}
        }
        let mut connection = Pin::new(&mut *connection);
        if record.is_finishing() && !finishing {
            finishing = true;
            // Without this poll hyper would close a connection from which it has read nothing.
            if let Poll::Ready(result) = connection.as_mut().poll(cx) {
                return Poll::Ready(Ok(result));
            }
            connection.as_mut().graceful_shutdown();
        }
        connection.poll(cx).map(Ok)
    })
    .await;
    match end {
        Ok(result) => Http::Ended(result),
        Err(Some(limit)) => Http::Closed(limit),
        Err(None) => match connection.into_parts() {
            Some(parts) => {
                let mut stream = parts.io.into_inner();
                if !parts.read_buf.is_empty() {
                    stream.put_back(&parts.read_buf);
                    record.received(); // The bytes are the head of the next request.
                }
                Http::Rests(stream, parts.service)
            }
            None => Http::Ended(Ok(())), // The connection was upgraded.
        },
    }
}

async fn http2<T, S, B>(
    shared: &Shared,
    record: &Record,
    stream: Tracked<T>,
    service: Counted<S>,
) -> Http<T, Counted<S>>
where
    T: Transport,
    S: Service<Request<Incoming>, Response = Response<B>> + 'static,
    S::Error: Into<Failure>,
    B: Body + 'static,
    B::Error: Into<Failure>,
{
    record.set_http2();
    let mut connection = Box::pin(shared.options.http2.serve_connection(Io::new(stream), service));
    if record.is_finishing() {
        connection.as_mut().graceful_shutdown();
    }
    poll_fn(|cx| {
        match record.order(cx.waker()) {
            Some(Order::Close(limit)) => return Poll::Ready(Http::Closed(limit)),
            Some(Order::Finish) => connection.as_mut().graceful_shutdown(),
            Some(Order::Rest) | None => {}
        }
        connection.as_mut().poll(cx).map(Http::Ended)
    })
    .await
}

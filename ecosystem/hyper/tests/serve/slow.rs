//! HTTP/2 clients receive a response slowly because of their windows, while the socket always has space.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::http2;
use hyper::service::service_fn;
use oneloop::net::{TcpListener, TcpStream};
use oneloop::time::sleep;
use oneloop_hyper::{Executor, Io, serve};

use crate::client::get;
use crate::server::{Body, run, within};

/// This limit is far shorter than a response takes in these tests.
const LIMIT: Duration = Duration::from_millis(300);
const PIECE_BYTES: usize = 2 << 20;
const WINDOW_BYTES: u32 = 65_535;

/// Returns the number of bytes that a client receives, which pauses after each frame.
async fn take_slowly(addr: SocketAddr) -> hyper::Result<usize> {
    let stream = TcpStream::connect(addr).await.unwrap();
    let (mut sender, connection) = http2::Builder::new(Executor)
        .initial_stream_window_size(WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES)
        .handshake(Io::new(stream))
        .await?;
    drop(oneloop::spawn(connection));
    let mut body = sender.send_request(get("/")).await?.into_body();
    let mut count = 0;
    while let Some(frame) = body.frame().await {
        count += frame?.into_data().map_or(0, |data| data.len());
        sleep(Duration::from_millis(20)).await;
    }
    Ok(count)
}

/// Serves a body with short limits. Returns the number of its bytes that arrive.
async fn taken_of(body: impl Fn() -> Body + 'static) -> hyper::Result<usize> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let service = service_fn(move |_: Request<Incoming>| {
        let response = Response::new(body());
        async move { Ok::<_, Infallible>(response) }
    });
    let serve = serve(listener, service).header_timeout(LIMIT).idle_timeout(LIMIT).stall_timeout(LIMIT);
    let server = run(addr, serve);
    let taken = within(take_slowly(addr)).await;
    assert!(server.errors.borrow().is_empty(), "{:?}", server.errors);
    taken
}

#[test]
fn a_response_that_hyper_has_as_a_whole_is_not_idle_before_its_last_byte() {
    oneloop::block_on(async {
        let taken = taken_of(|| Full::new(Bytes::from(vec![0; PIECE_BYTES])).boxed()).await;
        assert_eq!(taken.unwrap(), PIECE_BYTES);
    });
}

#[test]
fn a_client_that_takes_a_large_piece_slowly_does_not_stall() {
    oneloop::block_on(async {
        let taken = taken_of(|| {
            let pieces = [(); 2].map(|()| Ok(Frame::data(Bytes::from(vec![0; PIECE_BYTES]))));
            BodyExt::boxed(StreamBody::new(futures_lite::stream::iter(pieces)))
        });
        assert_eq!(taken.await.unwrap(), 2 * PIECE_BYTES);
    });
}

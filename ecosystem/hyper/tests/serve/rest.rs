//! An idle connection frees its buffers, and loses nothing else.

use std::cell::Cell;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::service::service_fn;
use oneloop::net::{TcpListener, TcpStream};
use oneloop_hyper::serve;
use oneloop_hyper::server::{Listener, Transport};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::client::Raw;
use crate::server::{Running, answer, run, within};

/// The number of times that a connection began to wait without a buffer.
type Rests = Rc<Cell<u32>>;

struct Counting(TcpListener, Rests);

struct Stream(TcpStream, Rests);

impl Listener for Counting {
    type Stream = Stream;

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<(Stream, Option<SocketAddr>)>> {
        let (stream, addr) = ready!(Listener::poll_accept(&mut self.0, cx))?;
        Poll::Ready(Ok((Stream(stream, self.1.clone()), addr)))
    }
}

impl Transport for Stream {
    async fn readable(&self) -> io::Result<()> {
        self.1.set(self.1.get() + 1);
        self.0.readable().await
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        AsyncWrite::poll_write_vectored(Pin::new(&mut self.0), cx, bufs)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        AsyncWrite::poll_flush(Pin::new(&mut self.0), cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        AsyncWrite::poll_shutdown(Pin::new(&mut self.0), cx)
    }
}

/// Starts a server that sweeps every 50 ms, with limits that do not matter.
async fn start() -> (Running, Rests) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let rests = Rests::default();
    let limit = Duration::from_secs(60);
    let stall = Duration::from_millis(200); // The shortest limit sets the period of the sweep.
    let serve = serve(Counting(listener, rests.clone()), service_fn(answer))
        .header_timeout(limit)
        .idle_timeout(limit)
        .stall_timeout(stall);
    (run(addr, serve), rests)
}

async fn until(rests: &Rests, count: u32) {
    within(async {
        while rests.get() < count {
            oneloop::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}

#[test]
fn a_connection_rests_between_its_requests() {
    oneloop::block_on(async {
        let (server, rests) = start().await;
        let mut client = Raw::connect(server.addr).await;
        for count in 1..4 {
            client.get("/").await;
            client.receive_until("hello").await;
            until(&rests, count).await;
        }
        // Half a request arrives, and the other half later. No byte is lost, and the connection does not
        // rest in between.
        client.send("GET / HTTP/1.1\r\nHo").await;
        oneloop::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(rests.get(), 3);
        client.send("st: test\r\n\r\n").await;
        client.receive_until("hello").await;
    });
}

#[test]
fn a_resting_connection_notices_that_its_client_has_closed() {
    oneloop::block_on(async {
        let (server, rests) = start().await;
        let mut client = Raw::connect(server.addr).await;
        client.get("/").await;
        client.receive_until("hello").await;
        until(&rests, 1).await;
        client.0.shutdown(std::net::Shutdown::Write).unwrap();
        assert_eq!(client.receive_all().await, "");
    });
}

#[test]
fn a_connection_does_not_rest_with_an_answer_under_way_or_a_body_unread() {
    oneloop::block_on(async {
        let (server, rests) = start().await;
        let mut working = Raw::connect(server.addr).await;
        working.get("/never").await;
        // The handler answers before the body has arrived.
        let mut unread = Raw::connect(server.addr).await;
        unread.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\n12").await;
        unread.receive_until("hello").await;
        oneloop::time::sleep(Duration::from_millis(400)).await;
        assert_eq!(rests.get(), 0);
    });
}

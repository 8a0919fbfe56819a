//! These tests cover hyper's traits on the runtime's types.

use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::rt::{Executor as _, Read, Timer as _, Write};
use oneloop::Runtime;
use oneloop::net::{TcpListener, TcpStream};
use oneloop_hyper::{Executor, Io, Timer};
use tokio::io::{AsyncRead, ReadBuf};

use crate::server::within;

/// A reader that inspects its buffer.
struct Inspecting {
    initialized: Option<usize>,
}

impl AsyncRead for Inspecting {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.initialized = Some(buf.initialized().len());
        buf.put_slice(b"abc");
        Poll::Ready(Ok(()))
    }
}

#[test]
fn a_read_fills_no_buffer_with_zeros() {
    let mut io = Io::new(Inspecting { initialized: None });
    let mut memory = [MaybeUninit::uninit(); 64];
    let mut buf = hyper::rt::ReadBuf::uninit(&mut memory);
    let poll =
        Pin::new(&mut io).poll_read(&mut Context::from_waker(std::task::Waker::noop()), buf.unfilled());
    assert!(matches!(poll, Poll::Ready(Ok(()))));
    assert_eq!(buf.filled(), b"abc");
    assert_eq!(io.into_inner().initialized, Some(0));
}

#[test]
fn writes_of_a_socket_are_vectored() {
    oneloop::block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut peer, _) = listener.accept().await.unwrap();
        let mut io = Io::new(stream);
        assert!(io.is_write_vectored());
        let parts = [io::IoSlice::new(b"one "), io::IoSlice::new(b"write")];
        let count = within(poll_fn(|cx| Pin::new(&mut io).poll_write_vectored(cx, &parts))).await.unwrap();
        assert_eq!(count, 9);
        poll_fn(|cx| Pin::new(&mut io).poll_shutdown(cx)).await.unwrap();
        let mut received = String::new();
        use futures_lite::AsyncReadExt;
        within(peer.read_to_string(&mut received)).await.unwrap();
        assert_eq!(received, "one write");
    });
}

#[test]
fn a_timer_follows_the_clock_of_the_runtime() {
    let runtime = Runtime::builder().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let day = Duration::from_secs(86_400);
        let (began, began_really) = (Timer.now(), Instant::now());
        Timer.sleep(day).await;
        let mut sleep = Timer.sleep_until(began + 9 * day);
        Timer.reset(&mut sleep, began + 2 * day);
        sleep.await;
        assert_eq!(Timer.now() - began, 2 * day);
        assert!(began_really.elapsed() < day);
    });
}

#[test]
fn an_io_of_an_io_has_the_first_traits_and_is_send() {
    fn is_send<T: Send>(stream: T) -> T {
        stream
    }
    oneloop::block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut peer, _) = listener.accept().await.unwrap();
        let mut io = is_send(Io::new(Io::new(stream)));
        assert!(tokio::io::AsyncWrite::is_write_vectored(&io));
        let parts = [io::IoSlice::new(b"to "), io::IoSlice::new(b"and fro")];
        let sent = poll_fn(|cx| tokio::io::AsyncWrite::poll_write_vectored(Pin::new(&mut io), cx, &parts));
        assert_eq!(within(sent).await.unwrap(), 10);
        let mut received = [0; 10];
        use futures_lite::{AsyncReadExt, AsyncWriteExt};
        within(peer.read_exact(&mut received)).await.unwrap();
        within(peer.write_all(&received)).await.unwrap();
        let mut memory = [MaybeUninit::uninit(); 64];
        let mut buf = ReadBuf::uninit(&mut memory);
        within(poll_fn(|cx| AsyncRead::poll_read(Pin::new(&mut io), cx, &mut buf))).await.unwrap();
        assert_eq!(buf.filled(), b"to and fro");
    });
}

/// A sleep that another timer made.
struct Other;

impl hyper::rt::Sleep for Other {}

impl Future for Other {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }
}

#[test]
fn a_reset_replaces_the_sleep_of_another_timer() {
    oneloop::block_on(async {
        let mut sleep: Pin<Box<dyn hyper::rt::Sleep>> = Box::pin(Other);
        Timer.reset(&mut sleep, Timer.now());
        within(sleep).await;
    });
}

#[test]
fn an_executor_runs_futures_that_are_not_send() {
    oneloop::block_on(async {
        let ran = Rc::new(Cell::new(false));
        let flag = ran.clone();
        Executor.execute(async move { flag.set(true) });
        oneloop::yield_now().await;
        assert!(ran.get());
    });
}

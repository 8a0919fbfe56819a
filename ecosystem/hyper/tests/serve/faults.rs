//! A fault ends its own connection or its own request, and no other.

use std::cell::Cell;
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::service::service_fn;
use oneloop::net::{TcpListener, TcpStream};
use oneloop_hyper::server::{Error, Listener};
use oneloop_hyper::{Io, serve};

use crate::client::{self, Raw, body, get};
use crate::frames::{self, CONTINUATION, Frame, GOAWAY, HEADERS, RST_STREAM};
use crate::server::{answer, run, start, start_service, text, within};

#[test]
fn malformed_requests_are_answered_and_their_connection_closed() {
    oneloop::block_on(async {
        let server = start(|serve| serve).await;
        for bad in ["\0\0\0\0\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "a b c d\r\n\r\n"] {
            let mut client = Raw::connect(server.addr).await;
            client.send(bad).await;
            let answer = client.receive_all().await;
            assert!(answer.starts_with("HTTP/1.1 400 "), "{bad:?}: {answer}");
            assert!(matches!(server.error().await, Error::Connection { .. }));
        }
        // A length together with chunks is a form of request smuggling.
        let mut client = Raw::connect(server.addr).await;
        client.send("POST /echo HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx").await;
        assert!(client.receive_all().await.starts_with("HTTP/1.1 400 "));
        let mut client = client::http1(server.addr).await;
        assert_eq!(body(client.send_request(get("/")).await.unwrap()).await, "hello");
    });
}

#[test]
fn a_panic_of_a_handler_ends_its_connection_on_http1_and_its_request_on_http2() {
    oneloop::block_on(async {
        let server = start(|serve| serve).await;
        let mut first = Raw::connect(server.addr).await;
        first.get("/panic").await;
        assert_eq!(first.receive_all().await, "");
        assert!(matches!(server.error().await, Error::Panicked(error) if error.is_panic()));

        let mut second = client::http2(server.addr).await;
        assert!(within(second.send_request(get("/panic"))).await.is_err());
        assert_eq!(body(second.send_request(get("/")).await.unwrap()).await, "hello");
    });
}

#[test]
fn a_handler_that_is_not_waited_for_any_more_is_dropped() {
    oneloop::block_on(async {
        struct Dropped(Rc<Cell<u32>>);
        impl Drop for Dropped {
            fn drop(&mut self) {
                self.0.set(self.0.get() + 1);
            }
        }
        let began = Rc::new(Cell::new(0));
        let dropped = Rc::new(Cell::new(0));
        let (count, guard) = (began.clone(), dropped.clone());
        let server = start_service(service_fn(move |_request| {
            count.set(count.get() + 1);
            let guard = Dropped(guard.clone());
            async move {
                let _guard = guard;
                std::future::pending::<()>().await;
                Ok::<_, std::convert::Infallible>(http::Response::new(text("")))
            }
        }))
        .await;
        let until = |cell: &Rc<Cell<u32>>, count| {
            let cell = cell.clone();
            within(async move {
                while cell.get() < count {
                    oneloop::time::sleep(Duration::from_millis(1)).await;
                }
            })
        };
        let mut first = Raw::connect(server.addr).await;
        first.get("/").await;
        until(&began, 1).await;
        drop(first);
        until(&dropped, 1).await;

        // On HTTP/2 the handler is a task of its own.
        let mut second = frames::connect(server.addr).await;
        second.send(frames::get(1)).await;
        second.send(frames::get(3)).await;
        until(&began, 3).await;
        second.send(Frame::new(RST_STREAM, 0, 1, 8u32.to_be_bytes()).bytes()).await;
        until(&dropped, 2).await;
        drop(second);
        until(&dropped, 3).await;

        // The end of the server drops the remaining handler.
        let mut third = frames::connect(server.addr).await;
        third.send(frames::get(1)).await;
        until(&began, 4).await;
        server.task.abort();
        until(&dropped, 4).await;
    });
}

#[test]
fn a_rapid_reset_ends_its_connection() {
    oneloop::block_on(async {
        let server = start(|serve| serve).await;
        let mut client = frames::connect(server.addr).await;
        let mut flood = Vec::new();
        for stream in (1..2001).step_by(2) {
            flood.extend(frames::get(stream));
            flood.extend(Frame::new(RST_STREAM, 0, stream, 8u32.to_be_bytes()).bytes());
        }
        client.send(flood).await;
        let frames = client.receive_frames().await;
        let goaway = frames.iter().find(|frame| frame.kind == GOAWAY).expect("no GOAWAY");
        assert_eq!(goaway.payload[4..8], 11u32.to_be_bytes(), "not ENHANCE_YOUR_CALM");
        let mut other = client::http2(server.addr).await;
        assert_eq!(body(other.send_request(get("/")).await.unwrap()).await, "hello");
    });
}

#[test]
fn a_flood_of_continuations_ends_its_connection() {
    oneloop::block_on(async {
        let server = start(|serve| serve).await;
        let mut client = frames::connect(server.addr).await;
        client.send(Frame::new(HEADERS, 0, 1, frames::GET).bytes()).await;
        // Each field that is not indexed takes a byte for its name and one for its value.
        let piece = Frame::new(CONTINUATION, 0, 1, b"\x00\x01a\x01b".repeat(3000)).bytes();
        within(async {
            use futures_lite::AsyncWriteExt;
            while client.0.write_all(&piece).await.is_ok() {}
        })
        .await;
        assert!(matches!(server.error().await, Error::Connection { .. }));
        let mut other = client::http2(server.addr).await;
        assert_eq!(body(other.send_request(get("/")).await.unwrap()).await, "hello");
    });
}

#[test]
fn a_reset_in_a_body_costs_its_own_connection() {
    oneloop::block_on(async {
        let server = start(|serve| serve).await;
        let mut client = Raw::connect(server.addr).await;
        client.send("POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 100\r\n\r\nabc").await;
        oneloop::yield_now().await;
        client.0.set_linger(Some(Duration::ZERO)).unwrap();
        drop(client);
        assert!(matches!(server.error().await, Error::Connection { .. }));
        let mut other = client::http1(server.addr).await;
        assert_eq!(body(other.send_request(get("/")).await.unwrap()).await, "hello");
    });
}

/// A listener that fails a few times before it accepts.
struct Failing {
    listener: TcpListener,
    errors: VecDeque<io::ErrorKind>,
}

impl Listener for Failing {
    type Stream = TcpStream;

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<(TcpStream, Option<SocketAddr>)>> {
        match self.errors.pop_front() {
            Some(error) => Poll::Ready(Err(error.into())),
            None => Listener::poll_accept(&mut self.listener, cx),
        }
    }
}

#[test]
fn accepting_pauses_after_an_error_and_goes_on() {
    oneloop::block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let errors = [io::ErrorKind::QuotaExceeded, io::ErrorKind::OutOfMemory].into();
        let started = std::time::Instant::now();
        let server = run(addr, serve(Failing { listener, errors }, service_fn(answer)));
        let mut client = client::http1(addr).await;
        assert_eq!(body(client.send_request(get("/")).await.unwrap()).await, "hello");
        assert!(started.elapsed() >= Duration::from_millis(200), "it did not pause");
        let errors = server.errors.borrow();
        assert_eq!(errors.len(), 2);
        assert!(errors.iter().all(|error| matches!(error, Error::Accept(_))));
    });
}

#[test]
fn an_error_names_the_client_and_the_reason() {
    oneloop::block_on(async {
        let server = start(|serve| serve).await;
        let mut client = Raw::connect(server.addr).await;
        let addr = client.0.local_addr().unwrap();
        client.send("nonsense\r\n\r\n").await;
        client.receive_all().await;
        let error = server.error().await.to_string();
        assert!(error.starts_with(&format!("the connection of {addr} failed: ")), "{error}");
        assert!(error.contains("invalid"), "{error}");
    });
}

#[test]
fn an_io_of_another_thread_says_so() {
    let io = Io::new(3);
    assert!(format!("{io:?}").contains('3'));
    let io = std::thread::spawn(move || {
        assert!(format!("{io:?}").contains("another thread"));
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| *io.get_ref())).is_err());
        io
    })
    .join()
    .unwrap();
    assert_eq!(io.into_inner(), 3);
}

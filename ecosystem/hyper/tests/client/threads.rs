//! These tests use a client on several threads, and bodies that are not `Send`.

use std::future::poll_fn;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::thread;

use bytes::Bytes;
use common::executor::text_of;
use common::sockets::{run, within};
use futures::StreamExt;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Body as _, Frame, SizeHint};
use hyper::{Request, Uri};
use hyper_util::client::legacy::Client;
use oneloop::Handle;
use oneloop_hyper::client::Connector;
use send_wrapper::SendWrapper;
use tower_service::Service;

use crate::support::{Body, Server, causes, get};

/// Returns a client that has an idle connection on this loop.
async fn with_idle_connection(server: &Server) -> Client<Connector, Body> {
    let client = oneloop_hyper::client::<Body>();
    get(&client, server.uri("/")).await.unwrap();
    client
}

#[test]
fn another_loop_may_use_a_connection_of_this_one() {
    run(async {
        let server = Server::start().await.unwrap();
        let client = with_idle_connection(&server).await;
        let uri = server.uri("/from-another-thread");
        let other = oneloop::unblock(move || run(async { get(&client, uri).await.unwrap().0 }));
        assert_eq!(within(other).await, "/from-another-thread");
        assert_eq!(server.accepted(), 1);
    });
}

#[test]
fn a_client_outlives_a_loop_that_it_was_used_on() {
    run(async {
        let server = Server::start().await.unwrap();
        let client = oneloop_hyper::client::<Body>();
        let (theirs, uri) = (client.clone(), server.uri("/"));
        within(oneloop::unblock(move || run(async { get(&theirs, uri).await.unwrap().0 }))).await;
        server.ended(1).await; // The end of the other loop closed its connection.
        assert_eq!(get(&client, server.uri("/again")).await.unwrap().0, "/again");
        assert_eq!(server.accepted(), 2);
    });
}

#[test]
fn a_request_may_be_made_on_one_thread_and_awaited_on_a_loop() {
    run(async {
        let server = Server::start().await.unwrap();
        let (handle, uri) = (Handle::current(), server.uri("/"));
        let made_elsewhere = oneloop::unblock(move || {
            let client = oneloop_hyper::client::<Body>();
            let request = client.get(uri);
            handle.spawn(async move { request.await.expect("a response").status() })
        });
        assert_eq!(within(made_elsewhere).await.await.expect("no panic"), 200);
    });
}

#[test]
fn a_thread_without_a_loop_gets_an_error() {
    let client = oneloop_hyper::client::<Body>();
    let error = futures::executor::block_on(client.get(Uri::from_static("http://127.0.0.1:9/"))).unwrap_err();
    assert!(error.is_connect());
    assert!(causes(&error).contains("no oneloop runtime runs on this thread"), "{}", causes(&error));
}

/// Returns a request that has begun to connect, to a server that refuses no connection.
async fn begun() -> oneloop_hyper::client::Connecting {
    let uri = Uri::from_static("http://localhost:9/"); // the name takes a look-up, so it is pending
    let mut connecting = Connector::new().call(uri);
    poll_fn(|cx| {
        assert!(pin!(&mut connecting).poll(cx).is_pending());
        Poll::Ready(())
    })
    .await;
    connecting
}

#[test]
fn a_connection_that_moves_while_it_is_made_is_an_error() {
    run(async {
        let mut connecting = begun().await;
        let elsewhere = thread::spawn(move || {
            let mut cx = Context::from_waker(Waker::noop());
            match Pin::new(&mut connecting).poll(&mut cx) {
                Poll::Ready(result) => result.map(drop).unwrap_err().to_string(),
                Poll::Pending => panic!("it must not be polled"),
            }
        });
        let text = elsewhere.join().expect("no panic, not even by the drop");
        assert!(text.contains("begun on one thread is awaited on another"), "{text}");
    });
}

#[test]
fn dropped_elsewhere_while_it_is_made_a_connection_panics() {
    run(async {
        let connecting = begun().await;
        let panic = thread::spawn(move || drop(connecting)).join().unwrap_err();
        assert!(text_of(&*panic).contains("from a thread different"), "{}", text_of(&*panic));
    });
}

/// Makes a body that is not `Send`.
fn pieces() -> StreamBody<SendWrapper<impl futures::Stream<Item = io::Result<Frame<Bytes>>>>> {
    let pieces = Rc::new(["one ", "two"]);
    let stream = futures::stream::iter([0, 1]);
    let stream = stream.map(move |i| Ok(Frame::data(Bytes::from_static(pieces[i].as_bytes()))));
    StreamBody::new(SendWrapper::new(stream))
}

#[test]
fn a_body_that_is_not_send_goes_through_a_wrapper() {
    run(async {
        let server = Server::start().await.unwrap();
        let request = Request::post(server.uri("/")).body(pieces()).unwrap();
        let response = oneloop_hyper::client().request(request).await.unwrap();
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "one two");
    });
}

/// A custom body type that is not `Send`.
struct Own(Rc<Bytes>, bool);

impl hyper::body::Body for Own {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let first = !std::mem::replace(&mut self.1, true);
        Poll::Ready(first.then(|| Ok(Frame::data((*self.0).clone()))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.len() as u64)
    }
}

#[test]
fn a_body_type_that_is_not_send_goes_through_a_wrapper() {
    run(async {
        let server = Server::start().await.unwrap();
        let body = Own(Rc::new(Bytes::from_static(b"own")), false);
        assert_eq!(body.size_hint().exact(), Some(3));
        let request = Request::post(server.uri("/")).body(Pin::new(SendWrapper::new(body))).unwrap();
        let response = oneloop_hyper::client().request(request).await.unwrap();
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "own");
    });
}

#[test]
fn a_wrapped_body_on_a_connection_of_another_loop_fails_its_own_request_alone() {
    run(async {
        let server = Server::start().await.unwrap();
        let client = oneloop_hyper::client();
        let first = client.request(Request::post(server.uri("/")).body(pieces()).unwrap()).await.unwrap();
        first.into_body().collect().await.unwrap();

        let (theirs, uri) = (client.clone(), server.uri("/"));
        let elsewhere = oneloop::unblock(move || {
            // The panic may come out of the request or of the body's drop.
            catch_unwind(AssertUnwindSafe(|| {
                run(async {
                    let request = Request::post(uri).body(pieces()).unwrap();
                    theirs.request(request).await.map(|response| response.status())
                })
            }))
        });
        let outcome = within(elsewhere).await;
        assert!(matches!(outcome, Ok(Err(_))), "{outcome:?}");

        // The first loop still works.
        let again = client.request(Request::post(server.uri("/")).body(pieces()).unwrap()).await.unwrap();
        assert_eq!(again.into_body().collect().await.unwrap().to_bytes(), "one two");
        assert_eq!(server.accepted(), 2);
    });
}

//! These tests cover upgraded connections.

use std::convert::Infallible;
use std::time::Duration;

use futures_lite::{AsyncReadExt, AsyncWriteExt};
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::service::service_fn;
use oneloop::net::TcpListener;
use oneloop_hyper::{Io, serve};

use crate::client::Raw;
use crate::server::{run, text, within};

/// Answers with 101, then sends back each received byte.
async fn upgrade(request: Request<Incoming>) -> Result<Response<crate::server::Body>, Infallible> {
    if !request.headers().contains_key("upgrade") {
        return Ok(Response::new(text("plain")));
    }
    drop(oneloop::spawn(async move {
        let upgraded = hyper::upgrade::on(request).await.unwrap();
        let mut stream = Io::new(upgraded);
        let mut buffer = [0; 1024];
        while let Ok(count) = stream.read(&mut buffer).await {
            if count == 0 || stream.write_all(&buffer[..count]).await.is_err() {
                break;
            }
        }
    }));
    let mut response = Response::new(text(""));
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    response.headers_mut().insert("upgrade", "echo".parse().unwrap());
    response.headers_mut().insert("connection", "upgrade".parse().unwrap());
    Ok(response)
}

const ASK: &str = "GET / HTTP/1.1\r\nHost: t\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\nearly";

#[test]
fn an_upgraded_connection_has_no_time_limit_and_counts_as_open() {
    oneloop::block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let limit = Duration::from_millis(100);
        let serve =
            serve(listener, service_fn(upgrade)).idle_timeout(limit).stall_timeout(limit).max_connections(1);
        let server = run(addr, serve);
        let mut client = Raw::connect(addr).await;
        client.send(ASK).await;
        let head = client.receive_until("early").await;
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");

        let mut other = Raw::connect(addr).await;
        other.get("/").await;
        let early = oneloop::time::timeout(4 * limit, other.0.readable()).await;
        assert!(early.is_err(), "the limit of one connection was not kept");
        client.send("still here").await;
        client.receive_until("still here").await;
        drop(client);
        other.receive_until("plain").await;
        assert!(server.errors.borrow().is_empty(), "{:?}", server.errors);
    });
}

#[test]
fn the_end_of_the_server_leaves_an_upgraded_connection_to_the_program() {
    oneloop::block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (end, ended) = async_channel::bounded::<()>(1);
        let serve = serve(listener, service_fn(upgrade))
            .shutdown(async move { ended.recv().await }, Duration::from_secs(60));
        let server = run(addr, serve);
        let mut client = Raw::connect(addr).await;
        client.send(ASK).await;
        client.receive_until("early").await;
        drop(end);
        assert_eq!(within(server.task).await.unwrap().cut_off, 0);
        client.send("after the end").await;
        client.receive_until("after the end").await;
    });
}

//! These tests cover the connections in a client's pool.

use std::io::{Read, Write};
use std::time::Duration;

use bytes::Bytes;
use common::sockets::{LIMIT, Outcome, run, within};
use http_body_util::{BodyExt, Full};
use hyper::Request;
use oneloop_hyper::Io;
use oneloop_hyper::client::{self, Connector, Stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{Body, Server, get};

#[test]
fn a_connection_is_used_again() {
    run(async {
        let server = Server::start().await.unwrap();
        let client = oneloop_hyper::client::<Body>();
        let mut ports = Vec::new();
        for i in 0..5 {
            let (text, info) = get(&client, server.uri(&format!("/{i}"))).await.unwrap();
            assert_eq!(text, format!("/{i}"));
            ports.push(info.local_addr().port());
        }
        assert_eq!(server.accepted(), 1);
        assert!(ports.iter().all(|port| *port == ports[0]), "{ports:?}");
    });
}

#[test]
fn a_body_of_a_megabyte_goes_there_and_back() {
    run(async {
        let server = Server::start().await.unwrap();
        let bytes = Bytes::from(common::sockets::pattern(1 << 20, 7));
        let request = Request::post(server.uri("/")).body(Full::new(bytes.clone())).unwrap();
        let response = oneloop_hyper::client().request(request).await.unwrap();
        let back = response.into_body().collect().await.unwrap().to_bytes();
        assert!(back == bytes, "other bytes came back");
    });
}

#[test]
fn idle_connections_are_closed_at_their_limit() {
    run(async {
        let server = Server::start().await.unwrap();
        let client =
            client::builder().pool_idle_timeout(Duration::from_millis(20)).build::<_, Body>(Connector::new());
        get(&client, server.uri("/")).await.unwrap();
        server.ended(1).await;
        get(&client, server.uri("/")).await.unwrap();
        assert_eq!(server.accepted(), 2);
    });
}

#[test]
fn dropping_the_client_closes_its_connections() {
    run(async {
        let server = Server::start().await.unwrap();
        let client = oneloop_hyper::client::<Body>();
        get(&client, server.uri("/")).await.unwrap();
        drop(client);
        server.ended(1).await;
    });
}

#[test]
fn many_requests_at_once_are_answered_each() {
    run(async {
        let server = Server::start().await.unwrap();
        let client = oneloop_hyper::client::<Body>();
        let all = (0..100).map(|i| {
            let (client, uri) = (client.clone(), server.uri(&format!("/{i}")));
            async move { assert_eq!(get(&client, uri).await.unwrap().0, format!("/{i}")) }
        });
        futures::future::join_all(all).await;
        assert!(server.accepted() <= 100);
    });
}

#[cfg(feature = "server")]
#[test]
fn http_2_without_tls_is_for_those_that_ask_for_it() {
    run(async {
        let listener = oneloop::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri: hyper::Uri = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        let service = hyper::service::service_fn(|request: Request<hyper::body::Incoming>| async move {
            Ok::<_, std::convert::Infallible>(hyper::Response::new(format!("{:?}", request.version())))
        });
        oneloop::spawn(oneloop_hyper::serve(listener, service).into_future());
        let client = client::builder().http2_only(true).build::<_, Body>(Connector::new());
        assert_eq!(get(&client, uri.clone()).await.unwrap().0, "HTTP/2.0");
        assert_eq!(get(&oneloop_hyper::client(), uri).await.unwrap().0, "HTTP/1.1");
    });
}

#[test]
fn an_upgraded_connection_gives_its_stream_back() -> Outcome {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    let addr = listener.local_addr()?;
    run(async {
        let server = oneloop::unblock(move || {
            let (mut stream, _) = common::interrupted::uninterrupted(|| listener.accept())?;
            stream.set_read_timeout(Some(LIMIT))?;
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte)?;
                head.extend(byte);
            }
            stream.write_all(
                b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: raw\r\n\r\n",
            )?;
            let mut four = [0; 4];
            stream.read_exact(&mut four)?;
            stream.write_all(&four)
        });
        let request = Request::get(format!("http://{addr}/"))
            .header("connection", "upgrade")
            .header("upgrade", "raw")
            .body(Body::default())
            .expect("a request");
        let response = oneloop_hyper::client().request(request).await.expect("a response");
        assert_eq!(response.status(), 101);
        let upgraded = hyper::upgrade::on(response).await.expect("an upgrade");
        let parts = upgraded.downcast::<Io<Stream>>().expect("it is ours");
        assert!(parts.read_buf.is_empty());
        let mut stream = parts.io.into_inner();
        assert_eq!(stream.tcp().peer_addr()?, addr);
        stream.write_all(b"ping").await?;
        let mut back = [0; 4];
        stream.read_exact(&mut back).await?;
        assert_eq!(&back, b"ping");
        within(server).await
    })
}

//! Connections that a client keeps.

use std::time::Duration;

use bytes::Bytes;
use common::sockets::run;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use oneloop_hyper::client::{self, Connector};

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

//! These tests cover HTTP/1.1 and HTTP/2 on one port.

use std::cell::Cell;
use std::convert::Infallible;
use std::rc::Rc;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use oneloop::net::TcpListener;
use oneloop_hyper::serve_with;

use crate::client::{self, Raw, body, get, post};
use crate::server::{run, start, start_service, within};

#[test]
fn one_port_speaks_both_versions() {
    oneloop::block_on(async {
        let server = start(|serve| serve).await;
        let mut first = client::http1(server.addr).await;
        let mut second = client::http2(server.addr).await;
        for _ in 0..3 {
            assert_eq!(body(first.send_request(get("/")).await.unwrap()).await, "hello");
            assert_eq!(body(second.send_request(get("/")).await.unwrap()).await, "hello");
        }
        let big = "0123456789".repeat(100_000);
        let answer = first.send_request(post("/echo", big.clone())).await.unwrap();
        assert_eq!(body(answer).await, big);
        let answer = second.send_request(post("/echo", big.clone())).await.unwrap();
        assert_eq!(body(answer).await, big);
    });
}

#[test]
fn requests_of_one_http2_connection_overlap() {
    oneloop::block_on(async {
        let server = start(|serve| serve).await;
        let mut sender = client::http2(server.addr).await;
        let never = sender.send_request(get("/never"));
        let quick = sender.send_request(get("/"));
        let never = oneloop::spawn(never);
        assert_eq!(body(within(quick).await.unwrap()).await, "hello");
        assert!(!never.is_finished());
    });
}

#[test]
fn a_request_may_arrive_byte_by_byte() {
    oneloop::block_on(async {
        let server = start(|serve| serve).await;
        // HTTP/2's preface begins with the same bytes.
        let mut client = Raw::connect(server.addr).await;
        client.0.set_nodelay(true).unwrap();
        for byte in b"PRI / HTTP/1.1\r\nHost: test\r\n\r\n" {
            client.send([*byte]).await;
            oneloop::yield_now().await;
        }
        assert!(client.receive_until("hello").await.starts_with("HTTP/1.1 200 OK"));
    });
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    oneloop::block_on(async {
        let server = start(|serve| serve).await;
        let mut client = Raw::connect(server.addr).await;
        let one = |path| format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n");
        client.send([one("/slow"), one("/"), one("/missing")].concat()).await;
        client.receive_until("slow").await;
        client.receive_until("hello").await;
        assert!(client.receive_until("no /missing").await.contains("404"));
    });
}

#[test]
fn an_end_of_the_connection_in_the_first_line_is_no_error_of_the_server() {
    oneloop::block_on(async {
        let server = start(|serve| serve).await;
        let mut client = Raw::connect(server.addr).await;
        client.send("PRI * HT").await;
        client.0.shutdown(std::net::Shutdown::Write).unwrap();
        client.receive_all().await;
        let mut other = client::http1(server.addr).await;
        assert_eq!(body(other.send_request(get("/")).await.unwrap()).await, "hello");
    });
}

#[test]
fn a_service_need_not_be_send() {
    oneloop::block_on(async {
        let count = Rc::new(Cell::new(0));
        let service = service_fn(move |_request: Request<Incoming>| {
            let count = count.clone();
            async move {
                count.set(count.get() + 1);
                oneloop::yield_now().await;
                Ok::<_, Infallible>(Response::new(count.get().to_string()))
            }
        });
        let server = start_service(service).await;
        let mut first = client::http1(server.addr).await;
        let mut second = client::http2(server.addr).await;
        assert_eq!(body(first.send_request(get("/")).await.unwrap()).await, "1");
        assert_eq!(body(second.send_request(get("/")).await.unwrap()).await, "2");
    });
}

#[test]
fn a_service_for_each_connection_knows_its_peer() {
    oneloop::block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let serve = serve_with(listener, |peer| {
            let addr = peer.remote_addr().unwrap();
            service_fn(move |_request: Request<Incoming>| async move {
                Ok::<_, Infallible>(Response::new(addr.to_string()))
            })
        });
        let server = run(addr, serve);
        let mut client = Raw::connect(server.addr).await;
        client.get("/").await;
        let expected = client.0.local_addr().unwrap().to_string();
        client.receive_until(&expected).await;
    });
}

#[cfg(unix)]
#[test]
fn a_unix_socket_serves() {
    use futures_lite::{AsyncReadExt, AsyncWriteExt};
    use oneloop::net::{UnixListener, UnixStream};

    let folder = std::env::temp_dir();
    let path = folder.join(format!("oneloop-hyper-{}", std::process::id()));
    let _ = std::fs::remove_file(&path); // A killed process with the same number may have left it.
    oneloop::block_on(async {
        let listener = UnixListener::bind(&path).unwrap();
        let service = service_fn(crate::server::answer);
        let serving = oneloop::spawn(oneloop_hyper::serve(listener, service).into_future());
        let mut client = UnixStream::connect(&path).await.unwrap();
        client.write_all(b"GET / HTTP/1.0\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        within(client.read_to_string(&mut answer)).await.unwrap();
        assert!(answer.ends_with("hello"), "{answer}");
        serving.abort();
    });
    std::fs::remove_file(&path).unwrap();
}

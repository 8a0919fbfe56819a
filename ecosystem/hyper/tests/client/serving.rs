//! These tests cover `serve` over TLS.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::rc::Rc;
use std::time::Duration;

use common::sockets::within;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, Version};
use oneloop::io::AsyncReadExt;
use oneloop::net::{TcpListener, TcpStream};
use oneloop_hyper::client;
use oneloop_hyper::server::{Error, Limit};

use crate::support::{Authority, Body};

/// The events of a server's connections.
#[derive(Default)]
struct Seen {
    connections: Cell<usize>,
    names: RefCell<Vec<String>>,
    errors: RefCell<Vec<Error>>,
}

/// Starts a server with short limits. Its response is the request's version.
async fn start(authority: &Authority) -> (u16, Rc<Seen>, async_channel::Sender<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let seen = Rc::new(Seen::default());
    let (counted, reported) = (seen.clone(), seen.clone());
    let (end, ended) = async_channel::bounded::<()>(1);
    let serve = oneloop_hyper::serve_with(listener, move |peer| {
        counted.connections.set(counted.connections.get() + 1);
        let tls = peer.tls().expect("it is TLS");
        let protocol = String::from_utf8_lossy(tls.protocol().unwrap_or(b"none"));
        let name = format!("{} {protocol}", tls.server_name().unwrap_or("no name"));
        counted.names.borrow_mut().push(name);
        service_fn(|request: Request<Incoming>| async move {
            Ok::<_, Infallible>(Response::new(format!("{:?}", request.version())))
        })
    })
    .tls(authority.acceptor(&["one.test"]))
    .stall_timeout(Duration::from_millis(200)) // The sweep runs every 50 ms.
    .on_error(move |error| reported.errors.borrow_mut().push(error))
    .shutdown(async move { ended.recv().await }, Duration::from_secs(60));
    drop(oneloop::spawn(serve.into_future()));
    (port, seen, end)
}

async fn get(client: &crate::support::Pool, port: u16) -> (Version, String) {
    let uri = format!("https://one.test:{port}/").parse().unwrap();
    let response = within(client.get(uri)).await.unwrap();
    let version = response.version();
    let body = within(http_body_util::BodyExt::collect(response.into_body())).await.unwrap();
    (version, String::from_utf8(body.to_bytes().to_vec()).unwrap())
}

#[test]
fn a_server_with_tls_speaks_the_version_that_was_agreed_on_and_knows_its_peer() {
    oneloop::block_on(async {
        let authority = Authority::new();
        let (port, seen, _end) = start(&authority).await;
        let second = client::builder().build::<_, Body>(authority.connector());
        assert_eq!(get(&second, port).await, (Version::HTTP_2, "HTTP/2.0".into()));

        let mut roots = oneloop_hyper::tls::Roots::empty();
        roots.add_pem(authority.pem().as_bytes()).unwrap();
        let mut config = roots.client_config();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let first = client::builder().build::<_, Body>(crate::support::named().tls_config(config));
        assert_eq!(get(&first, port).await, (Version::HTTP_11, "HTTP/1.1".into()));
        assert_eq!(*seen.names.borrow(), ["one.test h2", "one.test http/1.1"]);
    });
}

#[test]
fn a_connection_with_tls_rests_and_goes_on() {
    oneloop::block_on(async {
        let authority = Authority::new();
        let (port, seen, end) = start(&authority).await;
        let mut roots = oneloop_hyper::tls::Roots::empty();
        roots.add_pem(authority.pem().as_bytes()).unwrap();
        let mut config = roots.client_config();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let pool = client::builder().build::<_, Body>(crate::support::named().tls_config(config));
        for _ in 0..3 {
            assert_eq!(get(&pool, port).await.1, "HTTP/1.1");
            // This time is three sweeps. The test cannot observe the rest itself, only that the
            // connection works after it.
            oneloop::time::sleep(Duration::from_millis(200)).await;
        }
        assert_eq!(seen.connections.get(), 1);
        drop(end);
        assert!(seen.errors.borrow().is_empty(), "{:?}", seen.errors);
    });
}

#[test]
fn a_handshake_that_fails_or_does_not_come_ends_its_connection_alone() {
    oneloop::block_on(async {
        let authority = Authority::new();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let errors = Rc::new(RefCell::new(Vec::new()));
        let reported = errors.clone();
        let service = service_fn(|_request: Request<Incoming>| async {
            Ok::<_, Infallible>(Response::new(String::from("hello")))
        });
        let serve = oneloop_hyper::serve(listener, service)
            .tls(authority.acceptor(&["one.test"]))
            .header_timeout(Duration::from_millis(200))
            .on_error(move |error| reported.borrow_mut().push(error));
        drop(oneloop::spawn(serve.into_future()));

        let mut silent = TcpStream::connect(addr).await.unwrap();
        let mut nothing = Vec::new();
        let _ = within(silent.read_to_end(&mut nothing)).await;
        assert!(matches!(errors.borrow()[..], [Error::Limit { limit: Limit::Header, .. }]), "{errors:?}");

        let mut plain = TcpStream::connect(addr).await.unwrap();
        oneloop::io::AsyncWriteExt::write_all(&mut plain, b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        let _ = within(plain.read_to_end(&mut nothing)).await;
        let last = errors.borrow_mut().pop().unwrap();
        let named = plain.local_addr().map_or(String::new(), |addr| addr.to_string());
        assert!(matches!(&last, Error::Handshake { .. }) && last.to_string().contains(&named), "{last}");

        let pool = client::builder().build::<_, Body>(authority.connector());
        assert_eq!(get(&pool, addr.port()).await.1, "hello");
    });
}

//! These tests cover the way from a URI to a connection: addresses, limits and errors.

use std::io::{ErrorKind, Read};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use common::sockets::{LIMIT, Outcome, has_ipv6, refusing, run, within};
use hyper::Uri;
use oneloop::net::TcpListener;
use oneloop::time::timeout;
use oneloop_hyper::client::Connector;
use socket2::{Domain, Socket, Type};

use crate::support::{Server, causes, connect, get};

fn uri_of(addr: SocketAddr) -> Uri {
    format!("http://{addr}/").parse().expect("a URI")
}

#[test]
fn a_response_says_which_connection_it_came_over() {
    run(async {
        let server = Server::start().await.unwrap();
        let (text, info) = get(&oneloop_hyper::client(), server.uri("/path")).await.unwrap();
        assert_eq!(text, "/path");
        assert_eq!(info.remote_addr(), server.addr);
        assert_eq!(info.local_addr().ip(), server.addr.ip());
        assert!(!info.is_tls());
    });
}

#[test]
fn small_writes_go_out_at_once_unless_told_otherwise() -> Outcome {
    run(async {
        let server = Server::start().await?;
        let fast = connect(Connector::new(), &server.uri("/")).await?;
        assert!(fast.get_ref().tcp().nodelay()?);
        let slow = connect(Connector::new().nodelay(false), &server.uri("/")).await?;
        assert!(!slow.get_ref().tcp().nodelay()?);
        Ok(())
    })
}

#[test]
fn a_refused_connection_is_an_error_that_names_the_address() {
    run(async {
        let (_kept, addr) = refusing().unwrap();
        let error = oneloop_hyper::client::<String>().get(uri_of(addr)).await.unwrap_err();
        assert!(error.is_connect());
        let text = causes(&error);
        assert!(text.contains(&addr.to_string()), "{text}");
        let error = connect(Connector::new(), &uri_of(addr)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    });
}

#[cfg(target_os = "linux")]
#[test]
fn a_server_that_does_not_answer_is_given_up_at_the_limit() {
    run(async {
        let limit = Duration::from_millis(100);
        let (_socket, addr, _connected) = common::sockets::full().await.unwrap();
        let begun = std::time::Instant::now();
        let error = connect(Connector::new().connect_timeout(limit), &uri_of(addr)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert!(begun.elapsed() >= limit, "it gave up too early");
        assert!(error.to_string().contains("within 100ms"), "{error}");
    });
}

/// Returns an IPv6 and an IPv4 address with one port. Only the IPv4 side listens.
async fn both_families() -> std::io::Result<(Socket, TcpListener, u16)> {
    loop {
        let v6 = Socket::new(Domain::IPV6, Type::STREAM, None)?;
        v6.set_only_v6(true)?;
        v6.bind(&SocketAddr::from((Ipv6Addr::LOCALHOST, 0)).into())?;
        let port = v6.local_addr()?.as_socket().expect("an internet address").port();
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
            Ok(v4) => return Ok((v6, v4, port)),
            Err(error) if error.kind() == ErrorKind::AddrInUse => {} // Another test uses this port.
            Err(error) => return Err(error),
        }
    }
}

fn both() -> [std::net::IpAddr; 2] {
    [Ipv6Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into()]
}

#[test]
fn after_a_failure_the_next_address_is_tried_at_once() -> Outcome {
    if !has_ipv6("connecting::after_a_failure_the_next_address_is_tried_at_once") {
        return Ok(());
    }
    run(async {
        let (_refuses, listener, port) = both_families().await?;
        let _server = Server::plain(listener);
        // The pause is longer than a test may take.
        let connector = Connector::new().resolve("both.test", both()).attempt_pause(2 * LIMIT);
        let uri = format!("http://BOTH.test:{port}/").parse().expect("a URI");
        let stream = connect(connector, &uri).await?;
        assert!(stream.get_ref().tcp().peer_addr()?.is_ipv4());
        Ok(())
    })
}

#[cfg(target_os = "linux")]
#[test]
fn beside_an_address_that_does_not_answer_the_next_one_is_tried() -> Outcome {
    if !has_ipv6("connecting::beside_an_address_that_does_not_answer_the_next_one_is_tried") {
        return Ok(());
    }
    run(async {
        let (silent, listener, port) = both_families().await?;
        silent.listen(0)?;
        let silent_addr = SocketAddr::from((Ipv6Addr::LOCALHOST, port));
        let mut fill = Vec::new();
        while let Ok(stream) =
            oneloop::net::TcpStream::connect_timeout(silent_addr, Duration::from_millis(50)).await
        {
            fill.push(stream);
        }
        let _server = Server::plain(listener);
        let pause = Duration::from_millis(20);
        let connector =
            Connector::new().resolve("both.test", both()).attempt_pause(pause).connect_timeout(LIMIT);
        let uri = format!("http://both.test:{port}/").parse().expect("a URI");
        let begun = std::time::Instant::now();
        let stream = connect(connector, &uri).await?;
        assert!(begun.elapsed() >= pause, "the second attempt began too early");
        assert!(stream.get_ref().tcp().peer_addr()?.is_ipv4());
        Ok(())
    })
}

#[test]
fn an_ipv6_address_stands_in_brackets() -> Outcome {
    if !has_ipv6("connecting::an_ipv6_address_stands_in_brackets") {
        return Ok(());
    }
    run(async {
        let server = Server::plain(TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).await?);
        let (text, info) = get(&oneloop_hyper::client(), server.uri("/six")).await.unwrap();
        assert_eq!((text.as_str(), info.remote_addr()), ("/six", server.addr));
        assert!(server.uri("/").to_string().starts_with("http://[::1]:"));
        Ok(())
    })
}

#[test]
fn when_all_addresses_fail_the_error_names_each() -> Outcome {
    run(async {
        let (_kept, addr) = refusing()?;
        let connector = Connector::new().resolve("none.test", [addr.ip(), addr.ip()]);
        let uri = format!("http://none.test:{}/", addr.port()).parse().expect("a URI");
        let error = connect(connector, &uri).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        assert_eq!(error.to_string().matches(&addr.to_string()).count(), 2, "{error}");

        let error = connect(Connector::new().resolve("none.test", []), &uri).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        Ok(())
    })
}

#[test]
fn a_name_without_an_address_is_an_error_that_names_it() {
    run(async {
        let uri = "http://no-such-host.invalid/".parse().expect("a URI");
        let connector = Connector::new().connect_timeout(LIMIT);
        let error = connect(connector, &uri).await.unwrap_err().to_string();
        assert!(error.contains("`no-such-host.invalid` can't be resolved"), "{error}");
    });
}

#[test]
fn names_are_resolved_by_the_system() {
    run(async {
        let server = Server::start().await.unwrap();
        let uri = format!("http://localhost:{}/named", server.addr.port()).parse().expect("a URI");
        assert_eq!(get(&oneloop_hyper::client(), uri).await.unwrap().0, "/named");
    });
}

#[test]
fn a_uri_without_a_server_is_refused() {
    run(async {
        let refused = [
            ("ftp://localhost/", ErrorKind::InvalidInput, "neither `http` nor `https`"),
            ("/path", ErrorKind::InvalidInput, "no scheme"),
        ];
        for (uri, kind, part) in refused {
            let error = connect(Connector::new(), &uri.parse().expect("a URI")).await.unwrap_err();
            assert_eq!(error.kind(), kind, "{uri}");
            assert!(error.to_string().contains(part), "{error}");
        }
        let connector = Connector::new().https_only(true);
        let error = connect(connector, &"http://localhost/".parse().expect("a URI")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    });
}

#[test]
fn a_dropped_attempt_closes_its_connection() -> Outcome {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    let addr = listener.local_addr()?;
    run(async {
        let client = oneloop_hyper::client::<String>();
        let request = client.get(uri_of(addr));
        let accepted = oneloop::unblock(move || {
            let (mut stream, _) = common::interrupted::uninterrupted(|| listener.accept())?;
            stream.set_read_timeout(Some(LIMIT))?;
            let mut first = [0; 1];
            stream.read_exact(&mut first)?; // The request has begun.
            std::io::Result::Ok(stream)
        });
        let mut stream = match futures::future::select(request, accepted).await {
            futures::future::Either::Right((stream, request)) => {
                drop(request);
                stream?
            }
            futures::future::Either::Left((response, _)) => panic!("no response was sent: {response:?}"),
        };
        within(oneloop::unblock(move || stream.read_to_end(&mut Vec::new()))).await?;
        Ok(())
    })
}

#[test]
fn a_request_has_no_limit_but_the_one_that_is_put_around_it() -> Outcome {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    let addr = listener.local_addr()?;
    run(async {
        let request = oneloop_hyper::client::<String>().get(uri_of(addr));
        assert!(timeout(Duration::from_millis(50), request).await.is_err());
        Ok(())
    })
}

#[test]
fn a_port_that_is_none_is_refused_instead_of_replaced() {
    run(async {
        for uri in ["http://127.0.0.1:99999/", "http://[::1]:99999/", "http://me@127.0.0.1:65536/"] {
            let error = connect(Connector::new(), &uri.parse().unwrap()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{uri}: {error}");
            assert!(error.to_string().contains("65535"), "{error}");
        }
    });
}

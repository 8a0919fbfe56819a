//! `ToSocketAddrs`: what can stand where an address is asked for.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use oneloop::net::ToSocketAddrs;

use common::sockets::run;

async fn one(addr: impl ToSocketAddrs) -> String {
    let addrs = addr.to_socket_addrs().await.unwrap().collect::<Vec<_>>();
    assert_eq!(addrs.len(), 1);
    addrs[0].to_string()
}

#[test]
fn numeric_addresses_in_every_form() {
    run(async {
        let v4 = SocketAddrV4::new(Ipv4Addr::new(127, 0, 0, 1), 80);
        let v6 = SocketAddrV6::new(Ipv6Addr::LOCALHOST, 80, 0, 0);
        assert_eq!(one(v4).await, "127.0.0.1:80");
        assert_eq!(one(v6).await, "[::1]:80");
        assert_eq!(one(SocketAddr::V4(v4)).await, "127.0.0.1:80");
        assert_eq!(one(&SocketAddr::V6(v6)).await, "[::1]:80");
        assert_eq!(one((*v4.ip(), 80)).await, "127.0.0.1:80");
        assert_eq!(one((*v6.ip(), 80)).await, "[::1]:80");
        assert_eq!(one((IpAddr::V6(*v6.ip()), 80)).await, "[::1]:80");
        assert_eq!(one(("127.0.0.1", 80)).await, "127.0.0.1:80");
        assert_eq!(one(("::1", 80)).await, "[::1]:80");
        assert_eq!(one((String::from("::1"), 80)).await, "[::1]:80");
        assert_eq!(one("127.0.0.1:80").await, "127.0.0.1:80");
        assert_eq!(one("[::1]:80").await, "[::1]:80");
        assert_eq!(one(String::from("[::1]:80")).await, "[::1]:80");
        assert_eq!(one(&&String::from("[::1]:0")).await, "[::1]:0");
        assert_eq!(one("127.0.0.1:65535").await, "127.0.0.1:65535");
    });
}

#[test]
fn several_addresses_keep_their_order() {
    run(async {
        let addrs: Vec<SocketAddr> =
            (1..=3).map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port))).collect();
        assert_eq!(addrs.to_socket_addrs().await.unwrap().collect::<Vec<_>>(), addrs);
        assert_eq!(addrs[..].to_socket_addrs().await.unwrap().collect::<Vec<_>>(), addrs);
        assert_eq!(
            [addrs[2], addrs[0]].to_socket_addrs().await.unwrap().collect::<Vec<_>>(),
            [addrs[2], addrs[0]]
        );
    });
}

#[test]
fn a_port_out_of_range_is_named() {
    run(async {
        for (text, port) in [
            ("127.0.0.1:65536", "65536"),
            ("[::1]:99999", "99999"),
            ("localhost:65536", "65536"),
            ("127.0.0.1:99999999999999999999", "99999999999999999999"),
        ] {
            let error = text.to_socket_addrs().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            let expected = format!("`{text}`: the port {port} is out of range: the last one is 65535");
            assert_eq!(error.to_string(), expected);
        }
        // These have no port, or none that begins somewhere.
        for text in ["::1:99999", "127.0.0.1:", "127.0.0.1:-1", ":99999", "127.0.0.1:8o", "65536"] {
            let error = text.to_socket_addrs().await.unwrap_err();
            assert!(error.to_string().contains("is no address of the form HOST:PORT"), "{error}");
        }
    });
}

#[test]
fn an_empty_list_is_an_error() {
    run(async {
        let error = Vec::<SocketAddr>::new().to_socket_addrs().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let none: [SocketAddr; 0] = [];
        let error = none.to_socket_addrs().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    });
}

#[test]
fn a_string_that_is_no_address_is_named_in_the_error() {
    let none = ["", ":", "80", "localhost", "localhost:", "localhost:http", "localhost:-1"];
    let bare_v6 = ["::1", "::1:80", "[::1]", "[::1]:", "fe80::1%lo:80"];
    run(async {
        for text in none.into_iter().chain(bare_v6) {
            let error = text.to_socket_addrs().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{text:?}");
            assert!(error.to_string().contains(&format!("`{text}`")), "{error}");
            assert!(error.to_string().contains("HOST:PORT"), "{error}");
        }
    });
}

#[cfg(feature = "unblock")]
#[test]
fn names_are_resolved_and_keep_their_port() {
    run(async {
        for addrs in [
            "localhost:8080".to_socket_addrs().await.unwrap().collect::<Vec<_>>(),
            ("localhost", 8080).to_socket_addrs().await.unwrap().collect::<Vec<_>>(),
            (String::from("localhost"), 8080).to_socket_addrs().await.unwrap().collect::<Vec<_>>(),
        ] {
            assert!(!addrs.is_empty());
            assert!(addrs.iter().all(|addr| addr.ip().is_loopback() && addr.port() == 8080), "{addrs:?}");
        }
    });
}

/// A name that no resolver would send anywhere: it can't stand in a question.
#[cfg(feature = "unblock")]
#[test]
fn a_name_that_cannot_be_resolved_is_named_in_the_error() {
    run(async {
        let error = ("nul\0byte", 80).to_socket_addrs().await.unwrap_err();
        assert!(error.to_string().contains("nul\0byte"), "{error}");
        let error = "nul\0byte:80".to_socket_addrs().await.unwrap_err();
        assert!(error.to_string().contains("can't be resolved"), "{error}");
    });
}

#[cfg(feature = "unblock")]
#[test]
fn a_resolution_that_is_dropped_is_clean() {
    run(async {
        for _ in 0..5 {
            let mut resolving = Box::pin("localhost:80".to_socket_addrs());
            let _ = futures::poll!(&mut resolving);
            drop(resolving);
        }
        assert!(!"localhost:80".to_socket_addrs().await.unwrap().collect::<Vec<_>>().is_empty());
    });
}

#[cfg(not(feature = "unblock"))]
#[test]
fn without_the_feature_a_name_says_which_one_it_needs() {
    run(async {
        let error = "localhost:80".to_socket_addrs().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains("`unblock`"), "{error}");
    });
}

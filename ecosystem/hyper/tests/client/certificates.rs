//! These tests cover `https`: the servers that a client trusts, and the protocol that it chooses.

use std::error::Error;
use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use common::sockets::{LIMIT, Outcome, run, within};
use hyper::Version;
use hyper_util::client::legacy::Client;
use oneloop_hyper::client::{self, Connector};
use oneloop_hyper::tls::{Acceptor, Roots, client_config, server_config};
use rustls::CertificateError;

use crate::support::{Authority, Body, Server, causes, connect, get, named};

fn client_of(connector: Connector) -> Client<Connector, Body> {
    client::builder().build(connector)
}

/// Returns rustls' error at the end of an error's causes.
fn verdict(error: &(dyn Error + 'static)) -> CertificateError {
    let last = std::iter::successors(Some(error), |&error| error.source()).last();
    match last.and_then(|error| error.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidCertificate(error)) => error.clone(),
        other => panic!("{other:?} in: {}", causes(error)),
    }
}

#[test]
fn a_root_of_ones_own_is_trusted_and_http_2_is_chosen() {
    run(async {
        let authority = Authority::new();
        let server = Server::start_tls(authority.acceptor(&["one.test"])).await.unwrap();
        let client = client_of(authority.connector());
        let response = client.get(server.uri_of("one.test")).await.unwrap();
        assert_eq!(response.version(), Version::HTTP_2);
        let (_, info) = get(&client, server.uri_of("one.test")).await.unwrap();
        assert!(info.is_tls());

        // One connection carries all requests.
        let all = (0..50).map(|_| get(&client, server.uri_of("one.test")));
        for outcome in futures::future::join_all(all).await {
            outcome.unwrap();
        }
        assert_eq!(server.accepted(), 1);
    });
}

#[test]
fn either_side_may_keep_to_http_1() {
    run(async {
        let authority = Authority::new();
        let server = Server::start_tls(authority.acceptor(&["one.test"])).await.unwrap();
        let mut roots = Roots::empty();
        roots.add_pem(authority.pem().as_bytes()).unwrap();
        let mut config = roots.client_config();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let response = client_of(named().tls_config(config)).get(server.uri_of("one.test")).await.unwrap();
        assert_eq!(response.version(), Version::HTTP_11);

        let (certificate, key) = authority.issue(&["one.test"]);
        let mut config = (*server_config(certificate.as_bytes(), key.as_bytes()).unwrap()).clone();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let server = Server::start_tls(Acceptor::new(config.into())).await.unwrap();
        let response = client_of(authority.connector()).get(server.uri_of("one.test")).await.unwrap();
        assert_eq!(response.version(), Version::HTTP_11);
    });
}

#[test]
fn a_client_config_without_protocols_gets_both() {
    run(async {
        let authority = Authority::new();
        let server = Server::start_tls(authority.acceptor(&["one.test"])).await.unwrap();
        let mut roots = Roots::empty();
        roots.add_pem(authority.pem().as_bytes()).unwrap();
        let mut config = roots.client_config();
        config.alpn_protocols.clear();
        let response = client_of(named().tls_config(config)).get(server.uri_of("one.test")).await.unwrap();
        assert_eq!(response.version(), Version::HTTP_2);
    });
}

#[test]
fn an_unknown_authority_is_refused_and_the_server_serves_on() {
    run(async {
        let authority = Authority::new();
        let server = Server::start_tls(authority.acceptor(&["one.test"])).await.unwrap();
        for connector in [named(), named().tls_config(client_config()), Authority::new().connector()] {
            let error = client_of(connector).get(server.uri_of("one.test")).await.unwrap_err();
            assert!(error.is_connect());
            let verdict = verdict(&error);
            let unknown = matches!(verdict, CertificateError::UnknownIssuer | CertificateError::BadSignature);
            assert!(unknown, "{verdict:?}");
            assert!(causes(&error).contains("handshake with one.test failed"), "{}", causes(&error));
        }
        server.ended(3).await;
        assert_eq!(server.errors().len(), 3, "each client sent an alert: {:?}", server.errors());
        get(&client_of(authority.connector()), server.uri_of("one.test")).await.unwrap();
    });
}

#[test]
fn a_certificate_of_another_name_is_refused() {
    run(async {
        let authority = Authority::new();
        let server = Server::start_tls(authority.acceptor(&["one.test"])).await.unwrap();
        let error = client_of(authority.connector()).get(server.uri_of("two.test")).await.unwrap_err();
        assert!(matches!(verdict(&error), CertificateError::NotValidForNameContext { .. }));
        let error = client_of(authority.connector()).get(server.uri_of("127.0.0.1")).await.unwrap_err();
        assert!(matches!(verdict(&error), CertificateError::NotValidForNameContext { .. }));
    });
}

#[test]
fn an_address_may_stand_in_a_certificate() {
    run(async {
        let authority = Authority::new();
        let server = Server::start_tls(authority.acceptor(&["127.0.0.1"])).await.unwrap();
        get(&client_of(authority.connector()), server.uri_of("127.0.0.1")).await.unwrap();
    });
}

#[test]
fn a_certificate_that_has_expired_or_is_not_valid_yet_is_refused() {
    run(async {
        let authority = Authority::new();
        let periods = [((1999, 1, 1), (2000, 1, 1)), ((3000, 1, 1), (3001, 1, 1))];
        for (from, to) in periods {
            let (certificate, key) = authority.issue_with(&["one.test"], |params| {
                params.not_before = rcgen::date_time_ymd(from.0, from.1, from.2);
                params.not_after = rcgen::date_time_ymd(to.0, to.1, to.2);
            });
            let acceptor = Acceptor::from_pem(certificate.as_bytes(), key.as_bytes()).unwrap();
            let server = Server::start_tls(acceptor).await.unwrap();
            let error = client_of(authority.connector()).get(server.uri_of("one.test")).await.unwrap_err();
            let verdict = verdict(&error);
            let out_of_time = matches!(
                verdict,
                CertificateError::ExpiredContext { .. } | CertificateError::NotValidYetContext { .. }
            );
            assert!(out_of_time, "{verdict:?}");
        }
    });
}

#[test]
fn a_stuck_handshake_is_given_up_at_its_limit() -> Outcome {
    // The system completes the connection, and the listener never accepts it.
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    let uri = format!("https://127.0.0.1:{}/", listener.local_addr()?.port()).parse().expect("a URI");
    run(async {
        let limit = Duration::from_millis(100);
        let begun = Instant::now();
        let error = connect(Connector::new().handshake_timeout(limit), &uri).await.unwrap_err();
        assert!(begun.elapsed() >= limit, "it gave up too early");
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert!(error.to_string().contains("handshake with 127.0.0.1"), "{error}");
        Ok(())
    })
}

#[test]
fn a_server_without_tls_is_an_error() -> Outcome {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    let uri = format!("https://127.0.0.1:{}/", listener.local_addr()?.port()).parse().expect("a URI");
    run(async {
        let server = oneloop::unblock(move || {
            let (mut stream, _) = common::interrupted::uninterrupted(|| listener.accept())?;
            stream.set_read_timeout(Some(LIMIT))?;
            stream.read_exact(&mut [0; 1])?;
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")?;
            stream.read_to_end(&mut Vec::new()) // The read ends when the client closes the connection.
        });
        let error = connect(Connector::new(), &uri).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        assert!(causes(&error).contains("corrupt message"), "{}", causes(&error));
        // The client's unread bytes may turn its close into a reset.
        let _ = within(server).await;
        Ok(())
    })
}

#[test]
fn roots_name_a_bad_file_and_the_reason() -> Outcome {
    let folder = crate::acceptor::Folder::new("roots")?;
    let authority = Authority::new();
    let (_, key) = authority.issue(&["one.test"]);
    let bad = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let cases = [
        ("empty.pem", String::new(), "it contains no certificate"),
        ("key.pem", key, "it contains no certificate"),
        ("torn.pem", authority.pem()[..200].to_owned(), "not valid PEM"),
        ("second.pem", authority.pem() + bad, "certificate 2 cannot be a root"),
    ];
    let mut roots = Roots::empty();
    for (name, text, part) in cases {
        let path = folder.write(name, &text)?;
        let error = roots.add_pem_file(&path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData, "{error}");
        let text = error.to_string();
        assert!(text.contains(part) && text.contains(&path.display().to_string()), "{text}");
    }
    let missing = roots.add_pem_file(folder.path("missing.pem")).unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
    assert!(missing.to_string().contains("missing.pem"), "{missing}");
    assert!(roots.is_empty(), "a file that is refused adds nothing");

    let two = authority.pem() + &Authority::new().pem();
    assert_eq!(roots.add_pem_file(folder.write("two.pem", &two)?)?, 2);
    assert_eq!(roots.len(), 2);
    assert!(Roots::webpki().len() > 50);
    Ok(())
}

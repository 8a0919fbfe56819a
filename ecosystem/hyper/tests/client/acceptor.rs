//! These tests cover the server's side of TLS.

use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::sync::Arc;

use common::sockets::{Outcome, run, tcp_pair};
use oneloop_hyper::tls::{Acceptor, server_config, server_config_from_files};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{Authority, Server, connect, get};

/// A temporary folder of one test.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(test: &str) -> io::Result<Folder> {
        let path = std::env::temp_dir().join(format!("oneloop-hyper-{}-{test}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        Ok(Folder(path))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub fn write(&self, name: &str, text: &str) -> io::Result<PathBuf> {
        let path = self.path(name);
        std::fs::write(&path, text)?;
        Ok(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn pem_files_that_are_unusable_are_named_with_the_reason() -> Outcome {
    let folder = Folder::new("acceptor")?;
    let authority = Authority::new();
    let (certificate, key) = authority.issue(&["one.test"]);
    let (_, other_key) = authority.issue(&["one.test"]);
    let good = folder.write("cert.pem", &certificate)?;
    let good_key = folder.write("key.pem", &key)?;
    let bad = |name: &str, text: &str| folder.write(name, text);
    let cases = [
        (bad("empty.pem", "")?, good_key.clone(), "empty.pem", "it contains no certificate"),
        (good_key.clone(), good_key.clone(), "key.pem", "it contains no certificate"),
        (good.clone(), good.clone(), "cert.pem", "it contains no private key"),
        (bad("torn.pem", &certificate[..100])?, good_key.clone(), "torn.pem", "not valid PEM"),
        (good.clone(), bad("torn_key.pem", &key[..60])?, "torn_key.pem", "not valid PEM"),
        (
            good.clone(),
            bad("other.pem", &other_key)?,
            "other.pem",
            "does not belong to the first certificate of",
        ),
        (
            bad("odd.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")?,
            good_key.clone(),
            "odd.pem",
            "first certificate is unusable",
        ),
        (
            good.clone(),
            bad("odd_key.pem", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")?,
            "odd_key.pem",
            "the key is unusable",
        ),
    ];
    for (certificate, key, name, part) in cases {
        let error = Acceptor::from_pem_files(&certificate, &key).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData, "{error}");
        let text = error.to_string();
        assert!(text.starts_with(&folder.path(name).display().to_string()), "{name} in: {text}");
        assert!(text.contains(part), "{part} in: {text}");
        assert_eq!(text.lines().count(), 1, "{text}");
    }
    let missing = Acceptor::from_pem_files(folder.path("missing.pem"), &good_key).unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
    assert!(missing.to_string().contains("missing.pem"), "{missing}");

    server_config_from_files(&good, &good_key)?;
    let both = folder.write("both.pem", &(key + &certificate + &authority.pem()))?;
    Acceptor::from_pem_files(&both, &both)?;
    Ok(())
}

#[test]
fn protocols_are_set_unless_a_config_has_its_own() {
    let (certificate, key) = Authority::new().issue(&["one.test"]);
    let mut config = (*server_config(certificate.as_bytes(), key.as_bytes()).unwrap()).clone();
    let both = [b"h2".to_vec(), b"http/1.1".to_vec()];
    assert_eq!(config.alpn_protocols, both);
    config.alpn_protocols.clear();
    let acceptor = Acceptor::new(Arc::new(config.clone()));
    assert_eq!(acceptor.config().alpn_protocols, both);
    config.alpn_protocols = vec![b"acme-tls/1".to_vec()];
    acceptor.replace(Arc::new(config));
    assert_eq!(acceptor.config().alpn_protocols, [b"acme-tls/1".to_vec()]);
}

#[test]
fn a_replaced_config_serves_new_handshakes_alone() {
    run(async {
        let authority = Authority::new();
        let acceptor = authority.acceptor(&["one.test"]);
        let server = Server::start_tls(acceptor.clone()).await.unwrap();
        let certificate_of = |io: &oneloop_hyper::Io<oneloop_hyper::client::Stream>| {
            let session = io.get_ref().tls().expect("it is TLS");
            session.peer_certificates().expect("a server has one")[0].to_vec()
        };
        let old = connect(authority.connector(), &server.uri_of("one.test")).await.unwrap();
        let client = oneloop_hyper::client::builder().build(authority.connector());
        get(&client, server.uri_of("one.test")).await.unwrap();

        let (certificate, key) = authority.issue(&["one.test"]);
        acceptor.replace(server_config(certificate.as_bytes(), key.as_bytes()).unwrap());
        let new = connect(authority.connector(), &server.uri_of("one.test")).await.unwrap();
        assert_ne!(certificate_of(&old), certificate_of(&new));
        // A connection that was open before the replacement is still served.
        get(&client, server.uri_of("one.test")).await.unwrap();
        assert_eq!(server.accepted(), 3);
    });
}

#[test]
fn a_stream_has_the_name_and_the_protocol_of_its_client() -> Outcome {
    run(async {
        let authority = Authority::new();
        let (ours, theirs) = tcp_pair().await?;
        let acceptor = authority.acceptor(&["one.test"]);
        let mut roots = oneloop_hyper::tls::Roots::empty();
        roots.add_pem(authority.pem().as_bytes())?;
        let connector = tokio_rustls::TlsConnector::from(Arc::new(roots.client_config()));
        let name = ServerName::try_from("one.test").expect("a name");
        let (client, server) = futures::join!(connector.connect(name, ours), acceptor.accept(theirs));
        let (mut client, mut server) = (client?, server?);
        assert_eq!(server.get_ref().1.server_name(), Some("one.test"));
        assert_eq!(server.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        assert!(server.get_ref().1.peer_certificates().is_none());

        client.write_all(b"there").await?;
        client.shutdown().await?;
        let mut text = String::new();
        server.read_to_string(&mut text).await?;
        assert_eq!(text, "there");
        Ok(())
    })
}

#[test]
fn bytes_that_are_no_tls_and_a_client_that_leaves_are_errors() -> Outcome {
    run(async {
        let acceptor = Authority::new().acceptor(&["one.test"]);
        let (mut ours, theirs) = tcp_pair().await?;
        AsyncWriteExt::write_all(&mut ours, b"GET / HTTP/1.1\r\n\r\n").await?;
        let error = acceptor.accept(theirs).await.map(drop).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        assert!(error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>()));

        let (ours, theirs) = tcp_pair().await?;
        drop(ours);
        let error = acceptor.accept(theirs).await.map(drop).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
        Ok(())
    })
}

#[test]
fn a_dropped_handshake_closes_the_connection() -> Outcome {
    run(async {
        let acceptor = Authority::new().acceptor(&["one.test"]);
        let (mut ours, theirs) = tcp_pair().await?;
        let limit = std::time::Duration::from_millis(20);
        assert!(oneloop::time::timeout(limit, acceptor.accept(theirs)).await.is_err());
        assert_eq!(AsyncReadExt::read(&mut ours, &mut [0; 1]).await?, 0);
        Ok(())
    })
}

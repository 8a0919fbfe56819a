//! These tests run another TLS library, the command `openssl`, against the acceptor.

use std::process::{Command, Stdio};

use common::sockets::{Outcome, run, skip};

use crate::acceptor::Folder;
use crate::support::{Authority, Server};

/// Runs `openssl s_client` with an empty input. Returns its output, or `None` without the command.
async fn s_client(test: &str, arguments: Vec<String>) -> Option<String> {
    let output = oneloop::unblock(move || {
        let mut command = Command::new("openssl");
        command.arg("s_client").args(arguments).stdin(Stdio::null()).output()
    });
    match output.await {
        Ok(output) => {
            let texts = [output.stdout, output.stderr];
            Some(texts.map(|text| String::from_utf8_lossy(&text).into_owned()).concat())
        }
        Err(error) => {
            skip(test, &format!("`openssl` can't be run ({error})"), "apt-get install openssl");
            None
        }
    }
}

#[test]
fn openssl_agrees_on_each_version_and_protocol() -> Outcome {
    let test = "openssl::openssl_agrees_on_each_version_and_protocol";
    let folder = Folder::new("openssl")?;
    run(async {
        let authority = Authority::new();
        let ca = folder.write("ca.pem", &authority.pem())?.display().to_string();
        let server = Server::start_tls(authority.acceptor(&["one.test"])).await?;
        let address = server.addr.to_string();
        let cases = [
            ("-tls1_3", "h2", "ALPN protocol: h2", "New, TLSv1.3"),
            ("-tls1_2", "h2", "ALPN protocol: h2", "New, TLSv1.2"),
            ("-tls1_3", "http/1.1", "ALPN protocol: http/1.1", "New, TLSv1.3"),
            ("-tls1_2", "h2,http/1.1", "ALPN protocol: h2", "New, TLSv1.2"),
        ];
        for (version, alpn, protocol, session) in cases {
            let arguments = [
                "-connect",
                &address,
                "-servername",
                "one.test",
                "-verify_hostname",
                "one.test",
                "-CAfile",
                &ca,
                version,
                "-alpn",
                alpn,
            ];
            let Some(text) = s_client(test, arguments.map(str::to_owned).to_vec()).await else {
                return Ok(());
            };
            for part in [protocol, session, "Verify return code: 0 (ok)"] {
                assert!(text.contains(part), "{version} {alpn}: `{part}` is not in: {text}");
            }
        }
        Ok(())
    })
}

#[test]
fn openssl_without_a_common_protocol_or_version_is_refused() -> Outcome {
    let test = "openssl::openssl_without_a_common_protocol_or_version_is_refused";
    run(async {
        let server = Server::start_tls(Authority::new().acceptor(&["one.test"])).await?;
        let address = server.addr.to_string();
        let cases = [
            ("-alpn", "spdy/3", "no application protocol"),
            ("-tls1_1", "-brief", "alert handshake failure"),
        ];
        for (first, second, part) in cases {
            let arguments = ["-connect", &address, "-cipher", "ALL@SECLEVEL=0", first, second];
            let Some(text) = s_client(test, arguments.map(str::to_owned).to_vec()).await else {
                return Ok(());
            };
            assert!(text.contains(part), "{first}: `{part}` is not in: {text}");
        }
        server.ended(2).await;
        assert_eq!(server.errors().len(), 2);
        Ok(())
    })
}

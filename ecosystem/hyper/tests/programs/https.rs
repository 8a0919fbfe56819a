//! These tests run the example `https`.

use common::examples::{Program, assert_fails, command};

use crate::support::{Folder, certificate, tool};

/// The server, on a port that the system chose.
struct Https {
    program: Program,
    port: u16,
}

impl Https {
    fn start(arguments: &[&str]) -> Https {
        let mut command = command("https");
        let program = Program::start(command.arg("127.0.0.1:0").args(arguments)).expect("it starts");
        program.stdout.wait_for("try it");
        let text = program.stdout.so_far();
        let port = text.lines().next().and_then(|line| line.strip_prefix("listening on https://127.0.0.1:"));
        Https { port: port.expect("the program prints its port").parse().expect("a port"), program }
    }

    /// Returns the output of `openssl s_client` for this server, or `None` without the command.
    fn s_client(&self, test: &str, arguments: &[&str]) -> Option<String> {
        let address = format!("127.0.0.1:{}", self.port);
        let always = ["s_client", "-connect", &address, "-servername", "localhost"];
        tool(test, "openssl", &[&always[..], arguments].concat(), "")
    }

    /// Returns the serial number of the server's certificate.
    fn serial(&self, test: &str) -> Option<String> {
        let text = self.s_client(test, &[])?;
        Some(tool(test, "openssl", &["x509", "-noout", "-serial"], &text)?.trim().to_owned())
    }
}

#[test]
fn curl_gets_both_versions_of_http() {
    let test = "https::curl_gets_both_versions_of_http";
    let folder = Folder::new("curl");
    let file = folder.file("cert.pem");
    let server = Https::start(&["--write-cert", &file]);
    for host in ["localhost", "127.0.0.1"] {
        let url = format!("https://{host}:{}/", server.port);
        for (option, version) in [("--http1.1", "HTTP/1.1"), ("--http2", "HTTP/2.0")] {
            let arguments = ["-sS", "--noproxy", "*", "--ipv4", "--cacert", &file, option, &url];
            let Some(text) = tool(test, "curl", &arguments, "") else { return };
            assert!(text.ends_with(&format!(" over {version}\n")), "{option}: {text}");
        }
    }
    // curl does not trust the server without its certificate.
    let url = format!("https://localhost:{}/", server.port);
    let Some(text) = tool(test, "curl", &["-sS", "--noproxy", "*", &url], "") else { return };
    assert!(text.contains("certificate"), "{text}");
}

#[test]
fn openssl_agrees_on_http_2() {
    let test = "https::openssl_agrees_on_http_2";
    let folder = Folder::new("s_client");
    let file = folder.file("cert.pem");
    let server = Https::start(&["--write-cert", &file, "--name", "localhost"]);
    let arguments = ["-alpn", "h2", "-CAfile", &file, "-verify_hostname", "localhost"];
    let Some(text) = server.s_client(test, &arguments) else { return };
    for part in ["ALPN protocol: h2", "Verify return code: 0 (ok)"] {
        assert!(text.contains(part), "`{part}` is not in: {text}");
    }
}

#[test]
fn hangup_reads_the_certificate_again_and_a_bad_one_is_not_taken() {
    let test = "https::hangup_reads_the_certificate_again_and_a_bad_one_is_not_taken";
    let folder = Folder::new("hangup");
    let (first, first_key) = certificate(0x11);
    let (file, key) = (folder.write("cert.pem", &first), folder.write("key.pem", &first_key));
    let mut server = Https::start(&["--cert", &file, "--key", &key]);
    let Some(serial) = server.serial(test) else { return };
    assert_eq!(serial, "serial=11");

    // This certificate's key is not in its file yet.
    let (second, second_key) = certificate(0x22);
    folder.write("cert.pem", &second);
    server.program.signal(libc::SIGHUP);
    server.program.stderr.wait_for("the old certificate stays");
    let text = server.program.stderr.so_far();
    assert!(text.contains(&format!("{key}: the key does not belong to the first certificate")), "{text}");
    assert_eq!(server.serial(test).as_deref(), Some("serial=11"));

    folder.write("key.pem", &second_key);
    server.program.signal(libc::SIGHUP);
    server.program.stdout.wait_for("the certificate was read again");
    assert_eq!(server.serial(test).as_deref(), Some("serial=22"));

    std::fs::remove_file(&key).expect("it was there");
    server.program.signal(libc::SIGHUP);
    server.program.stderr.wait_for(&format!("{key}: No such file"));
    assert_eq!(server.serial(test).as_deref(), Some("serial=22"));

    server.program.signal(libc::SIGTERM);
    assert_eq!(server.program.wait().code(), Some(0));
}

#[test]
fn it_ends_in_order_with_a_summary() {
    for signal in [libc::SIGINT, libc::SIGTERM] {
        let mut server = Https::start(&["--verbose"]);
        // One connection sends nothing, and one sends bytes that are not TLS.
        let _idle = std::net::TcpStream::connect(("127.0.0.1", server.port)).expect("it listens");
        let mut odd = std::net::TcpStream::connect(("127.0.0.1", server.port)).expect("it listens");
        std::io::Write::write_all(&mut odd, b"GET / HTTP/1.0\r\n\r\n").expect("it is read");
        server.program.stderr.wait_for("handshake of 127.0.0.1");
        server.program.signal(signal);
        assert_eq!(server.program.wait().code(), Some(0));
        let text = server.program.stdout.so_far();
        assert!(text.contains("2 connections served"), "{text}");
    }
}

#[test]
fn a_wrong_argument_is_one_line_and_exit_code_2() {
    let folder = Folder::new("https-starts");
    let (certificate, _) = certificate(1);
    let file = folder.write("cert.pem", &certificate);
    let cases: [(&[&str], &[&str]); 7] = [
        (&["--cert", &file], &["--cert and --key go together", "--help"]),
        (&["--cert", &file, "--key", &file], &[&file, "it contains no private key"]),
        (&["--cert", "missing.pem", "--key", &file], &["missing.pem", "No such file"]),
        (&["--cert", &file, "--key", &file, "--name", "x"], &["made at the start"]),
        (&["--name", "not a name\u{e9}"], &["no certificate can be made"]),
        (&["no-such-host.invalid:0"], &["cannot listen on no-such-host.invalid:0"]),
        (&["--nonsense"], &["--nonsense", "--help"]),
    ];
    for (arguments, parts) in cases {
        assert_fails("https", arguments, 2, parts);
    }
}

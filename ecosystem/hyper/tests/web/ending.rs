//! These tests cover the start and the end of the server.

use common::examples::{assert_fails, run};

use crate::server::Folder;

#[test]
fn help_explains_everything() {
    let (code, stdout, stderr) = run("http_server", &["--help"]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    for part in [
        "ADDRESS",
        "127.0.0.1:8080",
        "--dir PATH",
        "--uploads PATH",
        "--max-upload BYTES",
        "--body-timeout SECONDS",
        "--max-connections N",
        "--grace SECONDS",
        "--log",
        "--help",
        "Ctrl+C",
        "exit codes",
    ] {
        assert!(stdout.contains(part), "{part}");
    }
}

#[test]
fn bad_arguments_are_one_line_and_exit_code_2() {
    let folder = Folder::new();
    let missing = folder.path("missing");
    let file = folder.write("file", "");
    let refused = |arguments: &[&str], parts: &[&str]| assert_fails("http_server", arguments, 2, parts);
    refused(&["nonsense"], &["nonsense", "no address"]);
    refused(&["127.0.0.1:99999"], &["127.0.0.1:99999", "the port 99999 is out of range"]);
    refused(&["no-such-host.invalid:1"], &["no-such-host.invalid:1"]);
    // No machine has this address, which is for documentation (RFC 5737).
    refused(&["192.0.2.1:8080"], &["192.0.2.1:8080"]);
    refused(&["127.0.0.1:0", "127.0.0.1:1"], &["127.0.0.1:1", "--help"]);
    refused(&["--bogus"], &["--bogus", "--help"]);
    refused(&["--dir"], &["--dir", "--help"]);
    refused(&["--dir", missing.to_str().unwrap()], &["missing", "folder"]);
    refused(&["--uploads", file.to_str().unwrap()], &["file", "folder"]);
    refused(&["--max-connections", "0"], &["0", "zero"]);
    refused(&["--max-connections", "many"], &["many", "--help"]);
    refused(&["--max-upload", "-1"], &["-1", "--help"]);
    refused(&["--body-timeout", "0"], &["0", "zero"]);
    refused(&["--grace", "soon"], &["soon", "--help"]);
}

#[test]
fn an_address_in_use_is_one_line_and_exit_code_2() {
    // Windows has messages in several languages, so the test looks for the error's number.
    let reason = if cfg!(windows) { "os error 10048" } else { "in use" };
    let holder = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = holder.local_addr().unwrap().to_string();
    assert_fails("http_server", &[&address], 2, &[&address, reason]);
}

#[cfg(unix)]
mod signals {
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::TcpStream;
    use std::process::Stdio;

    use common::examples::{LIMIT, command, until};
    use oneloop::signal::SignalKind;

    use crate::server::{Folder, Server};

    /// This time is longer than any test, so a wait of this length makes the test fail.
    const NEVER: &str = "100000";

    /// Opens a client whose request has begun: the head and the first line have arrived.
    fn in_flight(server: &Server, ticks: &str) -> BufReader<TcpStream> {
        let mut client = server.connect();
        write!(client, "GET /ticks?{ticks} HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
        let mut client = BufReader::new(client);
        let mut line = String::new();
        while !line.starts_with("tick 1") {
            line.clear();
            assert!(client.read_line(&mut line).unwrap() > 0, "the connection was closed");
        }
        client
    }

    #[test]
    fn a_request_under_way_is_finished() {
        let mut server = Server::start(&["--grace", NEVER]);
        let mut client = in_flight(&server, "count=30&every_ms=50");
        server.terminate();
        server.program.stderr.wait_for("stopping");
        // A connection would be served if it came just before the close, so the test tries to listen.
        until("a closed listener", || std::net::TcpListener::bind(&server.address).ok().map(drop));
        let mut rest = String::new();
        client.read_to_string(&mut rest).unwrap();
        assert!(rest.contains("tick 30 of 30\n") && rest.ends_with("\r\n0\r\n\r\n"), "{rest}");
        assert_eq!(server.program.wait().code(), Some(0));
        let stdout = server.program.stdout.so_far();
        let summary = stdout.lines().last().unwrap();
        assert!(summary.starts_with("1 connection and 1 request served, "), "{summary}");
        assert!(!server.program.stderr.so_far().contains("cut off"));
    }

    #[test]
    fn an_upload_under_way_is_finished() {
        let folder = Folder::new();
        let mut server = Server::start(&["--grace", NEVER, "--uploads", folder.text()]);
        let mut client = server.connect();
        client.write_all(b"PUT /uploads/a HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nhello").unwrap();
        // The status shows when the upload has begun. The server reads both requests in their order.
        until("an upload", || {
            let mut other = server.connect();
            other.write_all(b"GET /status HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
            let mut status = String::new();
            other.read_to_string(&mut status).unwrap();
            status.contains(r#""uploads_open":1"#).then_some(())
        });
        server.terminate();
        server.program.stderr.wait_for("stopping");
        client.write_all(b"world").unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 201 Created\r\n"), "{answer}");
        assert_eq!(server.program.wait().code(), Some(0));
        assert_eq!(std::fs::read_to_string(folder.path("a")).unwrap(), "helloworld");
    }

    #[test]
    fn connections_without_a_request_are_closed_at_once() {
        let mut server = Server::start(&["--grace", NEVER]);
        let silent = server.connect();
        let mut idle = server.connect();
        idle.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
        let mut answer = [0; 15];
        idle.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200 OK");
        server.terminate();
        for mut client in [silent, idle] {
            client.read_to_end(&mut Vec::new()).unwrap();
        }
        assert_eq!(server.program.wait().code(), Some(0));
        assert!(server.program.stdout.so_far().contains("2 connections and 1 request served, "));
    }

    #[test]
    fn requests_that_do_not_finish_are_cut_off() {
        let mut server = Server::start(&["--grace", "1"]);
        let mut clients: Vec<_> =
            (0..2).map(|_| in_flight(&server, "count=1000000&every_ms=3600000")).collect();
        server.terminate();
        for client in &mut clients {
            client.read_to_end(&mut Vec::new()).unwrap();
        }
        assert_eq!(server.program.wait().code(), Some(0));
        let stderr = server.program.stderr.so_far();
        assert!(stderr.contains("cut off because of the time: 2 connections"), "{stderr}");
    }

    #[test]
    fn a_second_signal_ends_it_at_once() {
        let ends = [(SignalKind::INTERRUPT, 130), (SignalKind::TERMINATE, 143)];
        for (second, code) in ends {
            let mut server = Server::start(&["--grace", NEVER]);
            let _client = in_flight(&server, "count=1000000&every_ms=3600000");
            server.program.signal(SignalKind::INTERRUPT.number());
            server.program.stderr.wait_for("stopping");
            server.program.signal(second.number());
            assert_eq!(server.program.wait().code(), Some(code));
        }
    }

    /// All clients arrive while the process is stopped, so the server receives them and the signal
    /// together.
    #[test]
    fn clients_that_came_before_the_signal_are_served() {
        let mut server = Server::start(&["--grace", NEVER]);
        server.program.signal(SIGSTOP);
        let mut clients: Vec<_> = (0..20).map(|_| server.connect()).collect();
        for client in &mut clients {
            client.write_all(b"GET /hello/x HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
        }
        server.terminate();
        server.program.signal(SIGCONT);
        for client in &mut clients {
            let mut answer = String::new();
            client.read_to_string(&mut answer).unwrap();
            assert!(answer.contains("hello, x: greeting "), "{answer}");
        }
        assert_eq!(server.program.wait().code(), Some(0));
    }

    #[cfg(target_os = "linux")]
    const SIGSTOP: i32 = 19;
    #[cfg(target_os = "linux")]
    const SIGCONT: i32 = 18;
    #[cfg(not(target_os = "linux"))]
    const SIGSTOP: i32 = 17;
    #[cfg(not(target_os = "linux"))]
    const SIGCONT: i32 = 19;

    #[test]
    fn it_goes_on_when_its_output_is_read_no_more() {
        let mut child = command("http_server")
            .args(["127.0.0.1:0", "--log"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let address = line.trim_end().strip_prefix("listening on http://").unwrap();
        drop(stdout);
        drop(child.stderr.take());
        for _ in 0..3 {
            let mut client = TcpStream::connect(address).unwrap();
            client.set_read_timeout(Some(LIMIT)).unwrap();
            client.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
            let mut answer = String::new();
            client.read_to_string(&mut answer).unwrap();
            assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
        }
        let id = child.id().to_string();
        assert!(std::process::Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        assert_eq!(child.wait().unwrap().code(), Some(0));
    }
}

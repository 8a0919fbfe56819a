//! These tests cover the streaming response.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use crate::server::{Server, curl, curl_command, need};

/// curl in the middle of the stream. Its drop kills it.
struct Client {
    curl: Child,
    lines: BufReader<std::process::ChildStdout>,
}

impl Client {
    fn start(arguments: &[&str]) -> Client {
        let mut curl = curl_command(arguments).arg("--no-buffer").stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(curl.stdout.take().unwrap());
        Client { curl, lines }
    }

    #[track_caller]
    fn assert_line(&mut self, expected: &str) {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        assert_eq!(line.trim_end(), expected);
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.curl.kill();
        let _ = self.curl.wait();
    }
}

#[test]
fn lines_come_as_they_are_made() {
    need!(curl, "lines_come_as_they_are_made");
    let server = Server::start(&[]);
    for version in ["--http1.1", "--http2-prior-knowledge"] {
        // The second line is due in an hour. The server must not delay the first line until then.
        let mut client = Client::start(&[version, &server.url("/ticks?count=2&every_ms=3600000")]);
        client.assert_line("tick 1 of 2");
    }
    let all = curl(&[&server.url("/ticks?count=3&every_ms=5")]);
    assert_eq!(all.text(), "tick 1 of 3\ntick 2 of 3\ntick 3 of 3\n");
    assert_eq!(all.header("content-length"), None);
    assert_eq!(curl(&[&server.url("/ticks?count=0")]).text(), "");
}

#[test]
fn a_client_that_leaves_ends_its_stream() {
    need!(curl, "a_client_that_leaves_ends_its_stream");
    let server = Server::start(&[]);
    for version in ["--http1.1", "--http2-prior-knowledge"] {
        let url = server.url("/ticks?count=1000000&every_ms=3600000");
        let mut clients = [Client::start(&[version, &url]), Client::start(&[version, &url])];
        for client in &mut clients {
            client.assert_line("tick 1 of 1000000");
        }
        server.wait_for_status(r#""streams_open":2"#);
        let [one, other] = clients;
        drop(one);
        server.wait_for_status(r#""streams_open":1"#);
        drop(other);
        server.wait_for_status(r#""streams_open":0"#);
    }
}

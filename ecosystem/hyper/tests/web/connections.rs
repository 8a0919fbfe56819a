//! These tests cover the requests on one connection.

use std::io::{Read, Write};
use std::time::Duration;

use crate::server::{Server, curl, need};

const GET: &[u8] = b"GET /hello/x HTTP/1.1\r\nhost: x\r\n\r\n";

/// Reads the responses of `GET`s until this many bodies are complete.
fn read_answers(mut client: impl Read, count: usize) -> String {
    let mut answers = String::new();
    let mut buffer = [0; 4096];
    while answers.matches("greeting").count() < count || !answers.ends_with('\n') {
        let length = client.read(&mut buffer).unwrap();
        assert!(length > 0, "the connection was closed after: {answers}");
        answers.push_str(std::str::from_utf8(&buffer[..length]).unwrap());
    }
    answers
}

#[test]
fn a_connection_carries_many_requests() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    for number in 1..=20 {
        client.write_all(GET).unwrap();
        let answer = read_answers(&client, 1);
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.ends_with(&format!("hello, x: greeting {number} of {number}\n")), "{answer}");
    }
    #[cfg(unix)]
    {
        let (stdout, _) = server.stop();
        assert!(stdout.contains("\n1 connection and 20 requests served, "), "{stdout}");
    }
}

#[test]
fn requests_in_one_piece_are_answered_in_their_order() {
    const REQUESTS: usize = 50;
    let server = Server::start(&[]);
    let mut client = server.connect();
    client.write_all(&GET.repeat(REQUESTS)).unwrap();
    let answers = read_answers(&client, REQUESTS);
    let bodies = answers.lines().filter(|line| line.starts_with("hello"));
    let expected = (1..=REQUESTS).map(|number| format!("hello, x: greeting {number} of {number}"));
    assert_eq!(bodies.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
}

#[test]
fn a_request_in_many_pieces_is_answered() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    client.set_nodelay(true).unwrap();
    for byte in GET {
        client.write_all(&[*byte]).unwrap();
    }
    assert!(read_answers(&client, 1).starts_with("HTTP/1.1 200 OK\r\n"));
}

#[test]
fn a_malformed_request_costs_only_its_own_connection() {
    let server = Server::start(&[]);
    let mut good = server.connect();
    for bad in [
        &b"nonsense\r\n\r\n"[..],
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        b"POST /notes HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
        &[b"GET / HTTP/1.1\r\nx: ", &[b'x'; 100_000][..], b"\r\n\r\n"].concat(),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nnot a frame at all",
    ] {
        let mut client = server.connect();
        // The server may close the connection before it has read all bytes.
        let _ = client.write_all(bad);
        let mut answer = Vec::new();
        let _ = client.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer);
        let http2 = bad.starts_with(b"PRI");
        assert!(http2 || answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
        good.write_all(GET).unwrap();
        assert!(read_answers(&good, 1).starts_with("HTTP/1.1 200 OK\r\n"));
    }
}

#[test]
fn connections_beyond_the_limit_wait() {
    let server = Server::start(&["--max-connections", "1"]);
    let mut first = server.connect();
    first.write_all(GET).unwrap();
    read_answers(&first, 1);
    let mut second = server.connect();
    second.write_all(GET).unwrap();
    second.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    second.read(&mut [0]).expect_err("it is not accepted while the first is open");
    second.set_read_timeout(Some(common::examples::LIMIT)).unwrap();
    drop(first);
    assert!(read_answers(&second, 1).contains("greeting 2"));
}

#[test]
fn curl_uses_its_connection_again() {
    need!(curl, "curl_uses_its_connection_again");
    let server = Server::start(&[]);
    let url = server.url("/hello/x");
    let count = ["--write-out", "connects: %{num_connects}\\n"];
    // HTTP/2 is not part of this test: curl 7.88 sends a second request without TLS in malformed frames.
    // The test with h2load covers HTTP/2.
    let answer = curl(&[&["--http1.1"], &count[..], &[&url, &url, &url]].concat());
    assert_eq!(answer.text().matches("connects: 1").count(), 1, "{}", answer.text());
    assert_eq!(answer.text().matches("connects: 0").count(), 2, "{}", answer.text());
}

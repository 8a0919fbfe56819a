//! The example `load` keeps its promises, against the example `echo` and against servers that are no echo servers.

#![cfg(feature = "signal")]

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};

use common::examples::{Echo, assert_fails, need_descriptors, run, uninterrupted};
use common::sockets;

/// Runs it against an echo server and returns the round trips that it reports.
#[track_caller]
fn assert_right(arguments: &[&str]) -> u64 {
    let (code, stdout, stderr) = run("load", arguments);
    // No terminal, no progress: standard error is left to errors.
    assert_eq!((code, stderr.as_str()), (Some(0), ""), "{stdout}");
    for part in ["every byte right", "round trips per second", "p50 ", "p99 ", "p99.9 ", "max "] {
        assert!(stdout.contains(part), "`{part}` is not in: {stdout}");
    }
    let count = stdout.lines().find_map(|line| line.split_once(" round trips in "));
    count.expect("it says how many round trips").0.parse().unwrap()
}

#[test]
fn it_drives_an_echo_server_and_reports_rate_and_latency() {
    let echo = Echo::tcp();
    assert!(assert_right(&[&echo.address, "--conns", "20", "--secs", "0.3"]) >= 20);
}

#[test]
fn messages_larger_than_every_buffer_come_through() {
    let echo = Echo::tcp();
    assert_right(&[&echo.address, "--conns", "2", "--size", "20000000", "--secs", "0.1"]);
}

#[test]
fn a_thousand_connections_come_through() {
    need_descriptors(1_100);
    let echo = Echo::tcp();
    let count = sockets::many(1_000);
    assert!(assert_right(&[&echo.address, "--conns", &count.to_string(), "--secs", "0.3"]) >= count as u64);
}

#[cfg(unix)]
#[test]
fn it_drives_a_unix_socket() {
    let path = std::env::temp_dir().join(format!("oneloop-load-{}", std::process::id()));
    let _echo = Echo::start(&["--unix", path.to_str().unwrap()]);
    assert_right(&["--unix", path.to_str().unwrap(), "--secs", "0.1"]);
    std::fs::remove_file(path).unwrap();
}

/// Elsewhere the system refuses such a connection at once.
#[cfg(target_os = "linux")]
#[test]
fn a_unix_server_that_never_accepts_is_an_error_after_five_seconds() {
    use socket2::{Domain, SockAddr, Socket, Type};
    let path = std::env::temp_dir().join(format!("oneloop-load-deaf-{}", std::process::id()));
    let listener = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
    listener.bind(&SockAddr::unix(&path).unwrap()).unwrap();
    listener.listen(1).unwrap();
    assert_fails("load", &["--unix", path.to_str().unwrap(), "--conns", "20"], 1, &["failed", "elapsed"]);
    std::fs::remove_file(path).unwrap();
}

/// A server that treats its one connection in its own way. Returns its address.
fn server(treat: impl FnOnce(TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        treat(stream.try_clone().unwrap());
        // Under wine a child that another test has started meanwhile has inherited the connection, and would keep it open.
        let _ = stream.shutdown(Shutdown::Both);
    });
    address
}

#[track_caller]
fn assert_server_fails(treat: impl FnOnce(TcpStream) + Send + 'static, parts: &[&str]) {
    let address = server(treat);
    let mut all = vec![address.as_str()];
    all.extend(parts);
    // It ends at the failure. Until then there must be time for several round trips, also where they are slow.
    assert_fails("load", &[&address, "--conns", "1", "--secs", "3"], 1, &all);
}

#[test]
fn wrong_bytes_are_found() {
    let wrong = |mut stream: TcpStream| {
        let mut message = [0; 64];
        for number in 1.. {
            stream.read_exact(&mut message).unwrap();
            if number == 3 {
                message[40] ^= 1;
            }
            if stream.write_all(&message).is_err() {
                break;
            }
        }
    };
    assert_server_fails(wrong, &["connection 1, message 3", "wrong bytes", "byte 40 of 64"]);
}

#[test]
fn an_answer_to_another_message_is_found() {
    let late = |mut stream: TcpStream| {
        let (mut first, mut second) = ([0; 64], [0; 64]);
        stream.read_exact(&mut first).unwrap();
        stream.write_all(&first).unwrap();
        stream.read_exact(&mut second).unwrap();
        stream.write_all(&first).unwrap();
    };
    assert_server_fails(late, &["message 2", "wrong bytes"]);
}

#[test]
fn bytes_too_many_are_found() {
    let generous = |mut stream: TcpStream| {
        let mut message = [0; 65];
        stream.read_exact(&mut message[..64]).unwrap();
        stream.write_all(&message).unwrap();
        let _ = uninterrupted(|| stream.read(&mut message));
    };
    // Whether the surplus is in the same piece as the answer is not for us to say.
    assert_server_fails(generous, &["message"]);
}

#[test]
fn a_server_that_closes_early_is_an_error() {
    let closes = |mut stream: TcpStream| {
        let mut message = [0; 64];
        stream.read_exact(&mut message).unwrap();
        stream.write_all(&message[..12]).unwrap();
    };
    assert_server_fails(closes, &["message 1", "closed the connection early", "12 of 64 bytes"]);
    assert_server_fails(drop, &["closed the connection early"]);
}

#[test]
fn a_server_that_stops_answering_is_an_error() {
    let silent = |mut stream: TcpStream| drop(stream.read_to_end(&mut Vec::new()));
    assert_server_fails(silent, &["no answer"]);
}

#[test]
fn a_server_that_is_not_there_is_an_error() {
    // Bound, so that nobody else gets the port, and not listening.
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap().to_string();
    assert_fails("load", &[&address], 1, &[&address, "connection 1 of 50", "refused"]);
    assert_fails("load", &["no-such-host.invalid:1"], 1, &["no-such-host.invalid"]);
    #[cfg(unix)]
    assert_fails("load", &["--unix", "/no/such/socket"], 1, &["/no/such/socket"]);
}

#[test]
fn bad_arguments_are_one_line_and_exit_code_2() {
    let refused = |arguments: &[&str], parts: &[&str]| assert_fails("load", arguments, 2, parts);
    refused(&["nonsense"], &["nonsense", "no address"]);
    refused(&["--conns", "0"], &["--conns", "`0`"]);
    refused(&["--conns", "many"], &["--conns", "`many`"]);
    refused(&["--size", "0"], &["--size", "`0`"]);
    refused(&["--secs", "-1"], &["--secs", "`-1`"]);
    refused(&["--secs", "nan"], &["--secs", "`nan`"]);
    refused(&["--bogus"], &["--bogus"]);
    refused(&["127.0.0.1:1", "--unix", "path"], &["--unix"]);
}

#[test]
fn help_explains_everything() {
    let (code, stdout, stderr) = run("load", &["--help"]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    for part in ["ADDRESS", "--unix", "--conns", "--size", "--secs", "--help", "exit codes"] {
        assert!(stdout.contains(part), "{part}");
    }
}

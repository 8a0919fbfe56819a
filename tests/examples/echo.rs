//! The example `echo` keeps its promises: the built program is run and talked to by clients of std.

#![cfg(feature = "signal")]

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream, UdpSocket};
use std::thread::sleep;
use std::time::{Duration, Instant};

use common::examples::{
    Echo, LIMIT, assert_echoes, assert_fails, assert_returns, bytes, need_descriptors, run, uninterrupted,
};
use common::sockets;

#[test]
fn it_echoes_over_tcp() {
    let echo = Echo::tcp();
    let client = echo.connect();
    assert_echoes(&client, b"hello");
    assert_echoes(&client, &bytes(1, 100_000));
}

#[test]
fn it_listens_at_names_and_at_ipv6_addresses() {
    if cfg!(feature = "unblock") {
        assert_echoes(&Echo::start(&["localhost:0"]).connect(), b"by name");
    }
    if TcpListener::bind("[::1]:0").is_ok() {
        let echo = Echo::start(&["[::1]:0"]);
        assert!(echo.address.starts_with("[::1]:"), "{}", echo.address);
        assert_echoes(&echo.connect(), b"six");
    }
}

#[test]
fn it_echoes_over_udp() {
    let echo = Echo::start(&["--udp", "127.0.0.1:0"]);
    let client = UdpSocket::bind("127.0.0.1:0").unwrap();
    client.set_read_timeout(Some(LIMIT)).unwrap();
    client.connect(&echo.address).unwrap();
    let mut buffer = [0; 10_000];
    for length in [1, 0, 8_000] {
        let datagram = bytes(length, length);
        client.send(&datagram).unwrap();
        let back = uninterrupted(|| client.recv(&mut buffer)).unwrap();
        assert!(buffer[..back] == datagram, "{length} bytes");
    }
}

#[test]
fn a_client_that_closes_its_side_gets_everything_back() {
    let echo = Echo::tcp();
    for length in [1, 64 * 1024, 3_000_000] {
        let sent = bytes(length, length);
        let mut client = echo.connect();
        let mut writer = client.try_clone().unwrap();
        let mut back = Vec::new();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                writer.write_all(&sent).unwrap();
                writer.shutdown(Shutdown::Write).unwrap();
            });
            client.read_to_end(&mut back).unwrap();
        });
        assert!(back == sent, "{length} bytes were sent, {} came back", back.len());
    }
}

#[test]
fn a_thousand_clients_at_once_each_get_their_own_bytes_back() {
    need_descriptors(3_200);
    let echo = Echo::tcp();
    let clients: Vec<TcpStream> = (0..sockets::many(1_000)).map(|_| echo.connect()).collect();
    for (number, mut client) in clients.iter().enumerate() {
        client.write_all(&bytes(number, 2_000)).unwrap();
    }
    for (number, client) in clients.iter().enumerate() {
        assert_returns(client, &bytes(number, 2_000));
    }
}

#[test]
fn a_client_that_goes_away_does_not_disturb_the_others() {
    let echo = Echo::tcp();
    let client = echo.connect();
    for number in 0..20 {
        let mut rude = echo.connect();
        rude.write_all(&bytes(number, 50_000)).unwrap();
        drop(rude); // with bytes unread: a reset
        assert_echoes(&client, b"still here");
    }
}

#[test]
fn a_client_that_never_reads_does_not_make_the_server_grow() {
    let echo = Echo::tcp();
    assert_echoes(&echo.connect(), &bytes(0, 10_000));
    #[cfg(target_os = "linux")]
    let before = echo.program.resident_bytes();

    let mut client = echo.connect();
    client.set_nonblocking(true).unwrap();
    let chunk = bytes(0, 64 * 1024);
    let (mut sent, mut last) = (0, Instant::now());
    while last.elapsed() < Duration::from_millis(300) {
        match client.write(&chunk[sent % chunk.len()..]) {
            Ok(length) => (sent, last) = (sent + length, Instant::now()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => sleep(Duration::from_millis(2)),
            Err(error) => panic!("{error}"),
        }
        assert!(sent < 100_000_000, "the server takes everything");
    }
    client.set_nonblocking(false).unwrap();
    #[cfg(target_os = "linux")]
    {
        let grown = echo.program.resident_bytes().saturating_sub(before);
        assert!(
            common::examples::runner::instrumented() || grown < 1_000_000,
            "{sent} bytes were sent, and the server grew by {grown}"
        );
    }
    assert_echoes(&echo.connect(), b"others are served");
    // And nothing is lost: the client gets all of it once it reads.
    let mut left = sent;
    while left > 0 {
        let at = (sent - left) % chunk.len();
        let length = left.min(chunk.len() - at);
        assert_returns(&client, &chunk[at..at + length]);
        left -= length;
    }
}

#[test]
fn help_explains_everything() {
    let (code, stdout, stderr) = run("echo", &["--help"]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    for part in ["ADDRESS", "127.0.0.1:7000", "--udp", "--unix PATH", "--help", "Ctrl+C", "exit codes"] {
        assert!(stdout.contains(part), "{part}");
    }
}

#[test]
fn bad_arguments_are_one_line_and_exit_code_2() {
    let refused = |arguments: &[&str], parts: &[&str]| assert_fails("echo", arguments, 2, parts);
    refused(&["nonsense"], &["nonsense", "no address"]);
    refused(&["127.0.0.1:99999"], &["127.0.0.1:99999", "the port 99999 is out of range"]);
    refused(&["--udp", "[::1]:65536"], &["the port 65536 is out of range"]);
    refused(&["::1:7000"], &["::1:7000", "brackets"]);
    refused(&["no-such-host.invalid:1"], &["no-such-host.invalid:1"]);
    refused(&["--udp", "nonsense"], &["nonsense", "no address"]);
    refused(&["--bogus"], &["--bogus"]);
    refused(&["--unix"], &["--unix"]);
    refused(&["--unix", "path", "--udp"], &["--unix", "path"]);
    refused(&["127.0.0.1:0", "127.0.0.1:1"], &["127.0.0.1:1"]);
    // A documentation address (RFC 5737), which no machine has.
    refused(&["192.0.2.1:7000"], &["192.0.2.1:7000"]);
}

#[test]
fn a_port_in_use_is_one_line_and_exit_code_2() {
    // By its number: in which language Windows says it depends on the machine.
    let reason = if cfg!(windows) { "os error 10048" } else { "in use" };
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = holder.local_addr().unwrap().to_string();
    assert_fails("echo", &[&address], 2, &[&address, reason]);
    let holder = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = holder.local_addr().unwrap().to_string();
    assert_fails("echo", &["--udp", &address], 2, &[&address, reason]);
}

/// Debug builds lay futures out as release builds do, so the promise holds for both.
#[cfg(target_os = "linux")]
#[test]
fn an_idle_connection_costs_little_memory() {
    const CONNECTIONS: u64 = 2_000;
    const BYTES_MAX: u64 = 350;
    need_descriptors(3_200);
    let echo = Echo::tcp();
    assert_echoes(&echo.connect(), b"warm");
    let before = echo.program.resident_bytes();
    let clients: Vec<TcpStream> = (0..CONNECTIONS).map(|_| echo.connect()).collect();
    // They are accepted in their order: when the last one is served, all are.
    assert_echoes(clients.last().unwrap(), b"last");
    let bytes_each = echo.program.resident_bytes().saturating_sub(before) / CONNECTIONS;
    assert!(
        common::examples::runner::instrumented() || bytes_each <= BYTES_MAX,
        "{bytes_each} bytes for each idle connection"
    );
}

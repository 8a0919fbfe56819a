//! The example `load` keeps its promises, against the example `echo` and against servers that are no echo servers.

#![cfg(feature = "signal")]

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};

use common::examples::{Echo, assert_fails, need_descriptors, run, uninterrupted};
#[cfg(unix)]
use common::examples::{Program, command, until};
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
    let path = sockets::SocketPath::default();
    let _echo = Echo::start(&["--unix", path.text()]);
    assert_right(&["--unix", path.text(), "--secs", "0.1"]);
}

/// Elsewhere the system refuses such a connection at once.
#[cfg(target_os = "linux")]
#[test]
fn a_unix_server_that_never_accepts_is_an_error_after_five_seconds() {
    use socket2::{Domain, SockAddr, Socket, Type};
    let path = sockets::SocketPath::default();
    let listener = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
    listener.bind(&SockAddr::unix(&path).unwrap()).unwrap();
    listener.listen(1).unwrap();
    assert_fails("load", &["--unix", path.text(), "--conns", "20"], 1, &["failed", "elapsed"]);
}

/// The system says which signals a process catches: until then Ctrl+C ends it at once.
#[cfg(target_os = "linux")]
#[test]
fn ctrl_c_before_all_connections_are_made_is_named() {
    use socket2::{Domain, SockAddr, Socket, Type};
    if common::runner::instrumented() {
        return; // an emulator catches signals before its program does
    }
    let path = sockets::SocketPath::default();
    let listener = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
    listener.bind(&SockAddr::unix(&path).unwrap()).unwrap();
    listener.listen(1).unwrap();
    let mut program = start(&["--unix", path.text(), "--conns", "20"]);
    until("it catches SIGINT", || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", program.id())).unwrap();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap().trim();
        (u64::from_str_radix(caught, 16).unwrap() & 1 << (libc::SIGINT - 1) != 0).then_some(())
    });
    program.signal(libc::SIGINT);
    // On a machine that stands still for five seconds the attempt has failed before.
    let code = program.wait().code();
    let stderr = program.stderr.so_far();
    let asked = code == Some(130) && stderr.contains("asked to end before all connections were made");
    assert!(asked || (code == Some(1) && stderr.contains("elapsed")), "{code:?}: {stderr}");
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
    assert_fails("load", &[&address, "--conns", "1", "--secs", "60"], 1, &all);
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
    // Bound, so that no other program gets the port, and not listening.
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap().to_string();
    assert_fails("load", &[&address], 1, &[&address, "connection 1 of 50", "refused"]);
    assert_fails("load", &["no-such-host.invalid:1"], 1, &["no-such-host.invalid"]);
    #[cfg(unix)]
    assert_fails("load", &["--unix", "/no/such/socket"], 1, &["/no/such/socket"]);
}

/// All connections are made before the first message is sent, so an echo that has one knows that the load has begun.
#[cfg(unix)]
#[test]
fn ctrl_c_ends_it_early_with_its_figures() {
    for signal in [libc::SIGINT, libc::SIGTERM] {
        let (send, begun) = std::sync::mpsc::channel();
        let address = server(move |mut stream| {
            let mut message = [0; 64];
            while stream.read_exact(&mut message).is_ok() && stream.write_all(&message).is_ok() {
                let _ = send.send(());
            }
        });
        let mut program = start(&[&address, "--conns", "1", "--size", "64", "--secs", "1000"]);
        begun.recv().unwrap();
        program.signal(signal);
        assert_eq!(program.wait().code(), Some(0));
        assert_eq!(program.stderr.so_far(), "");
        let stdout = program.stdout.so_far();
        for part in [": 1 connection, ", "every byte right", "seconds (stopped early), ", "p50 ", "max "] {
            assert!(stdout.contains(part), "`{part}` is not in: {stdout}");
        }
    }
}

#[cfg(unix)]
fn start(arguments: &[&str]) -> Program {
    Program::start(command("load").args(arguments)).unwrap()
}

#[cfg(unix)]
#[test]
fn a_second_ctrl_c_ends_it_with_messages_under_way() {
    let (send, accepted) = std::sync::mpsc::channel();
    let address = server(move |mut stream| {
        let mut message = [0; 64];
        stream.read_exact(&mut message).unwrap();
        send.send(()).unwrap();
        let _ = stream.read_to_end(&mut Vec::new()); // no answer
    });
    let mut program = start(&[&address, "--conns", "1", "--secs", "1000"]);
    accepted.recv().unwrap();
    program.signal(libc::SIGINT);
    // Two that come together count as one: again, until it has ended.
    until("its end", || {
        program.signal(libc::SIGINT);
        std::thread::sleep(std::time::Duration::from_millis(20));
        program.has_ended().then_some(())
    });
    assert_eq!(program.wait().code(), Some(130));
    let stderr = program.stderr.so_far();
    assert!(stderr.contains("a second time") && stderr.lines().count() == 1, "{stderr}");
}

#[test]
fn bad_arguments_are_one_line_and_exit_code_2() {
    let refused = |arguments: &[&str], parts: &[&str]| assert_fails("load", arguments, 2, parts);
    refused(&["nonsense"], &["nonsense", "no address"]);
    refused(&["127.0.0.1:99999"], &["127.0.0.1:99999", "the port 99999 is out of range"]);
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

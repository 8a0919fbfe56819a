//! What the example `echo` promises on Unix: Unix sockets, signals, and what it does without descriptors.

#![cfg(all(unix, feature = "signal"))]

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use common::examples::runner;
use common::examples::{
    Echo, Program, assert_echoes, assert_fails, assert_returns, binary, bytes, uninterrupted, until,
};

/// A path of the test's own, which is removed at its end.
struct Path(PathBuf);

impl Path {
    fn new(test: &str) -> Path {
        let path = std::env::temp_dir().join(format!("oneloop-{test}-{}", std::process::id()));
        let _ = fs::remove_file(&path); // a killed process with the same number may have left it
        Path(path)
    }

    fn text(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Path {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[test]
fn it_echoes_over_a_unix_socket_and_removes_the_path_at_the_end() {
    let path = Path::new("serves");
    let mut echo = Echo::start(&["--unix", path.text()]);
    assert_eq!(echo.address, path.text());
    let mut client = UnixStream::connect(&path.0).unwrap();
    assert_echoes(&client, &bytes(7, 10_000));
    client.write_all(b"the end").unwrap();
    client.shutdown(std::net::Shutdown::Write).unwrap();
    let mut rest = String::new();
    client.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "the end");
    echo.program.signal(libc::SIGINT);
    assert_eq!(echo.program.wait().code(), Some(0));
    assert!(!path.0.exists());
}

#[test]
fn a_path_that_another_server_took_over_is_left_alone() {
    let path = Path::new("taken-over");
    let mut echo = Echo::start(&["--unix", path.text()]);
    fs::remove_file(&path.0).unwrap();
    let _other = UnixListener::bind(&path.0).unwrap();
    echo.program.signal(libc::SIGTERM);
    assert_eq!(echo.program.wait().code(), Some(0));
    assert!(path.0.exists());
}

#[test]
fn a_path_that_exists_is_one_line_and_exit_code_2() {
    let path = Path::new("exists");
    fs::write(&path.0, "precious").unwrap();
    assert_fails("echo", &["--unix", path.text()], 2, &[path.text(), "exists", "not a socket"]);
    assert_eq!(fs::read_to_string(&path.0).unwrap(), "precious");
    assert_fails("echo", &["--unix", "/no/such/folder/echo"], 2, &["/no/such/folder/echo", "No such"]);
}

#[test]
fn a_socket_that_is_left_over_is_named_as_such() {
    let path = Path::new("left-over");
    let listener = UnixListener::bind(&path.0).unwrap();
    assert_fails("echo", &["--unix", path.text()], 2, &[path.text(), "another server listens"]);
    drop(listener); // which leaves the path
    // A child that another test starts has a copy of the listener until its exec.
    until("no copy is left", || UnixStream::connect(&path.0).is_err().then_some(()));
    assert_fails(
        "echo",
        &["--unix", path.text()],
        2,
        &[path.text(), "left over", "no server listens", "remove"],
    );
    assert!(path.0.exists(), "removing it is the user's decision");
    assert_fails("load", &["--unix", path.text()], 1, &[path.text(), "refused", "no server listens"]);
}

/// A user who may not do it is needed. As root, the test lends the program to one.
#[test]
fn a_privileged_port_is_one_line_and_exit_code_2() {
    const ADDRESS: &str = "127.0.0.1:1";
    const NOBODY: u32 = 65534;
    // The socket does not listen: the test of another program expects that this port refuses.
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let bound = socket.bind(&ADDRESS.parse::<SocketAddr>().unwrap().into());
    drop(socket);
    if bound.is_err_and(|error| error.kind() == std::io::ErrorKind::PermissionDenied) {
        return assert_fails("echo", &[ADDRESS], 2, &[ADDRESS, "denied"]);
    }
    let path = Path::new("unprivileged"); // nobody need not have access to where the tests are built
    uninterrupted(|| fs::copy(binary("echo"), &path.0)).unwrap();
    let mut program = until("no other test is between fork and exec, with our copy open", || {
        match Program::start(runner::command(&path.0).arg(ADDRESS).uid(NOBODY)) {
            Err(error) if error.kind() == std::io::ErrorKind::ExecutableFileBusy => None,
            started => Some(started),
        }
    })
    .expect("root may become nobody");
    until("an end, or a port that is free for all here", || {
        let listens = program.stdout.so_far().contains("listening on");
        (listens || !program.stderr.so_far().is_empty()).then_some(())
    });
    if program.stdout.so_far().is_empty() {
        assert_eq!(program.wait().code(), Some(2));
        assert_eq!(program.stderr.so_far().lines().count(), 1);
        assert!(program.stderr.so_far().contains("127.0.0.1:1: Permission denied"));
    }
}

#[test]
fn sigterm_lets_connections_finish_and_prints_a_summary() {
    let mut echo = Echo::tcp();
    let client = echo.connect();
    assert_echoes(&client, b"before");
    assert_echoes(&echo.connect(), b"gone"); // and closed
    echo.program.signal(libc::SIGTERM);
    echo.program.stderr.wait_for("stopping");
    assert!(TcpStream::connect(&echo.address).is_err(), "no new client is accepted");
    assert_echoes(&client, b"after");
    drop(client);
    assert_eq!(echo.program.wait().code(), Some(0));
    let stdout = echo.program.stdout.so_far();
    let summary = stdout.lines().last().unwrap();
    assert!(
        summary.starts_with("2 connections served, 2 at most at once, 15 bytes echoed, ")
            && summary.ends_with(" seconds"),
        "{summary}"
    );
}

#[test]
fn a_client_that_came_before_the_signal_is_served() {
    let mut echo = Echo::tcp();
    // While the process stands still both arrive, so that it learns of them together.
    echo.program.signal(libc::SIGSTOP);
    let mut client = echo.connect();
    client.write_all(b"in time").unwrap();
    echo.program.signal(libc::SIGTERM);
    echo.program.signal(libc::SIGCONT);
    assert_returns(&client, b"in time");
    drop(client);
    assert_eq!(echo.program.wait().code(), Some(0));
}

#[test]
fn connections_that_do_not_finish_are_cut_off_after_five_seconds() {
    let mut echo = Echo::tcp();
    let mut client = echo.connect();
    assert_echoes(&client, b"open");
    let asked = Instant::now();
    echo.program.signal(libc::SIGINT);
    assert_eq!(uninterrupted(|| client.read(&mut [0])).unwrap(), 0);
    assert!(asked.elapsed() >= Duration::from_secs(5));
    assert_eq!(echo.program.wait().code(), Some(0));
    assert!(echo.program.stdout.so_far().contains("1 connection served, 1 at most at once, 4 bytes"));
}

#[test]
fn a_second_signal_ends_it_at_once() {
    for (signal, code) in [(libc::SIGINT, 130), (libc::SIGTERM, 143)] {
        let mut echo = Echo::tcp();
        let client = echo.connect();
        assert_echoes(&client, b"open");
        echo.program.signal(libc::SIGINT);
        echo.program.stderr.wait_for("stopping");
        echo.program.signal(signal);
        assert_eq!(echo.program.wait().code(), Some(code)); // 0 if it had waited for its connections
    }
}

#[test]
fn udp_prints_its_own_summary() {
    let mut echo = Echo::start(&["--udp", "127.0.0.1:0"]);
    let client = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    client.send_to(b"five!", &echo.address).unwrap();
    uninterrupted(|| client.recv(&mut [0; 10])).unwrap();
    echo.program.signal(libc::SIGTERM);
    assert_eq!(echo.program.wait().code(), Some(0));
    assert!(echo.program.stdout.so_far().contains("1 datagram echoed, 5 bytes echoed, "));
}

#[test]
fn out_of_descriptors_it_still_serves_and_later_accepts_all_others() {
    const CLIENTS: usize = 60;
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 40 && exec \"$@\" 127.0.0.1:0", "sh"]);
    command.args(runner::words(&binary("echo")));
    let mut echo = Echo::start_command(&mut command);
    let mut clients: Vec<TcpStream> = (0..CLIENTS).map(|_| echo.connect()).collect();
    echo.program.stderr.wait_for("accepting pauses");
    #[cfg(target_os = "linux")]
    let before = echo.program.processor_time();
    let round = Instant::now();
    // The first ones are connected. Half a second of the shortage, for what it costs.
    while round.elapsed() < Duration::from_millis(500) {
        for (number, client) in clients[..20].iter().enumerate() {
            assert_echoes(client, &bytes(number, 100));
        }
        sleep(Duration::from_millis(50));
    }
    #[cfg(target_os = "linux")]
    {
        // Hardly any; all there is, if it spins. Half, because on a virtual machine this is also what others took.
        let (used, time) = (echo.program.processor_time() - before, round.elapsed());
        assert!(used < time / 2 || runner::instrumented(), "it spins: {used:?} of {time:?}");
    }
    // Connections are closed one after the other, and every client is served.
    for number in 0..CLIENTS {
        assert_echoes(&clients[0], &bytes(number, 1_000));
        drop(clients.remove(0));
    }
    echo.program.signal(libc::SIGTERM);
    assert_eq!(echo.program.wait().code(), Some(0));
    let (stdout, stderr) = (echo.program.stdout.so_far(), echo.program.stderr.so_far());
    assert!(stdout.contains(&format!("{CLIENTS} connections served, ")), "{stdout}");
    assert_eq!(stderr.matches("accepting pauses").count(), 1, "{stderr}");
    assert!(stderr.to_lowercase().contains("too many open files"), "{stderr}");
}

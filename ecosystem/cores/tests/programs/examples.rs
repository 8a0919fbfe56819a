//! Runs the example programs as processes.

use std::io::{Read, Write};
use std::net::TcpStream;

use common::examples::{LIMIT, Program, assert_echoes, assert_fails, assert_returns, bytes, command, run};

const SIGINT: i32 = 2;
const SIGTERM: i32 = 15;

struct Server {
    program: Program,
    address: String,
}

impl Server {
    fn start(name: &str, arguments: &[&str]) -> Server {
        let mut command = command(name);
        command.arg("127.0.0.1:0").args(arguments);
        if !arguments.contains(&"--grace") {
            command.args(["--grace", "60"]); // A busy machine may need longer than 5 s.
        }
        let program = Program::start(&mut command).expect("it starts");
        program.stdout.wait_for("try it");
        let text = program.stdout.so_far();
        let address = text.lines().find_map(|line| line.strip_prefix("listening on ")).expect(&text);
        Server { address: address.trim_start_matches("http://").to_owned(), program }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).expect("the server listens");
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        stream.set_write_timeout(Some(LIMIT)).unwrap();
        stream
    }

    /// Returns the columns of each row of the table.
    fn rows(&self) -> Vec<Vec<String>> {
        let text = self.program.stdout.so_far();
        let rows = text.lines().skip_while(|line| !line.trim_start().starts_with("core ")).skip(1);
        let row = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        rows.map(row).take_while(|row| row.len() >= 10).collect()
    }
}

fn sum(rows: &[Vec<String>], column: usize) -> u64 {
    rows.iter().map(|row| row[column].parse::<u64>().expect("a number")).sum()
}

#[test]
fn echo_cores_echoes_and_ends_in_order_with_a_row_for_each_core() {
    for (spread, signal) in [("kernel", SIGINT), ("least-loaded", SIGTERM)] {
        if spread == "kernel" && !cfg!(target_os = "linux") {
            continue;
        }
        let mut server = Server::start("echo_cores", &["--cores", "2", "--spread", spread]);
        let text = bytes(7, 300_000);
        let clients: Vec<_> = (0..20).map(|_| server.connect()).collect();
        for client in &clients {
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    let mut client = client;
                    client.write_all(&text)
                });
                assert_returns(client, &text);
            });
        }
        drop(clients);
        server.program.signal(signal);
        assert_eq!(server.program.wait().code(), Some(0));
        let rows = server.rows();
        assert_eq!((rows.len(), sum(&rows, 2), sum(&rows, 3)), (2, 20, 0), "{rows:?}");
        let total = format!("{} bytes echoed", 20 * text.len());
        assert!(server.program.stdout.so_far().contains(&total));
    }
}

#[test]
fn echo_cores_refuses_invalid_arguments() {
    assert_fails("echo_cores", &["--cores", "0"], 2, &["0"]);
    assert_fails("echo_cores", &["--cores", "many"], 2, &["many"]);
    assert_fails("echo_cores", &["--spread", "evenly"], 2, &["evenly", "least-loaded"]);
    assert_fails("echo_cores", &["--shared", "--spread", "least-loaded", "127.0.0.1:0"], 2, &["shared"]);
    assert_fails("echo_cores", &["nowhere"], 2, &["nowhere"]);
    assert_fails("echo_cores", &["--unknown"], 2, &["--unknown"]);
    let (code, help, _) = run("echo_cores", &["--help"]);
    assert_eq!(code, Some(0));
    assert!(help.contains("--spread"), "{help}");
}

#[test]
fn a_second_echo_cores_at_the_same_address_is_refused() {
    let server = Server::start("echo_cores", &["--cores", "2"]);
    assert_fails("echo_cores", &[&server.address], 2, &[&server.address, "in use"]);
    assert_echoes(server.connect(), b"the first one serves");
}

#[cfg(target_os = "linux")]
#[test]
fn echo_cores_counts_the_connections_that_a_panic_closes_and_serves_on() {
    let arguments = ["--cores", "2", "--spread", "kernel", "--inject", "--restarts", "1"];
    let mut server = Server::start("echo_cores", &arguments);
    let clients: Vec<_> = (0..20).map(|_| server.connect()).collect();
    clients.iter().for_each(|client| assert_echoes(client, b"hello"));
    (&clients[0]).write_all(b"panic!\n").unwrap();
    server.program.stderr.wait_for("starts again");
    // The connections of the core that panicked are closed, and those of the other core stay open.
    let alive = |client: &TcpStream| {
        let mut client = client;
        client.write_all(b"x").is_ok() && matches!(client.read(&mut [0]), Ok(1))
    };
    let lost = 20 - clients.iter().skip(1).filter(|client| alive(client)).count() as u64;
    // The connections to the core that panicked wait until it has started again. With a probability of
    // 2⁻⁵⁰ the kernel gives that core no connection.
    (0..50).for_each(|_| assert_echoes(server.connect(), b"hello again"));

    drop(clients);
    server.program.signal(SIGINT);
    assert_eq!(server.program.wait().code(), Some(0));
    let rows = server.rows();
    assert_eq!((sum(&rows, 2), sum(&rows, 4), sum(&rows, 5)), (70, lost, 1), "{rows:?}");
    let other = rows.iter().find(|row| row[5] == "0").expect("one core has not panicked");
    assert_eq!(other[4], "0", "the other core has lost none");
    assert!(!server.program.stderr.so_far().contains("stack backtrace"));
}

#[test]
fn echo_cores_ends_although_a_core_blocks_its_thread() {
    let arguments = ["--cores", "2", "--spread", "least-loaded", "--inject", "--grace", "1"];
    let mut server = Server::start("echo_cores", &arguments);
    let clients: Vec<_> = (0..2).map(|_| server.connect()).collect();
    clients.iter().for_each(|client| assert_echoes(client, b"hello"));
    (&clients[0]).write_all(b"hang!").unwrap();
    assert_echoes(&clients[1], b"the other core serves");
    drop(clients);
    server.program.signal(SIGTERM);
    assert_eq!(server.program.wait().code(), Some(1));
    assert!(server.program.stdout.so_far().contains("hung"));
}

#[test]
fn the_longest_grace_time_is_accepted() {
    let grace = u64::MAX.to_string();
    let mut server = Server::start("echo_cores", &["--cores", "1", "--grace", &grace]);
    assert_echoes(server.connect(), b"hello");
    server.program.signal(SIGTERM);
    assert_eq!(server.program.wait().code(), Some(0));
}

/// Runs the soak for a short time. `.ci/long` runs it for hours.
#[test]
fn soak_cores_counts_add_up() {
    let (code, stdout, stderr) = run("soak_cores", &["--seconds", "2"]);
    assert_eq!((code, &*stderr), (Some(0), ""), "{stdout}");
    assert!(stdout.lines().filter(|line| line.ends_with("returned")).count() == 4, "{stdout}");
}

#[test]
fn soak_cores_ends_early_at_a_signal_and_its_counts_agree() {
    for signal in [SIGINT, SIGTERM] {
        let mut soak = Program::start(command("soak_cores").args(["--seconds", "20"])).expect("it starts");
        soak.stdout.wait_for("half 1");
        soak.signal(signal);
        assert_eq!(soak.wait().code(), Some(0), "{}{}", soak.stdout.so_far(), soak.stderr.so_far());
        assert!(soak.stdout.so_far().contains("not compared after an early end"), "{}", soak.stdout.so_far());
        assert!(soak.stderr.so_far().contains("stopping early"), "{}", soak.stderr.so_far());
    }
}

#[cfg(feature = "hyper")]
#[test]
fn hyper_cores_answers_on_all_cores_and_ends_in_order() {
    let mut server = Server::start("hyper_cores", &["--cores", "2", "--spread", "least-loaded"]);
    let mut answers = std::collections::BTreeSet::new();
    for _ in 0..4 {
        let mut client = server.connect();
        client.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
        let mut text = String::new();
        client.read_to_string(&mut text).unwrap();
        assert!(text.starts_with("HTTP/1.1 200"), "{text}");
        answers.insert(text.trim_end().rsplit_once(' ').unwrap().1.to_owned());
    }
    assert_eq!(answers.into_iter().collect::<Vec<_>>(), ["0", "1"]);
    server.program.signal(SIGTERM);
    assert_eq!(server.program.wait().code(), Some(0));
    assert!(server.program.stdout.so_far().contains("4 requests answered"));
    assert_fails("hyper_cores", &["--inject"], 2, &["--inject"]);
}

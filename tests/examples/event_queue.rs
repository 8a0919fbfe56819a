//! The examples on the queue-based event loop, run as a user would run them.

#![cfg(all(feature = "event-loop", feature = "signal"))]

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};

use common::examples::{
    self, LIMIT, Program, assert_echoes, assert_fails, assert_returns, bytes, need_descriptors, show,
    uninterrupted, until,
};
use common::sockets;

#[cfg(unix)]
const FIVE_LINES: &str = "\
Processing message: event_0
Processing message: event_1
Processing message: event_2
Processing message: event_3
Processing message: event_4
  the queue is empty: the loop sleeps until an event comes; Ctrl+C ends it
";

#[cfg(unix)]
#[test]
fn the_articles_loop_prints_its_five_lines_and_leaves_on_ctrl_c_with_status_0() {
    let mut program = Program::start(&mut examples::command("event_queue")).unwrap();
    program.stdout.wait_for("Ctrl+C ends it\n");
    program.signal(libc::SIGINT);
    assert_eq!(program.wait().code(), Some(0));
    assert_eq!(program.stdout.so_far(), FIVE_LINES);
    assert_eq!(program.stderr.so_far(), "");
}

/// A process that sleeps once in a system call gives the processor up once.
#[cfg(target_os = "linux")]
#[test]
fn the_idle_loop_sleeps_once_for_each_time_out() {
    use std::thread::sleep;
    use std::time::{Duration, Instant};

    fn sleeps(program: &Program) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", program.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")).unwrap();
        line.trim().parse().unwrap()
    }
    let program = Program::start(&mut examples::command("event_queue")).unwrap();
    program.stdout.wait_for("event_4\n");
    let (start, first, used) = (Instant::now(), sleeps(&program), program.processor_time());
    sleep(Duration::from_secs(3)); // the time that is measured; nothing is expected to happen in it
    let slept = sleeps(&program) - first;
    // The process also gives the processor up for a page or a lock. A loop that looks every millisecond does so 3,000 times.
    let time_outs = start.elapsed().as_secs() + 1;
    assert!(slept <= time_outs + 10, "it slept {slept} times in {:?}", start.elapsed());
    until("it wakes at its time-outs", || (sleeps(&program) >= first + 2).then_some(()));
    // It uses hardly any, and a loop that spins in between all there is.
    let used = program.processor_time() - used;
    assert!(used.as_secs() < 1, "{used:?} of {:?}", start.elapsed());
}

/// The echo server on the event loop.
struct Server {
    program: Program,
    address: String,
}

impl Server {
    #[track_caller]
    fn start() -> Server {
        let program = Program::start_fed(examples::command("event_queue_echo").arg("127.0.0.1:0")).unwrap();
        program.stdout.wait_for("listening on ");
        until("a whole line", || program.stdout.so_far().contains('\n').then_some(()));
        let text = program.stdout.so_far();
        let address = text.lines().find_map(|line| line.strip_prefix("listening on ")).unwrap().to_owned();
        Server { program, address }
    }

    #[track_caller]
    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        stream.set_write_timeout(Some(LIMIT)).unwrap();
        stream
    }
}

#[test]
fn the_echo_server_serves_1000_clients_at_once() {
    need_descriptors(1_100);
    let server = Server::start();
    let mut clients: Vec<_> = (0..sockets::many(1000)).map(|_| server.connect()).collect();
    for round in 0..2 {
        for (n, client) in clients.iter_mut().enumerate() {
            client.write_all(&bytes(n + round, 200)).unwrap();
        }
        for (n, client) in clients.iter_mut().enumerate() {
            assert_returns(client, &bytes(n + round, 200));
        }
    }
}

#[test]
fn a_client_that_doesnt_read_gets_everything_in_the_end_and_delays_no_other_client() {
    let server = Server::start();
    let slow = server.connect();
    let all = bytes(7, 8_000_000);
    let writer = {
        let (mut slow, all) = (slow.try_clone().unwrap(), all.clone());
        std::thread::spawn(move || {
            slow.write_all(&all).unwrap();
            slow.shutdown(Shutdown::Write).unwrap();
        })
    };
    assert_echoes(&server.connect(), b"meanwhile");
    assert_returns(&slow, &all);
    assert_eq!(uninterrupted(|| (&slow).read(&mut [0; 8])).unwrap(), 0, "and then its end");
    writer.join().unwrap();
}

#[test]
fn a_client_that_disconnects_in_the_middle_leaves_the_others_served() {
    let server = Server::start();
    for _ in 0..50 {
        let mut client = server.connect();
        client.write_all(&bytes(1, 100_000)).unwrap(); // its answer is not read, so closing resets the connection
    }
    assert_echoes(&server.connect(), b"still there");
}

#[test]
fn a_line_on_standard_input_is_a_message_from_another_thread() {
    let mut server = Server::start();
    let client = server.connect();
    assert_echoes(&client, b"12345");
    server.program.input().write_all(b"how is it going?\n").unwrap();
    server.program.stdout.wait_for("1 connection so far, 1 open, 5 bytes echoed\n");
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_the_echo_server_with_an_account_and_status_0() {
    let mut server = Server::start();
    let client = server.connect();
    assert_echoes(&client, b"hello");
    server.program.signal(libc::SIGINT);
    assert_eq!(server.program.wait().code(), Some(0));
    assert!(server.program.stdout.so_far().ends_with("1 connection so far, 1 open, 5 bytes echoed\n"));
}

#[test]
fn the_echo_server_says_what_is_wrong_with_its_address() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    // By its number: in which language Windows says it depends on the machine.
    let reason = if cfg!(windows) { "os error 10048" } else { "in use" };
    assert_fails("event_queue_echo", &[&taken], 1, &["can't listen at", &taken, reason]);
    assert_fails("event_queue_echo", &["nowhere"], 2, &["can't listen at", "nowhere"]);
    assert_fails(
        "event_queue_echo",
        &["127.0.0.1:99999"],
        2,
        &["can't listen at", "127.0.0.1:99999", "port"],
    );
    assert_fails("event_queue_echo", &["192.0.2.1:7000"], 1, &["can't listen at", "192.0.2.1:7000"]);
    assert_fails("event_queue_echo", &["--fast"], 2, &["--fast"]);
    assert_fails("event_queue_echo", &["127.0.0.1:0", "more"], 2, &["more"]);
    assert_fails("event_queue", &["more"], 2, &["more"]);
}

#[test]
fn the_toy_executor_lets_tasks_wait_side_by_side() {
    let stdout = show("event_queue_tasks");
    let lines: Vec<_> = stdout.lines().collect();
    // Each has begun before the other goes on. What comes between is the clock's affair.
    assert_eq!(lines[..2], ["slow, step 1", "quick, step 1"]);
    for name in ["slow", "quick"] {
        let expected = [", step 1", ", step 2", ", step 3", " is done"].map(|what| format!("{name}{what}"));
        let its: Vec<_> = lines.iter().copied().filter(|line| line.starts_with(name)).collect();
        assert_eq!(its, expected);
    }
    assert_eq!(lines.len(), 8);
}

#[test]
fn callbacks_are_called_soon_later_and_from_another_thread() {
    let stdout = show("callbacks");
    let place =
        |line: &str| stdout.lines().position(|l| l == line).unwrap_or_else(|| panic!("{line}: {stdout}"));
    let orders = [
        ["call_soon", "the handler panicked: a mistake; the loop goes on", "call_soon, from a callback"],
        // A slow machine may need more than 20 ms before the loop begins.
        ["call_soon", "call_later, after 20 ms", "call_later, after 40 ms"],
        [
            "call_soon",
            "server: a few bytes to read, and to answer",
            "call_soon from another thread: its server answered \"HELLO\"",
        ],
    ];
    for order in orders {
        assert!(order.map(place).is_sorted(), "{stdout}");
    }
    assert!(!stdout.contains("never"), "{stdout}");
    assert!(stdout.lines().last().unwrap().starts_with("Stopped after "), "{stdout}");
}

#[test]
fn the_caller_decides_what_follows_a_failure() {
    assert_eq!(
        show("failing_handlers"),
        "\
policy Continue:
  100 / 5 = 20
  the handler failed: invalid digit found in string
  the handler panicked: attempt to divide by zero
  100 / 20 = 5
  the loop went on: 5 handled, 2 of them failed
  still queued: []
policy Stop:
  100 / 5 = 20
  the handler failed: invalid digit found in string
  the loop stopped, because the handler failed: invalid digit found in string
  still queued: [\"0\", \"20\", \"end\"]
tasks:
  the first task: task 3.1.0 panicked: attempt to divide by zero
  the second task goes on: Ok(5)
"
    );
}

//! The descriptor limit, reached while 1,000 clients hold connections: those are served on, nothing spins, and who comes
//! too late is served as soon as there is room. And no descriptor leaks into a child, whenever that is started.
//!
//! Limits are the whole process's, so the tests that set them run in a process of their own.
#![cfg(target_os = "linux")]

use std::cell::Cell;
use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream as StdStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use oneloop::Interest;
use oneloop::event_loop::{Event, EventLoop};
use oneloop::io::{AsyncReadExt, AsyncWriteExt};
use oneloop::net::{TcpListener, TcpStream};
use oneloop::time::sleep;

use crate::clock;
use common::events;
use common::sockets::{self, LIMIT, Outcome, in_child, pattern, run, uninterrupted, wait_until, within};

/// Clients that hold connections.
const HELD: usize = 1000;
/// Those that come when there is no descriptor left for the server's end.
const LATE: usize = 100;

/// The process has no descriptor more than it has now, until one is closed. (The system gives out the lowest number that
/// is free, so all below that one are taken.)
fn no_more_descriptors() {
    let lowest = std::os::fd::AsRawFd::as_raw_fd(&std::fs::File::open("/dev/null").unwrap());
    let (_, hard) = rlimit::getrlimit(rlimit::Resource::NOFILE).unwrap();
    rlimit::setrlimit(rlimit::Resource::NOFILE, lowest as u64, hard).unwrap();
    assert!(std::fs::File::open("/dev/null").is_err());
}

/// What a server says to the thread of its clients.
#[derive(Default)]
struct Counts {
    accepted: AtomicUsize,
    failures: AtomicUsize,
    /// How often the loop had read the clock at its last failure.
    clock_reads: AtomicU64,
    /// The clients have all they wanted.
    over: AtomicBool,
}

impl Counts {
    fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    fn failures(&self) -> usize {
        self.failures.load(Ordering::SeqCst)
    }

    #[track_caller]
    fn has_accepted(&self, error: Option<std::io::Error>) {
        let Some(error) = error else {
            self.accepted.fetch_add(1, Ordering::SeqCst);
            return;
        };
        assert_eq!(error.raw_os_error(), Some(libc::EMFILE), "{error}");
        self.clock_reads.store(clock::reads(), Ordering::SeqCst);
        self.failures.fetch_add(1, Ordering::SeqCst);
    }

    /// While no client says anything: the listener tries again now and then, and the loop sleeps in between.
    fn assert_rests(&self) {
        // By the second failure from now there is nothing left to do for the clients.
        let failures = self.failures();
        wait_until("it tries again", || self.failures() >= failures + 2);
        let (begun, failures) = (Instant::now(), self.failures());
        let before = self.clock_reads.load(Ordering::SeqCst);
        wait_until("and again", || self.failures() > failures + 2);
        wait_until("for some time", || begun.elapsed() >= Duration::from_millis(250));
        let (reads, time) = (self.clock_reads.load(Ordering::SeqCst) - before, begun.elapsed());
        assert!(clock::slept(reads, time), "it spins, and read the clock {reads} times in {time:?}");
    }
}

/// Every client sends, and then every client has its own bytes back.
fn all_echo<'a>(clients: impl Iterator<Item = &'a StdStream> + Clone, round: u64) {
    let message = |client: usize| pattern(20 + client % 100, client as u64 * 10 + round);
    for (number, mut client) in clients.clone().enumerate() {
        client.write_all(&message(number)).unwrap();
    }
    for (number, mut client) in clients.enumerate() {
        let expected = message(number);
        let mut got = vec![0; expected.len()];
        client.read_exact(&mut got).unwrap_or_else(|e| panic!("client {number} in round {round}: {e}"));
        assert!(got == expected, "client {number} in round {round}");
    }
}

fn clients(addr: SocketAddr, counts: &Counts) {
    let connect = |socket: socket2::Socket| {
        uninterrupted(|| socket.connect(&addr.into())).unwrap();
        socket.set_read_timeout(Some(LIMIT)).unwrap();
        StdStream::from(socket)
    };
    let socket = || socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    let mut held: Vec<_> = (0..HELD).map(|_| connect(socket())).collect();
    wait_until("all who hold a connection are accepted", || counts.accepted() == HELD);
    all_echo(held.iter(), 0);

    // Their own descriptors they have already.
    let late: Vec<_> = (0..LATE).map(|_| socket()).collect();
    no_more_descriptors();
    let late: Vec<_> = late.into_iter().map(connect).collect();
    wait_until("a failure", || counts.failures() > 0);
    assert_eq!(counts.accepted(), HELD);
    for round in 1..4 {
        all_echo(held.iter(), round);
    }
    counts.assert_rests();
    assert_eq!(counts.accepted(), HELD);

    // Each of those who go makes room for two of those who came late.
    for made in (10..=LATE).step_by(10) {
        held.truncate(HELD - made / 2);
        wait_until("room is used", || counts.accepted() == HELD + made);
        all_echo(late[..made].iter(), 4);
    }
    all_echo(held.iter().chain(&late), 5);
    counts.over.store(true, Ordering::SeqCst);
}

/// Starts the clients. There have to be descriptors for both ends of all of them.
fn start_clients(addr: SocketAddr, counts: &Arc<Counts>) -> std::thread::JoinHandle<()> {
    sockets::need_descriptors(2_500);
    let counts = counts.clone();
    std::thread::spawn(move || clients(addr, &counts))
}

async fn echo(mut stream: TcpStream) -> Outcome {
    let mut buf = [0; 256];
    while let n @ 1.. = stream.read(&mut buf).await? {
        stream.write_all(&buf[..n]).await?;
    }
    Ok(())
}

#[test]
fn at_the_limit_with_1_000_connections_a_runtime_serves_on() {
    in_child("at_the_limit_with_1_000_connections_a_runtime_serves_on", || {
        run(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let counts = Arc::new(Counts::default());
            let clients = start_clients(listener.local_addr().unwrap(), &counts);
            let counting = counts.clone();
            // As the documentation of `accept` says.
            let accepting = oneloop::spawn(async move {
                loop {
                    match listener.accept().await {
                        Ok((stream, _)) => {
                            counting.has_accepted(None);
                            oneloop::spawn(echo(stream));
                        }
                        Err(error) => {
                            counting.has_accepted(Some(error));
                            sleep(Duration::from_millis(10)).await;
                        }
                    }
                }
            });
            while !clients.is_finished() && !accepting.is_finished() {
                sleep(Duration::from_millis(10)).await;
            }
            clients.join().expect("the clients are content");
            let still_accepting: &oneloop::JoinHandle<()> = &accepting;
            assert!(!still_accepting.is_finished());
        });
    });
}

/// The connection is closed when it is dropped from here.
type Served = HashMap<oneloop::event_loop::Id, oneloop::event_loop::Watched<TcpStream>>;

fn serve_one(events: &EventLoop<()>, event: Event<()>, served: &mut Served, counts: &Counts) {
    match event {
        Event::Accepted(_, Ok((stream, _))) => {
            counts.has_accepted(None);
            let socket = events.watch(stream, Interest::Readable).unwrap();
            served.insert(socket.id(), socket);
        }
        Event::Accepted(_, Err(error)) => counts.has_accepted(Some(error)),
        Event::Readable(id) => {
            let mut buf = [0; 256];
            match events::read_now(&served[&id], &mut buf) {
                Some(0) => drop(served.remove(&id)),
                Some(n) => assert_eq!(served[&id].try_write(&buf[..n]).unwrap(), n),
                None => {}
            }
        }
        Event::TimedOut => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn at_the_limit_with_1_000_connections_an_event_loop_serves_on() {
    in_child("at_the_limit_with_1_000_connections_an_event_loop_serves_on", || {
        let mut events = events::new_loop::<()>();
        let listener = events.listen("127.0.0.1:0").unwrap();
        let counts = Arc::new(Counts::default());
        let clients = start_clients(listener.local_addr(), &counts);
        let mut served = Served::new();
        while !clients.is_finished() {
            let event = events.take(Some(Duration::from_millis(10))).unwrap();
            serve_one(&events, event, &mut served, &counts);
        }
        clients.join().expect("the clients are content");
        assert!(counts.over.load(Ordering::SeqCst));
    });
}

/// Everything that opens descriptors, again and again.
async fn open_and_close_all() -> Outcome {
    use oneloop::net::{UdpSocket, UnixDatagram, UnixListener, UnixStream};
    let path = sockets::SocketPath::default();
    let tcp = sockets::tcp_pair().await?;
    let udp = UdpSocket::bind("127.0.0.1:0").await?;
    let listener = UnixListener::bind(&path)?;
    let (ours, theirs) = futures::join!(UnixStream::connect(&path), listener.accept());
    let pairs = (UnixStream::pair()?, UnixDatagram::pair()?, oneloop::pipe::pipe()?);
    #[cfg(feature = "signal")]
    let _signal = oneloop::signal::Signal::new(oneloop::signal::SignalKind::HANGUP)?;
    let duplicate = tcp_duplicate(&tcp.0)?;
    drop(oneloop::Runtime::new()?); // its epoll and eventfd
    #[cfg(feature = "process")]
    {
        // Its pipes, and the descriptor that reports its end.
        use oneloop::process::{Command, Stdio};
        let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        drop(child.stdin.take());
        assert!(child.wait().await?.success());
    }
    drop((tcp, udp, ours?, theirs?, pairs, duplicate));
    Ok(())
}

fn tcp_duplicate(stream: &TcpStream) -> std::io::Result<std::os::fd::OwnedFd> {
    std::os::fd::AsFd::as_fd(stream).try_clone_to_owned()
}

thread_local! {
    /// How often this thread has marked a descriptor that was open already.
    static MARKED_LATE: Cell<usize> = const { Cell::new(0) };
}

/// To mark again what is marked already does no harm; signal-hook does.
fn note_mark(fd: libc::c_int) {
    // SAFETY: a call without pointers.
    let flags = unsafe { libc::syscall(libc::SYS_fcntl, fd, libc::F_GETFD) };
    if flags & libc::c_long::from(libc::FD_CLOEXEC) == 0 {
        MARKED_LATE.set(MARKED_LATE.get() + 1);
    }
}

/// In the place of libc's. (C's takes its last argument as a variable one, which Linux's 64-bit systems pass like any other.)
///
/// SAFETY: name, arguments and result are libc's.
#[unsafe(no_mangle)]
unsafe extern "C" fn fcntl(fd: libc::c_int, command: libc::c_int, argument: libc::c_long) -> libc::c_int {
    if command == libc::F_SETFD {
        note_mark(fd);
    }
    // SAFETY: the caller's arguments, as they are.
    unsafe { libc::syscall(libc::SYS_fcntl, fd, command, argument) as libc::c_int }
}

/// SAFETY: as above.
#[unsafe(no_mangle)]
unsafe extern "C" fn ioctl(fd: libc::c_int, request: libc::c_ulong, argument: libc::c_long) -> libc::c_int {
    if request == libc::FIOCLEX {
        note_mark(fd);
    }
    // SAFETY: the caller's arguments, as they are.
    unsafe { libc::syscall(libc::SYS_ioctl, fd, request, argument) as libc::c_int }
}

/// A descriptor that is opened first and marked to be closed at `exec` after that leaks into a child that another thread
/// starts in between. Such a leak would be rare, so the test counts the calls that mark a descriptor.
#[test]
fn no_descriptor_is_marked_to_be_closed_only_after_it_was_opened() {
    run(async {
        for mark in [
            // SAFETY: the descriptor is ours, and there is no pointer.
            |fd| unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) },
            // SAFETY: as above.
            |fd| unsafe { libc::ioctl(fd, libc::FIOCLEX) },
        ] {
            // SAFETY: a call without pointers.
            let unmarked = unsafe { libc::dup(0) };
            assert_eq!(mark(unmarked), 0);
            // SAFETY: only this test owns the descriptor.
            unsafe { libc::close(unmarked) };
        }
        assert_eq!(MARKED_LATE.replace(0), 2, "the test does not count the calls");
        open_and_close_all().await.unwrap();
        assert_eq!(MARKED_LATE.get(), 0);
    });
}

#[test]
fn children_that_other_threads_start_meanwhile_inherit_no_descriptor() {
    const CHILDREN: usize = 100;
    const ROUNDS: usize = 10;
    in_child("children_that_other_threads_start_meanwhile_inherit_no_descriptor", || {
        let list = || {
            let output = std::process::Command::new("ls").arg("/proc/self/fd").output().unwrap();
            String::from_utf8(output.stdout).unwrap()
        };
        let expected = list();
        let rounds = Arc::new(AtomicUsize::new(0));
        let starting: Vec<_> = (0..2)
            .map(|_| {
                let (expected, rounds) = (expected.clone(), rounds.clone());
                std::thread::spawn(move || {
                    let mut children = 0;
                    while children < CHILDREN / 2 || rounds.load(Ordering::SeqCst) < ROUNDS {
                        assert_eq!(list(), expected, "a child inherits what it should not");
                        children += 1;
                    }
                })
            })
            .collect();
        run(async {
            while !starting.iter().all(std::thread::JoinHandle::is_finished) {
                within(open_and_close_all()).await.unwrap();
                rounds.fetch_add(1, Ordering::SeqCst);
            }
        });
        starting.into_iter().for_each(|thread| thread.join().expect("none inherits any"));
    });
}

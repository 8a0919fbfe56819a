//! Clients that behave badly, many of each kind at once, beside others that don't: they reset the connection in the
//! middle of a message or before they are accepted, close one direction, say nothing, send one byte at a time, never read.
//! Everybody else is served all the time, and what a client is owed it gets.
//!
//! One set of clients, on a thread of their own, for both front ends; both servers keep no more of a client's bytes than fit
//! their buffer, and the memory of the whole loop is counted.

use std::collections::HashMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream as StdStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use oneloop::Interest;
use oneloop::event_loop::{Event, EventLoop, Id, Watched};
use oneloop::io::{AsyncReadExt, AsyncWriteExt};
use oneloop::net::{TcpListener, TcpStream};
use socket2::SockRef;

use crate::counting;
use common::events;
use common::sockets::{self, LIMIT, Outcome, pattern, run, settle, wait_until};

/// Clients of each kind.
fn each() -> usize {
    sockets::many(50)
}

/// Those of them that never read: each moves a megabyte.
const GREEDY: usize = 20;

/// What a server keeps for a client at most.
const BUFFER: usize = 1000;

/// What the servers say to the thread of their clients.
#[derive(Default)]
struct Counts {
    /// Connections that are being served.
    open: AtomicUsize,
    /// Connections that ended with an error.
    broken: AtomicUsize,
    bytes_taken: AtomicUsize,
    /// What the loop's thread has allocated and not freed.
    heap_bytes: AtomicUsize,
}

impl Counts {
    fn began(&self) {
        self.open.fetch_add(1, SeqCst);
    }

    fn took(&self, bytes: usize) {
        self.bytes_taken.fetch_add(bytes, SeqCst);
        self.heap_bytes.store(counting::bytes_alive() as usize, SeqCst);
    }

    fn ended(&self, result: &Outcome) {
        self.open.fetch_sub(1, SeqCst);
        if let Err(error) = result {
            let by_client = matches!(
                error.kind(),
                ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe
            );
            assert!(by_client, "{error}");
            self.broken.fetch_add(1, SeqCst);
        }
    }
}

fn connect(addr: SocketAddr) -> StdStream {
    let stream = StdStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    stream.set_write_timeout(Some(LIMIT)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// What the system holds of a connection is not what is tested. (Not smaller than a packet of the loopback: then the
/// system's timers would have to help each one along.)
fn small_buffers(socket: SockRef<'_>) {
    socket.set_send_buffer_size(128 << 10).unwrap();
    socket.set_recv_buffer_size(128 << 10).unwrap();
}

/// Its connections have its buffers.
fn listen() -> io::Result<TcpListener> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    small_buffers(SockRef::from(&listener));
    TcpListener::try_from(listener)
}

fn reset(stream: StdStream) {
    SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
}

fn assert_returns(mut stream: &StdStream, bytes: &[u8]) {
    let mut back = vec![0; bytes.len()];
    stream.read_exact(&mut back).unwrap();
    assert!(back == bytes, "other bytes came back");
}

fn assert_echoes(mut stream: &StdStream, bytes: &[u8]) {
    stream.write_all(bytes).unwrap();
    assert_returns(stream, bytes);
}

/// Writes until nothing more is taken, on both sides: the server doesn't read on although others have been served since.
/// Returns how many bytes were taken.
fn fill(mut stream: &StdStream, bytes: &[u8], healthy: &[StdStream], counts: &Counts) -> usize {
    stream.set_nonblocking(true).unwrap();
    let (mut sent, mut quiet) = (0, 0);
    while quiet < 5 {
        match stream.write(&bytes[sent..]) {
            Ok(n) => (sent, quiet) = (sent + n, 0),
            Err(error) if error.kind() == ErrorKind::WouldBlock => quiet += 1,
            Err(error) => panic!("{error}"),
        }
        assert!(sent < bytes.len(), "everything is taken although nothing is read");
        let before = counts.bytes_taken.load(SeqCst);
        healthy.iter().take(5).for_each(|client| assert_echoes(client, b"meanwhile"));
        if counts.bytes_taken.load(SeqCst) > before + 5 * b"meanwhile".len() {
            quiet = 0;
        }
    }
    stream.set_nonblocking(false).unwrap();
    sent
}

/// Clients that never read. The server does not disconnect them, they delay no other client, and the server keeps no memory
/// for them. When they read, they get every byte.
fn never_readers(addr: SocketAddr, healthy: &[StdStream], counts: &Counts) {
    let bytes = pattern(64 << 20, 3);
    let greedy: Vec<_> = (0..sockets::many(GREEDY)).map(|_| connect(addr)).collect();
    for client in &greedy {
        small_buffers(SockRef::from(client));
        assert_echoes(client, b"is it my turn?");
    }
    let before = counts.heap_bytes.load(SeqCst);
    let sent: Vec<_> = greedy.iter().map(|client| fill(client, &bytes, healthy, counts)).collect();
    healthy.iter().for_each(|client| assert_echoes(client, b"everybody else is served"));
    let after = counts.heap_bytes.load(SeqCst);
    let (count, total) = (greedy.len(), sent.iter().sum::<usize>());
    println!(
        "{count} clients sent {total} bytes and read none; the loop's heap grew from {before} bytes to {after}"
    );
    assert!(total >= 100 * count * BUFFER, "that much the systems alone hold");
    assert!(after <= before + 2 * count * BUFFER, "the loop's heap grew from {before} bytes to {after}");
    for (client, sent) in greedy.iter().zip(sent) {
        assert_returns(client, &bytes[..sent]);
    }
}

/// All the clients, the same for both servers.
fn clients(addr: SocketAddr, counts: &Counts) {
    let healthy: Vec<_> = (0..each()).map(|_| connect(addr)).collect();
    let serve_all = |text: &[u8]| healthy.iter().for_each(|client| assert_echoes(client, text));
    serve_all(b"before it begins");
    let silent: Vec<_> = (0..each()).map(|_| connect(addr)).collect();

    // In the middle of a message, and some with an answer that they haven't read.
    for (number, other) in healthy.iter().enumerate() {
        let mut client = connect(addr);
        assert_echoes(&client, b"hello");
        client.write_all(&pattern(1 + number * 100, 1)).unwrap();
        reset(client);
        assert_echoes(other, b"still here");
    }
    wait_until("all reset connections are closed", || counts.open.load(SeqCst) <= 2 * each());
    // (On Windows' API under wine it may be the end of the connection instead.)
    let broken = counts.broken.load(SeqCst);
    assert!(broken >= each() / 2 || sockets::on_wine(), "a reset is an error of its connection");

    // Gone before they are accepted, as the system sees it or not.
    (0..each()).for_each(|_| reset(connect(addr)));
    serve_all(b"those who left early are forgotten");

    // They say that no more will come, and get everything all the same.
    let half_closed: Vec<_> =
        (0..each()).map(|number| (connect(addr), pattern(10_000, number as u64))).collect();
    for (mut client, bytes) in half_closed.iter().map(|(client, bytes)| (client, bytes)) {
        client.write_all(bytes).unwrap();
        client.shutdown(Shutdown::Write).unwrap();
    }
    for (mut client, bytes) in half_closed {
        let mut back = Vec::new();
        client.read_to_end(&mut back).unwrap();
        assert!(back == bytes, "{} bytes of {} came back", back.len(), bytes.len());
    }

    // Fifty that send one byte at a time, in turns.
    let drip: Vec<_> = (0..each()).map(|_| connect(addr)).collect();
    for byte in pattern(50, 2) {
        drip.iter().for_each(|mut client| client.write_all(&[byte]).unwrap());
        drip.iter().for_each(|client| assert_returns(client, &[byte]));
    }
    drop(drip);

    never_readers(addr, &healthy, counts);
    serve_all(b"after all that");
    // Nobody has given up on those who have said nothing so far.
    silent.iter().for_each(|client| assert_echoes(client, b"at last"));
    wait_until("the connections of the clients that left are closed", || {
        counts.open.load(SeqCst) <= 2 * each()
    });
}

/// Starts the clients; the flag says that they have come to their end.
fn start_clients(addr: SocketAddr, counts: &Arc<Counts>) -> (std::thread::JoinHandle<()>, Arc<AtomicBool>) {
    sockets::need_descriptors(1_000);
    let (counts, ended) = (counts.clone(), Arc::new(AtomicBool::new(false)));
    let end = ended.clone();
    let thread = std::thread::spawn(move || {
        let result = std::panic::catch_unwind(|| clients(addr, &counts));
        end.store(true, SeqCst);
        result.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
    (thread, ended)
}

async fn echo(mut stream: TcpStream, counts: &Counts) -> Outcome {
    let mut buf = [0; BUFFER];
    while let n @ 1.. = stream.read(&mut buf).await? {
        counts.took(n);
        stream.write_all(&buf[..n]).await?;
    }
    Ok(())
}

#[test]
fn a_runtime_serves_clients_of_every_kind() -> Outcome {
    run(async {
        let listener = listen()?;
        let counts = Arc::new(Counts::default());
        let (clients, ended) = start_clients(listener.local_addr()?, &counts);
        let counting = counts.clone();
        let accepting = oneloop::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.expect("the listener does not fail");
                let counts = counting.clone();
                counts.began();
                oneloop::spawn(async move { counts.ended(&echo(stream, &counts).await) });
            }
        });
        while !ended.load(SeqCst) {
            settle().await;
        }
        clients.join().expect("the clients are content");
        let accepting: &oneloop::JoinHandle<()> = &accepting;
        assert!(!accepting.is_finished());
        while counts.open.load(SeqCst) > 0 {
            settle().await;
        }
        Ok(())
    })
}

struct Client {
    stream: Watched<TcpStream>,
    /// What could not be sent yet. While there is something, nothing more is read.
    unsent: Vec<u8>,
}

impl Client {
    fn read(&mut self, counts: &Counts) -> io::Result<usize> {
        let mut buf = [0; BUFFER];
        let n = self.stream.try_read(&mut buf)?;
        counts.took(n);
        self.unsent.extend_from_slice(&buf[..n]);
        if n > 0 {
            self.stream.remove_interest(Interest::Readable);
            self.stream.add_interest(Interest::Writable);
        }
        Ok(n)
    }

    fn write(&mut self) -> io::Result<usize> {
        let n = self.stream.try_write(&self.unsent)?;
        self.unsent.drain(..n);
        if self.unsent.is_empty() {
            self.unsent = Vec::new();
            self.stream.remove_interest(Interest::Writable);
            self.stream.add_interest(Interest::Readable);
        }
        Ok(n)
    }
}

fn attend(
    clients: &mut HashMap<Id, Client>,
    id: Id,
    counts: &Counts,
    act: impl Fn(&mut Client) -> io::Result<usize>,
) {
    let Some(client) = clients.get_mut(&id) else { return };
    let result = match act(client) {
        Ok(1..) => return,
        Ok(0) => Ok(()),
        Err(error) if error.kind() == ErrorKind::WouldBlock => return,
        Err(error) => Err(error),
    };
    drop(clients.remove(&id));
    counts.ended(&result);
}

#[test]
fn an_event_loop_serves_clients_of_every_kind() -> Outcome {
    let mut events: EventLoop<()> = events::new_loop();
    let listener = events.enter(listen)?;
    let listener = events.listen_on(listener)?;
    let counts = Arc::new(Counts::default());
    let (threads, ended) = start_clients(listener.local_addr(), &counts);
    let mut clients = HashMap::new();
    while !ended.load(SeqCst) || !clients.is_empty() {
        match events.take(Some(Duration::from_millis(5)))? {
            Event::Accepted(_, stream) => {
                let stream = events.watch(stream?.0, Interest::Readable)?;
                clients.insert(stream.id(), Client { stream, unsent: Vec::new() });
                counts.began();
            }
            Event::Readable(id) => attend(&mut clients, id, &counts, |client| client.read(&counts)),
            Event::Writable(id) => attend(&mut clients, id, &counts, Client::write),
            Event::TimedOut => {}
            other => panic!("{other:?}"),
        }
    }
    threads.join().expect("the clients are content");
    Ok(())
}

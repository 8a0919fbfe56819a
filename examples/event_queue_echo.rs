//! The articles' event loop extended to non-blocking sockets: an echo server without a future, a task
//! or a thread.
//!
//! ```text
//! cargo run --release --example event_queue_echo -- 127.0.0.1:7000
//! cargo run --release --example load -- 127.0.0.1:7000 --conns 1000 --size 64 --secs 5
//! ```
//!
//! All events arrive in one queue: a connection, bytes to read, space to write, a timer, Ctrl+C, and
//! messages from another thread. That thread reads standard input, so each line that you type is a
//! message. The loop takes one event at a time and handles it without waiting. Notice that the program
//! stores a client's state between two events, which are the bytes that could not be sent yet. A task
//! would keep them in a variable across an `await`.

#[path = "shared/counted.rs"]
mod counted;
#[path = "shared/demo.rs"]
mod demo;

use std::io::{self, ErrorKind};
use std::process::ExitCode;
use std::time::Duration;

use counted::counted;
use demo::{Failure, say};
use oneloop::Interest;
use oneloop::event_loop::{Event, EventLoop, Id, IdMap, Sender, Watched};
use oneloop::net::TcpStream;

const USAGE: &str = "\
An echo server on the queue-based event loop.

usage: event_queue_echo [ADDRESS]

  ADDRESS  HOST:PORT to listen on; port 0 lets the system choose one
           (default: 127.0.0.1:7000)

It serves until Ctrl+C. For each line on standard input it prints its figures.

exit codes: 0 ended by Ctrl+C
            1 the address can't be listened on
            2 bad arguments";

const EXIT_NOT_STARTED: u8 = 1;
const EXIT_BAD_ARGUMENTS: u8 = 2;

/// The most lines that wait for the loop. When the queue is full, the thread that reads them waits.
const LINES_MAX: usize = 16;

/// The time between two reports while there are clients.
const REPORT_EVERY: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    demo::run_with_argument(USAGE, |address| serve(address.as_deref().unwrap_or("127.0.0.1:7000")))
}

struct Client {
    stream: Watched<TcpStream>,
    /// The bytes that the client has not received yet. While there are any, the server reads nothing
    /// more from the client, so the memory that a client can use is bounded.
    unsent: Vec<u8>,
}

#[derive(Default)]
struct Server {
    clients: IdMap<Client>,
    served: u64,
    bytes: u64,
    /// Accepting fails at present, and the failure was reported.
    paused: bool,
}

fn serve(address: &str) -> Result<(), Failure> {
    demo::raise_descriptor_limit();
    let mut events = EventLoop::bounded(LINES_MAX)?;
    let listener = events.listen(address).map_err(|error| match error.kind() {
        ErrorKind::InvalidInput => Failure {
            exit_code: EXIT_BAD_ARGUMENTS,
            reason: format!("{error} (ADDRESS is HOST:PORT, with a port from 0 to {})", u16::MAX),
        },
        _ => Failure { exit_code: EXIT_NOT_STARTED, reason: error.to_string() },
    })?;
    let ctrl_c = events.ctrl_c()?;
    let mut report = events.timer(REPORT_EVERY)?;
    read_lines(events.sender());
    say!("listening on {}", listener.local_addr());

    let mut server = Server::default();
    let mut buffer = vec![0; 64 * 1024]; // one for all clients, because the loop serves one at a time
    loop {
        match events.take(None)? {
            Event::Accepted(_, Ok((stream, _peer))) => {
                server.add_client(events.watch(stream, Interest::Readable)?)
            }
            Event::Accepted(_, Err(error)) => server.cannot_accept(&error),
            Event::Readable(id) => server.run_for(id, |client| client.read_and_answer(&mut buffer)),
            Event::Writable(id) => server.run_for(id, Client::send_on),
            Event::Message(_line) => server.report(),
            Event::Timer(id) if id == report => {
                if !server.clients.is_empty() {
                    server.report();
                }
                report = events.timer(REPORT_EVERY)?;
            }
            Event::Signal(id) if id == ctrl_c => break,
            other => say!("an unexpected event: {other:?}"),
        }
    }
    server.report();
    Ok(())
}

impl Server {
    fn add_client(&mut self, stream: Watched<TcpStream>) {
        self.paused = false;
        self.served += 1;
        self.clients.insert(stream.id(), Client { stream, unsent: Vec::new() });
    }

    /// Reports a failure to accept. The listener pauses and tries again by itself. The connected
    /// clients are served meanwhile.
    fn cannot_accept(&mut self, error: &io::Error) {
        if !std::mem::replace(&mut self.paused, true) {
            demo::complain(&format!(
                "accepting pauses ({error}); {} served meanwhile",
                counted(self.clients.len(), "client")
            ));
        }
    }

    /// Runs an action for a client. Drops the client if the action fails or the stream has ended. A
    /// failure ends only this client.
    fn run_for(&mut self, id: Id, action: impl FnOnce(&mut Client) -> io::Result<usize>) {
        let Some(client) = self.clients.get_mut(&id) else { return };
        match action(client) {
            Ok(sent) => self.bytes += sent as u64,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {} // another event follows
            Err(_) => drop(self.clients.remove(&id)),
        }
    }

    fn report(&self) {
        let Server { clients, served, bytes, .. } = self;
        let (served, bytes) = (counted(served, "connection"), counted(bytes, "byte"));
        say!("{served} so far, {} open, {bytes} echoed", clients.len());
    }
}

impl Client {
    fn read_and_answer(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.stream.try_read(buffer)?;
        if length == 0 {
            return Err(ErrorKind::UnexpectedEof.into()); // the client has closed its side
        }
        let sent = match self.stream.try_write(&buffer[..length]) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
            result => result?,
        };
        if sent < length {
            self.unsent.extend_from_slice(&buffer[sent..length]);
            self.stream.remove_interest(Interest::Readable);
            self.stream.add_interest(Interest::Writable);
        }
        Ok(sent)
    }

    fn send_on(&mut self) -> io::Result<usize> {
        let sent = self.stream.try_write(&self.unsent)?;
        self.unsent.drain(..sent);
        if self.unsent.is_empty() {
            self.stream.remove_interest(Interest::Writable);
            self.stream.add_interest(Interest::Readable);
        }
        Ok(sent)
    }
}

/// Reads standard input on another thread, because reading blocks, and posts each line. The thread ends
/// with its input or with the process.
fn read_lines(sender: Sender<String>) {
    std::thread::spawn(move || {
        io::stdin().lines().map_while(Result::ok).try_for_each(|line| sender.post(line))
    });
}

//! The articles' event loop extended to non-blocking sockets: an echo server without a future, a task or a thread.
//!
//! ```text
//! cargo run --release --example event_queue_echo -- 127.0.0.1:7000
//! cargo run --release --example load -- 127.0.0.1:7000 --conns 1000 --size 64 --secs 5
//! ```
//!
//! Everything that happens comes out of the one queue: a connection, bytes to read, room to write, a timer, Ctrl+C, and
//! messages from another thread (which reads standard input: type a line). The loop takes one event at a time and does what can be
//! done without waiting. What to notice: where a task would simply go on after an `await`, here a client's state has to be kept by
//! hand between two events: the bytes that could not be sent yet.

#[path = "shared/demo.rs"]
mod demo;

use std::collections::HashMap;
use std::io::{self, ErrorKind};
use std::process::ExitCode;
use std::time::Duration;

use demo::{Outcome, say};
use oneloop::Interest;
use oneloop::event_loop::{Event, EventLoop, Id, Sender, Watched};
use oneloop::net::TcpStream;

const USAGE: &str = "\
An echo server on the queue-based event loop.

usage: event_queue_echo [ADDRESS]

  ADDRESS  HOST:PORT to listen on; port 0 lets the system choose one (default: 127.0.0.1:7000)

It serves until Ctrl+C. A line on standard input makes it say how it is going.

exit codes: 0 ended by Ctrl+C, 1 the address can't be listened on, 2 bad arguments";

/// Lines that may wait for the loop: whoever reads them waits when it is behind.
const LINES_MAX: usize = 16;

/// How often a server with clients says how it is going.
const REPORT_EVERY: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    demo::run_with_argument(USAGE, |address| serve(address.as_deref().unwrap_or("127.0.0.1:7000")))
}

struct Client {
    stream: Watched<TcpStream>,
    /// What it has not taken back yet. While there is something, nothing more is read from it: so what a client can make
    /// the server hold is bounded.
    unsent: Vec<u8>,
}

#[derive(Default)]
struct Server {
    clients: HashMap<Id, Client>,
    served: u64,
    bytes: u64,
    /// Accepting fails, and the failure was reported.
    paused: bool,
}

fn serve(address: &str) -> Outcome {
    demo::raise_descriptor_limit();
    let mut events = EventLoop::bounded(LINES_MAX)?;
    let listener = events.listen(address)?;
    let ctrl_c = events.ctrl_c()?;
    let mut report = events.timer(REPORT_EVERY)?;
    read_lines(events.sender());
    say!("listening on {}", listener.local_addr());

    let mut server = Server::default();
    let mut buffer = vec![0; 64 * 1024]; // one for all clients: they take turns
    loop {
        match events.take(None)? {
            Event::Accepted(_, Ok((stream, _peer))) => {
                server.welcome(events.watch(stream, Interest::Readable)?)
            }
            Event::Accepted(_, Err(error)) => server.cannot_accept(&error),
            Event::Readable(id) => server.attend(id, |client| client.read_and_answer(&mut buffer)),
            Event::Writable(id) => server.attend(id, Client::send_on),
            Event::Message(_line) => server.report(),
            Event::Timer(id) if id == report => {
                if !server.clients.is_empty() {
                    server.report();
                }
                report = events.timer(REPORT_EVERY)?;
            }
            Event::Signal(id) if id == ctrl_c => break,
            other => say!("nobody asked for this: {other:?}"),
        }
    }
    server.report();
    Ok(())
}

impl Server {
    fn welcome(&mut self, stream: Watched<TcpStream>) {
        self.paused = false;
        self.served += 1;
        self.clients.insert(stream.id(), Client { stream, unsent: Vec::new() });
    }

    /// The listener rests for a moment and tries again by itself; those who are connected are served meanwhile.
    fn cannot_accept(&mut self, error: &io::Error) {
        if !std::mem::replace(&mut self.paused, true) {
            demo::complain(&format!("accepting pauses ({error}); {} clients are served", self.clients.len()));
        }
    }

    /// Lets a client do what it can; if that fails, or its end has come, drops it. A client's failure is its own.
    fn attend(&mut self, id: Id, action: impl FnOnce(&mut Client) -> io::Result<usize>) {
        let Some(client) = self.clients.get_mut(&id) else { return };
        match action(client) {
            Ok(sent) => self.bytes += sent as u64,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {} // another event will come
            Err(_) => drop(self.clients.remove(&id)),
        }
    }

    fn report(&self) {
        let Server { clients, served, bytes, .. } = self;
        say!("{served} connections so far, {} open, {bytes} bytes echoed", clients.len());
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

/// Reading standard input blocks, so another thread does it, and posts each line. It ends with its input or with the process.
fn read_lines(sender: Sender<String>) {
    std::thread::spawn(move || {
        io::stdin().lines().map_while(Result::ok).try_for_each(|line| sender.post(line))
    });
}

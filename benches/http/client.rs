//! One client connection of the load.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use socket2::SockRef;

use super::http2::Session;
use super::{Shape, Version, http1};
use crate::servers::{STALL, hung_up, stalled};

/// A connection, its requests and the received parts of their answers.
pub struct Client {
    pub stream: TcpStream,
    /// The requests that are sent together, before their answers are received.
    batch: Vec<u8>,
    /// The number of bytes of the batch that are sent. It is `None` while the server's windows have no
    /// space for a batch.
    sent: Option<usize>,
    /// The received bytes that are not yet parsed.
    input: Vec<u8>,
    /// The expected body of an answer.
    answer: Vec<u8>,
    /// The number of requests of the batch that have no answer yet.
    missing: usize,
    streams: usize,
    /// The state of HTTP/2. With HTTP/1.1 it is `None`.
    session: Option<Session>,
}

impl Client {
    /// Opens a blocking connection with a time limit for reads and writes.
    pub fn connect(address: SocketAddr, shape: &Shape) -> io::Result<Client> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(STALL))?;
        stream.set_write_timeout(Some(STALL))?;
        // The connection ends with a reset, as in `servers/connect.rs`, which gives the reason.
        SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
        let (session, opening, batch) = match shape.version {
            Version::Http1 => (None, &b""[..], http1::request(shape.method)),
            Version::Http2 => {
                let (session, opening, batch) = Session::new(shape);
                (Some(session), opening, batch)
            }
        };
        let (answer, streams) = (shape.method.answer(), shape.streams);
        let mut client =
            Client { stream, batch, sent: None, input: Vec::new(), answer, missing: 0, streams, session };
        client.stream.write_all(opening)?;
        client.open()?;
        Ok(client)
    }

    /// Waits until an HTTP/2 server has sent its settings.
    fn open(&mut self) -> io::Result<()> {
        let mut buffer = [0; 1024];
        while let Some(session) = &self.session {
            if let Some(last) = session.opened() {
                return self.stream.write_all(last);
            }
            self.receive_some(&mut buffer).map_err(with_message)?;
        }
        Ok(())
    }

    /// Sends a whole batch on a blocking connection.
    pub fn send_whole(&mut self) -> io::Result<()> {
        let mut buffer = [0; 1024];
        while !self.begin() {
            self.receive_some(&mut buffer).map_err(with_message)?;
        }
        self.stream.write_all(&self.batch).map_err(with_message)?;
        self.sent = Some(self.batch.len());
        Ok(())
    }

    /// Receives all answers of a batch on a blocking connection.
    pub fn receive_whole(&mut self) -> io::Result<()> {
        let mut buffer = [0; 16 * 1024];
        while self.missing > 0 {
            self.receive_some(&mut buffer).map_err(with_message)?;
        }
        Ok(())
    }

    /// Begins the next batch. Returns `false` if the server's windows have no space for it.
    fn begin(&mut self) -> bool {
        if let Some(session) = &mut self.session {
            if !session.has_room() {
                self.sent = None;
                return false;
            }
            session.begin(&mut self.batch);
        }
        (self.sent, self.missing) = (Some(0), self.streams);
        true
    }

    /// Begins a batch on a non-blocking connection, and sends as much of it as the socket takes.
    pub fn start(&mut self) -> io::Result<()> {
        if self.begin() { self.send() } else { Ok(()) }
    }

    fn send(&mut self) -> io::Result<()> {
        while let Some(sent) = self.sent.filter(|sent| *sent < self.batch.len()) {
            match self.stream.write(&self.batch[sent..]) {
                Ok(count) => self.sent = Some(sent + count),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Sends and receives without blocking. Returns `true` when the last answer of a batch has arrived.
    pub fn turn(&mut self, buffer: &mut [u8]) -> io::Result<bool> {
        self.send()?;
        let waited = self.missing > 0;
        loop {
            match self.receive_some(buffer) {
                // If a read fills the buffer, the socket may hold more bytes, and no edge reports them.
                Ok(count) if count == buffer.len() => {}
                Ok(_) => break,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        if self.sent.is_none() {
            self.start()?;
        }
        Ok(waited && self.missing == 0)
    }

    /// Reads once and parses the answers. Returns the number of bytes that were read.
    fn receive_some(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.stream.read(buffer)?;
        if count == 0 {
            return Err(hung_up());
        }
        self.input.extend_from_slice(&buffer[..count]);
        let (taken, answers) = match &mut self.session {
            Some(session) => session.take(&self.input, &self.answer)?,
            None => match http1::response(&self.input, &self.answer)? {
                Some(taken) => (taken, 1),
                None => (0, 0),
            },
        };
        self.input.drain(..taken);
        self.missing =
            self.missing.checked_sub(answers).ok_or_else(|| wrong(b"more answers than requests"))?;
        Ok(count)
    }
}

/// Returns the error for an answer that differs from the expected one.
pub fn wrong(answer: &[u8]) -> io::Error {
    let start = &answer[..answer.len().min(100)];
    io::Error::other(format!("the answer is wrong: {}", start.escape_ascii()))
}

/// Turns the error of a read or a write whose time limit has passed into an error with a message.
fn with_message(error: io::Error) -> io::Error {
    if error.kind() == ErrorKind::WouldBlock { stalled() } else { error }
}

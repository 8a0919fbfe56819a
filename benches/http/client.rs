//! One connection of the load.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use socket2::SockRef;

use super::http2::Session;
use super::{Shape, Version, http1};
use crate::servers::{STALL, hung_up, stalled};

/// A connection, its requests and what has arrived of their answers.
pub struct Client {
    pub stream: TcpStream,
    /// The requests that are under way at the same time.
    batch: Vec<u8>,
    /// How much of the batch is on its way; `None` while the server takes no batch.
    sent: Option<usize>,
    /// What has arrived and is not parsed.
    input: Vec<u8>,
    /// The body of the right answer.
    answer: Vec<u8>,
    /// How many requests of the batch have no answer yet.
    missing: usize,
    streams: usize,
    /// `None` is HTTP/1.1.
    session: Option<Session>,
}

impl Client {
    /// A connection that blocks, with a time limit.
    pub fn connect(address: SocketAddr, shape: &Shape) -> io::Result<Client> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(STALL))?;
        stream.set_write_timeout(Some(STALL))?;
        // A reset instead of an orderly end, as in `servers/connect.rs`.
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

    /// Waits until an HTTP/2 server has said what it takes.
    fn open(&mut self) -> io::Result<()> {
        let mut buffer = [0; 1024];
        while let Some(session) = &self.session {
            if let Some(last) = session.opened() {
                return self.stream.write_all(last);
            }
            self.receive_some(&mut buffer).map_err(told)?;
        }
        Ok(())
    }

    /// Sends a batch whole. The connection blocks.
    pub fn send_whole(&mut self) -> io::Result<()> {
        let mut buffer = [0; 1024];
        while !self.begin() {
            self.receive_some(&mut buffer).map_err(told)?;
        }
        self.stream.write_all(&self.batch).map_err(told)?;
        self.sent = Some(self.batch.len());
        Ok(())
    }

    /// Receives the answers of a batch. The connection blocks.
    pub fn receive_whole(&mut self) -> io::Result<()> {
        let mut buffer = [0; 16 * 1024];
        while self.missing > 0 {
            self.receive_some(&mut buffer).map_err(told)?;
        }
        Ok(())
    }

    /// Begins the next batch, if the server takes it now.
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

    /// Begins a batch and sends as much of it as there is room for. The connection does not block.
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

    /// Does what can be done. True when the last answer of a batch is here.
    pub fn turn(&mut self, buffer: &mut [u8]) -> io::Result<bool> {
        self.send()?;
        let waited = self.missing > 0;
        loop {
            match self.receive_some(buffer) {
                // As long as a read fills the buffer, there may be more, for which no edge comes.
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

    /// One read.
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
        self.missing = self.missing.checked_sub(answers).ok_or_else(|| wrong(b"one answer too many"))?;
        Ok(count)
    }
}

/// The error for a server that answers something else.
pub fn wrong(answer: &[u8]) -> io::Error {
    let start = &answer[..answer.len().min(100)];
    io::Error::other(format!("the answer is wrong: {}", start.escape_ascii()))
}

/// Says what an error of a blocking socket with a time limit means here.
fn told(error: io::Error) -> io::Error {
    if error.kind() == ErrorKind::WouldBlock { stalled() } else { error }
}

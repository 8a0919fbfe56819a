//! The two ends of a connection on the queue-based event loop. These types store between two events
//! what a task would keep in its variables between two awaits.

use std::io::{self, ErrorKind};

use oneloop::Interest;
use oneloop::event_loop::Watched;
use oneloop::net::TcpStream;

use crate::check::Check;
use crate::work::During;

pub struct Client {
    pub stream: Watched<TcpStream>,
    message: Vec<u8>,
    sent: usize,
    received: usize,
}

impl Client {
    pub fn new(stream: Watched<TcpStream>, message: Vec<u8>) -> Client {
        Client { stream, message, sent: 0, received: 0 }
    }

    pub fn write(&mut self) -> Result<(), String> {
        if let Some(sent) =
            unless_blocked(self.stream.try_write(&self.message[self.sent..])).during("sending")?
        {
            self.sent += sent;
        }
        if self.sent == self.message.len() {
            self.stream.remove_interest(Interest::Writable);
        }
        Ok(())
    }

    /// Reads and checks. Returns the length of the message when all of it has come back.
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<Option<u64>, String> {
        let Some(length) = unless_blocked(self.stream.try_read(buffer)).during("reading")? else {
            return Ok(None);
        };
        let mut check = Check::new(&self.message[self.received..]);
        check.take(&buffer[..length])?;
        self.received += length;
        match (length, check.left()) {
            (0, _) => check.end().map(Some),
            (_, 0) => Ok(Some(self.message.len() as u64)),
            _ => Ok(None),
        }
    }
}

pub struct Server {
    pub stream: Watched<TcpStream>,
    unsent: Vec<u8>,
}

impl Server {
    pub fn new(stream: Watched<TcpStream>) -> Server {
        Server { stream, unsent: Vec::new() }
    }

    /// Reads and answers. Returns whether the connection is still open. The client ends it with a
    /// reset, which is not a failure.
    pub fn read_and_answer(&mut self, buffer: &mut [u8]) -> bool {
        match unless_blocked(self.stream.try_read(buffer)) {
            Ok(None) => true,
            Ok(Some(0)) | Err(_) => false,
            Ok(Some(length)) => {
                self.unsent.extend_from_slice(&buffer[..length]);
                self.stream.remove_interest(Interest::Readable);
                self.send_on()
            }
        }
    }

    /// Sends the bytes that are left. Returns whether the connection is still open. The server reads
    /// nothing more before all of them are sent.
    pub fn send_on(&mut self) -> bool {
        match unless_blocked(self.stream.try_write(&self.unsent)) {
            Ok(sent) => drop(self.unsent.drain(..sent.unwrap_or(0))),
            Err(_) => return false,
        }
        if self.unsent.is_empty() {
            self.stream.remove_interest(Interest::Writable);
            self.stream.add_interest(Interest::Readable);
        } else {
            self.stream.add_interest(Interest::Writable);
        }
        true
    }
}

/// Returns `None` for an operation that would have to wait.
fn unless_blocked<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        result => result.map(Some),
    }
}

//! The common parts of servers that do not wait in a read: an echo connection without futures, for the
//! loops (epoll and mio), and one step of an echo for tasks that share a buffer.

use std::io::{self, ErrorKind, Read, Write};

/// A connection, and the bytes that are not yet sent.
pub struct Connection<S> {
    stream: S,
    unsent: Vec<u8>,
}

/// Whether a connection stays in the loop.
#[derive(PartialEq)]
pub enum Next {
    Wait,
    Close,
}

impl<S: Read + Write> Connection<S> {
    pub fn new(stream: S) -> Connection<S> {
        Connection { stream, unsent: Vec::new() }
    }

    /// Echoes until a read or a write would block. The loop calls this method again at the next edge of
    /// readiness.
    ///
    /// A read that fills only a part of the buffer has drained the socket, so that no second read for
    /// `WouldBlock` is necessary. The end of the stream causes no second edge. So after `read_closed`
    /// the method reads until the end of the stream.
    pub fn turn(&mut self, buffer: &mut [u8], read_closed: bool) -> Next {
        loop {
            match self.flush() {
                Ok(true) => {}
                Ok(false) => return Next::Wait,
                Err(_) => return Next::Close,
            }
            match self.stream.read(buffer) {
                Ok(0) => return Next::Close,
                Ok(count) => {
                    if self.send(&buffer[..count]).is_err() {
                        return Next::Close;
                    }
                    if count < buffer.len() && !read_closed && self.unsent.is_empty() {
                        return Next::Wait;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Next::Wait,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Next::Close,
            }
        }
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let sent = match self.stream.write(bytes) {
            Ok(sent) => sent,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => 0,
            Err(error) => return Err(error),
        };
        if sent < bytes.len() {
            self.unsent.extend_from_slice(&bytes[sent..]);
        }
        Ok(())
    }

    /// Sends the bytes that are not yet sent. Returns `true` when all are sent.
    fn flush(&mut self) -> io::Result<bool> {
        while !self.unsent.is_empty() {
            match self.stream.write(&self.unsent) {
                Ok(sent) => drop(self.unsent.drain(..sent)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }
}

/// Reads once and writes once, without waiting. Returns the bytes that could not be sent, which are
/// usually none. Returns `None` at the end of the stream.
pub fn echo_now(
    buffer: &mut [u8],
    try_read: impl FnOnce(&mut [u8]) -> io::Result<usize>,
    try_write: impl FnOnce(&[u8]) -> io::Result<usize>,
) -> io::Result<Option<Vec<u8>>> {
    let count = try_read(buffer)?;
    if count == 0 {
        return Ok(None);
    }
    let sent = match try_write(&buffer[..count]) {
        Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
        outcome => outcome?,
    };
    Ok(Some(buffer[sent..count].to_vec()))
}

//! What servers have in common that don't wait in a read: an echo connection without futures, for the loops (epoll and
//! mio), and one step of an echo for tasks that share a buffer.

use std::io::{self, ErrorKind, Read, Write};

/// A connection and what could not be sent yet.
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

    /// Echoes until there is nothing to read or no room to write: the next edge of readiness brings it back.
    ///
    /// A read that fills the buffer in part has drained the socket, so no second read asks for `WouldBlock`; but the
    /// end of the stream gives no second edge, so after `read_closed` only the end itself counts.
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

    /// Sends what waits. True when nothing waits any more.
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

/// Reads once and writes once, without waiting. Returns what could not be sent, seldom more than nothing; `None` at
/// the end of the stream.
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

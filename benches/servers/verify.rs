//! The check that a server is an echo server, before any measurement.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use super::{STALL, hung_up, stalled};

/// Sends a different message on each connection, twice, and compares the answers byte by byte. The
/// connections are blocking, with a time limit.
pub fn every_byte(streams: &[TcpStream], message_bytes: usize) -> io::Result<()> {
    for pass in 0..2 {
        for (number, mut stream) in streams.iter().enumerate() {
            stream.write_all(&message(number, pass, message_bytes)).map_err(with_message)?;
        }
        let mut answer = vec![0; message_bytes];
        for (number, mut stream) in streams.iter().enumerate() {
            stream.read_exact(&mut answer).map_err(with_message)?;
            if answer != message(number, pass, message_bytes) {
                return Err(io::Error::other(format!(
                    "connection {number}: the answer differs from the message"
                )));
            }
        }
    }
    Ok(())
}

/// Returns a message that differs from the messages of all other connections and passes. No part of the
/// message repeats.
fn message(connection: usize, pass: usize, bytes: usize) -> Vec<u8> {
    let seed = ((connection * 2 + pass) as u64) << 32;
    let words = (0..bytes.div_ceil(8) as u64).map(|index| (seed + index).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let mut message: Vec<u8> = words.flat_map(u64::to_le_bytes).collect();
    message.truncate(bytes);
    message
}

/// Sends more bytes than socket buffers hold, and shuts down its sending side. The server must return
/// every byte, and then the end of the stream.
pub fn bulk_and_half_close(address: SocketAddr) -> io::Result<()> {
    let bulk = message(0, 0, 8 * 1024 * 1024);
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(STALL))?;
    stream.set_write_timeout(Some(STALL))?;
    let mut answer = Vec::with_capacity(bulk.len());
    std::thread::scope(|scope| {
        let sender = scope.spawn(|| {
            (&stream).write_all(&bulk)?;
            stream.shutdown(Shutdown::Write)
        });
        (&stream).read_to_end(&mut answer).map_err(with_message)?;
        sender.join().map_err(|_| io::Error::other("the sending thread panicked"))?.map_err(with_message)
    })?;
    if answer == bulk { Ok(()) } else { Err(io::Error::other("a long answer differs from the message")) }
}

/// Turns the errors of a blocking socket with a time limit into errors with a message.
fn with_message(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => stalled(),
        io::ErrorKind::UnexpectedEof => hung_up(),
        _ => error,
    }
}

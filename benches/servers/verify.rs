//! Is it an echo server at all? Asked before anything is measured.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use super::{MESSAGE_BYTES, STALL, hung_up, stalled};

/// Sends each connection a message of its own, twice, and compares the answers byte by byte. The connections block,
/// with a time limit.
pub fn every_byte(streams: &[TcpStream]) -> io::Result<()> {
    for pass in 0..2 {
        for (number, mut stream) in streams.iter().enumerate() {
            stream.write_all(&message(number, pass))?;
        }
        for (number, mut stream) in streams.iter().enumerate() {
            let mut answer = [0; MESSAGE_BYTES];
            stream.read_exact(&mut answer).map_err(told)?;
            if answer != message(number, pass) {
                return Err(io::Error::other(format!("connection {number}: the answer is not the message")));
            }
        }
    }
    Ok(())
}

/// A message that differs from that of every other connection and pass.
fn message(connection: usize, pass: usize) -> [u8; MESSAGE_BYTES] {
    let seed = (connection * 2 + pass) as u64;
    let word =
        |index: usize| seed.wrapping_add(index as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15).to_le_bytes();
    let mut bytes = [0; MESSAGE_BYTES];
    bytes.chunks_exact_mut(8).enumerate().for_each(|(index, chunk)| chunk.copy_from_slice(&word(index)));
    bytes
}

/// Sends more than socket buffers hold and ends its side; then every byte must come back, and then the end.
pub fn bulk_and_half_close(address: SocketAddr) -> io::Result<()> {
    const BULK_BYTES: usize = 8 * 1024 * 1024;
    let bulk: Vec<u8> = (0..BULK_BYTES / MESSAGE_BYTES).flat_map(|number| message(number, 0)).collect();
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(STALL))?;
    stream.set_write_timeout(Some(STALL))?;
    let mut answer = Vec::with_capacity(BULK_BYTES);
    std::thread::scope(|scope| {
        let sender = scope.spawn(|| {
            (&stream).write_all(&bulk)?;
            stream.shutdown(Shutdown::Write)
        });
        (&stream).read_to_end(&mut answer).map_err(told)?;
        sender.join().map_err(|_| io::Error::other("the sending thread panicked"))?
    })?;
    if answer == bulk { Ok(()) } else { Err(io::Error::other("a long answer differs from the message")) }
}

/// Says what the errors of a blocking socket with a time limit mean here.
fn told(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => stalled(),
        io::ErrorKind::UnexpectedEof => hung_up(),
        _ => error,
    }
}

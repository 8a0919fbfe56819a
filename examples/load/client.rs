//! One connection: it sends messages and waits for each echo.

use std::cell::Cell;
use std::io;
use std::ops::Range;
use std::rc::Rc;
use std::time::Instant;

use futures_lite::future;
use oneloop::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::report::Figures;

/// A stream that can be read while it is written: TCP or Unix.
pub trait Duplex: 'static {
    fn reader(&self) -> impl AsyncRead + Unpin;
    fn writer(&self) -> impl AsyncWrite + Unpin;
}

impl<S: 'static> Duplex for S
where
    for<'a> &'a S: AsyncRead + AsyncWrite,
{
    fn reader(&self) -> impl AsyncRead + Unpin {
        self
    }
    fn writer(&self) -> impl AsyncWrite + Unpin {
        self
    }
}

/// The pattern repeats after this many bytes. The number is a prime, so that no buffer's size is a
/// multiple of it.
const PERIOD: usize = 251;

/// Makes the bytes that all messages are cut from. Each message begins at another place, so the check
/// finds an answer that belongs to another message or another connection.
pub fn pattern(message_bytes: usize) -> Rc<[u8]> {
    (0..message_bytes + PERIOD).map(|i| (i % PERIOD) as u8).collect()
}

/// The time at which the connections end. `now` makes it earlier.
pub struct End(Cell<Instant>);

impl End {
    pub fn at(time: Instant) -> Rc<End> {
        Rc::new(End(Cell::new(time)))
    }

    pub fn now(&self) {
        self.0.set(Instant::now());
    }
}

pub struct Client<S> {
    /// The number of the connection, from 1 on.
    number: usize,
    stream: S,
    message_bytes: usize,
    pattern: Rc<[u8]>,
    /// The buffer for an answer, with space for one byte more than is expected. A surplus byte shows
    /// there. An answer does not fill the buffer, so the runtime knows without a system call that there
    /// is no more to read.
    answer: Vec<u8>,
    figures: Rc<Figures>,
}

impl<S: Duplex> Client<S> {
    pub fn new(
        number: usize,
        stream: S,
        message_bytes: usize,
        pattern: Rc<[u8]>,
        figures: Rc<Figures>,
    ) -> Client<S> {
        Client { number, stream, message_bytes, pattern, answer: vec![0; message_bytes + 1], figures }
    }

    /// Sends messages until `end`, and finishes the message that is under way then.
    pub async fn run(mut self, end: Rc<End>) -> Result<(), String> {
        let mut round_trips = 0;
        let mut sent_at = Instant::now();
        while round_trips == 0 || sent_at < end.0.get() {
            if let Err(reason) = self.round_trip(round_trips).await {
                return Err(format!("connection {}, message {}: {reason}", self.number, round_trips + 1));
            }
            let now = Instant::now();
            self.figures.record(now - sent_at);
            sent_at = now;
            round_trips += 1;
        }
        Ok(())
    }

    async fn round_trip(&mut self, message: usize) -> Result<(), String> {
        let start = (self.number * 17 + message) % PERIOD;
        let expected = &self.pattern[start..start + self.message_bytes];
        let mut writer = self.stream.writer();
        let send = async {
            let sent = writer.write_all(expected).await;
            sent.map_err(|error| format!("the server closed the connection early: {error}"))
        };
        let check = check(self.stream.reader(), expected, &mut self.answer, &self.figures);
        // Both run at once. A message that is larger than all the buffers on its way can't be sent as a
        // whole before a part of it is read back.
        future::try_zip(send, check).await.map(|_| ())
    }
}

/// Reads the answer and compares it with what was sent.
async fn check(
    mut reader: impl AsyncRead + Unpin,
    expected: &[u8],
    answer: &mut [u8],
    figures: &Figures,
) -> Result<(), String> {
    let size = expected.len();
    let mut received = 0;
    while received < size {
        let more = match reader.read(&mut answer[received..]).await {
            Ok(0) => return Err(closed_early(received, size, None)),
            Ok(more) => more,
            Err(error) => return Err(closed_early(received, size, Some(error))),
        };
        figures.count_received(more);
        let new = received..(received + more).min(size);
        if answer[new.clone()] != expected[new.clone()] {
            return Err(wrong_byte(answer, expected, new));
        }
        received += more;
    }
    if received > size {
        return Err(format!("the server sent more than the {size} bytes that it was sent"));
    }
    Ok(())
}

fn wrong_byte(answer: &[u8], expected: &[u8], range: Range<usize>) -> String {
    let at = range.into_iter().find(|&at| answer[at] != expected[at]).expect("the range holds a difference");
    let (size, is, should_be) = (expected.len(), answer[at], expected[at]);
    format!("the server sent wrong bytes: byte {at} of {size} is {is:#04x} instead of {should_be:#04x}")
}

fn closed_early(received: usize, size: usize, error: Option<io::Error>) -> String {
    let how = error.map_or_else(String::new, |error| format!(" ({error})"));
    format!("the server closed the connection early, after {received} of {size} bytes{how}")
}

//! The bytes of HTTP/2 (RFC 9113), as far as a client needs them whose requests are always the same.

use std::io;

use super::client::wrong;
use super::{Method, Shape};

/// What a client sends first, with empty settings, and then the largest window for the bodies of all answers: they are
/// short, so that it lasts for the whole run.
const OPENING: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\
    \0\0\0\x04\0\0\0\0\0\
    \0\0\x04\x08\0\0\0\0\0\x7f\xff\0\0";
const SETTINGS_ACK: &[u8] = b"\0\0\0\x04\x01\0\0\0\0";

const FRAME_HEAD: usize = 9;
/// Every server takes frames of this size.
const FRAME_MAX: usize = 16 * 1024;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;

/// On DATA and HEADERS; on SETTINGS the same bit is ACK.
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

const INITIAL_WINDOW_SIZE: u16 = 4;
/// The window of a connection and of its streams before the server says more.
const WINDOW: usize = 65_535;

/// A response's first byte: `:status 200` in HPACK's static table.
const STATUS_200: u8 = 0x88;

/// The client's side of a connection.
pub struct Session {
    /// The next stream's number.
    next: u32,
    /// The bytes of all bodies of a batch.
    body_bytes: usize,
    /// How many bytes of bodies the server takes on this connection now.
    window: usize,
    /// How many bytes of a body the server takes on a new stream.
    stream_window: usize,
    /// The server's settings have arrived, and that it has ours.
    settled: (bool, bool),
    /// Where in a batch the number of a stream stands, and which stream of the batch it is.
    places: Vec<(usize, u32)>,
    streams: usize,
}

impl Session {
    /// A session, the bytes that open it, and a batch of requests without numbers.
    pub fn new(shape: &Shape) -> (Session, &'static [u8], Vec<u8>) {
        let body = shape.method.body();
        let mut session = Session {
            next: 1,
            body_bytes: body.len() * shape.streams,
            window: WINDOW,
            stream_window: WINDOW,
            settled: (false, false),
            places: Vec::new(),
            streams: shape.streams,
        };
        let mut batch = Vec::new();
        for stream in 0..shape.streams as u32 {
            let end = if body.is_empty() { END_STREAM } else { 0 };
            session.frame(&mut batch, stream, HEADERS, END_HEADERS | end, &headers(shape.method));
            let pieces = body.chunks(FRAME_MAX);
            let last = pieces.len().saturating_sub(1);
            for (number, piece) in pieces.enumerate() {
                let end = if number == last { END_STREAM } else { 0 };
                session.frame(&mut batch, stream, DATA, end, piece);
            }
        }
        (session, OPENING, batch)
    }

    fn frame(&mut self, batch: &mut Vec<u8>, stream: u32, kind: u8, flags: u8, payload: &[u8]) {
        batch.extend(&(payload.len() as u32).to_be_bytes()[1..]);
        batch.extend([kind, flags]);
        self.places.push((batch.len(), stream));
        batch.extend([0; 4]);
        batch.extend(payload);
    }

    /// The bytes that end the opening, once it is known what the server takes.
    pub fn opened(&self) -> Option<&'static [u8]> {
        let (server_settings, own_acknowledged) = self.settled;
        (server_settings && own_acknowledged).then_some(SETTINGS_ACK)
    }

    /// Whether the server takes a whole batch now. It says more soon if not.
    pub fn has_room(&self) -> bool {
        self.body_bytes <= self.window && self.body_bytes / self.streams <= self.stream_window
    }

    /// Writes the numbers of new streams into a batch, which is sent then.
    pub fn begin(&mut self, batch: &mut [u8]) {
        self.window -= self.body_bytes;
        for &(place, stream) in &self.places {
            batch[place..place + 4].copy_from_slice(&(self.next + 2 * stream).to_be_bytes());
        }
        self.next += 2 * self.streams as u32;
    }

    /// Takes whole frames. Returns their bytes, and how many responses with this body ended in them.
    pub fn take(&mut self, input: &[u8], body: &[u8]) -> io::Result<(usize, usize)> {
        let (mut taken, mut responses) = (0, 0);
        while let Some((kind, flags, stream, payload)) = frame(&input[taken..]) {
            let right = match kind {
                HEADERS => payload.first() == Some(&STATUS_200) && flags == END_HEADERS,
                DATA => payload == body && flags == END_STREAM,
                RST_STREAM | PING | GOAWAY => false,
                _ => true,
            };
            if !right {
                return Err(wrong(&input[taken..taken + FRAME_HEAD + payload.len()]));
            }
            match kind {
                DATA => responses += 1,
                SETTINGS if flags & END_STREAM != 0 => self.settled.1 = true,
                SETTINGS => self.settings(payload),
                WINDOW_UPDATE if stream == 0 => self.window += number(payload) & (u32::MAX as usize >> 1),
                _ => {}
            }
            taken += FRAME_HEAD + payload.len();
        }
        Ok((taken, responses))
    }

    fn settings(&mut self, payload: &[u8]) {
        self.settled.0 = true;
        for setting in payload.chunks_exact(6) {
            if setting[..2] == INITIAL_WINDOW_SIZE.to_be_bytes() {
                self.stream_window = number(&setting[2..]);
            }
        }
    }
}

/// The first frame, if all of it is there: its kind, its flags, its stream and its payload.
fn frame(input: &[u8]) -> Option<(u8, u8, usize, &[u8])> {
    let (head, rest) = input.split_at_checked(FRAME_HEAD)?;
    Some((head[3], head[4], number(&head[5..]), rest.get(..number(&head[..3]))?))
}

fn number(bytes: &[u8]) -> usize {
    bytes.iter().fold(0, |number, byte| number << 8 | usize::from(*byte))
}

/// The headers of a request in HPACK: the static table, and literals that are not kept, so that each request has the
/// same bytes.
fn headers(method: Method) -> Vec<u8> {
    // `:method`, `:scheme http`, `:path /`, and `:authority` as a literal.
    let first = match method {
        Method::Get => 0x82,
        Method::Post => 0x83,
    };
    let mut headers = vec![first, 0x86, 0x84];
    literal(&mut headers, &[0x01], "localhost");
    if method == Method::Post {
        // Number 28 of the table is 15 and 13.
        literal(&mut headers, &[0x0f, 13], &super::POST_BYTES.to_string()); // `content-length`
    }
    headers
}

fn literal(headers: &mut Vec<u8>, name: &[u8], value: &str) {
    headers.extend(name);
    headers.push(value.len() as u8);
    headers.extend(value.as_bytes());
}

//! The bytes of HTTP/2 (RFC 9113). The parser has only the parts for a client that repeats the same
//! request.

use std::io;

use super::client::wrong;
use super::{Method, Shape};

/// The first bytes of a client: empty settings, and the largest window for the bodies of all answers.
/// The bodies are short, so that this window lasts for the whole run.
const OPENING: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\
    \0\0\0\x04\0\0\0\0\0\
    \0\0\x04\x08\0\0\0\0\0\x7f\xff\0\0";
const SETTINGS_ACK: &[u8] = b"\0\0\0\x04\x01\0\0\0\0";

const FRAME_HEAD: usize = 9;
/// The maximum payload of a frame. The protocol obliges every server to accept frames of this size.
const FRAME_MAX: usize = 16 * 1024;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;

/// The flag on DATA and HEADERS. On SETTINGS the same bit is ACK.
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

const INITIAL_WINDOW_SIZE: u16 = 4;
/// The initial window of a connection and of its streams, in bytes.
const WINDOW: usize = 65_535;

/// The first byte of a response: `:status 200` in HPACK's static table.
const STATUS_200: u8 = 0x88;

/// The client's state of a connection.
pub struct Session {
    /// The number of the next stream.
    next: u32,
    /// The bytes of all bodies of a batch.
    body_bytes: usize,
    /// The number of bytes of bodies that the server accepts on this connection now.
    window: usize,
    /// The number of bytes of a body that the server accepts on a new stream.
    stream_window: usize,
    /// Whether the server's settings have arrived, and whether the server has acknowledged the client's
    /// settings.
    settled: (bool, bool),
    /// The positions of stream numbers in a batch, each with the index of its stream in the batch.
    places: Vec<(usize, u32)>,
    streams: usize,
}

impl Session {
    /// Returns a session, the bytes that open it, and a batch of requests without stream numbers.
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

    /// Returns the bytes that end the opening, after the settings of both sides have arrived.
    pub fn opened(&self) -> Option<&'static [u8]> {
        let (server_settings, own_acknowledged) = self.settled;
        (server_settings && own_acknowledged).then_some(SETTINGS_ACK)
    }

    /// Whether the windows have space for a whole batch. If they have none, the server sends an update
    /// of the window soon.
    pub fn has_room(&self) -> bool {
        self.body_bytes <= self.window && self.body_bytes / self.streams <= self.stream_window
    }

    /// Writes the numbers of new streams into a batch, before the client sends it.
    pub fn begin(&mut self, batch: &mut [u8]) {
        self.window -= self.body_bytes;
        for &(place, stream) in &self.places {
            batch[place..place + 4].copy_from_slice(&(self.next + 2 * stream).to_be_bytes());
        }
        self.next += 2 * self.streams as u32;
    }

    /// Parses whole frames. Returns their number of bytes, and the number of responses with this body
    /// that end in them.
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

/// Returns the kind, the flags, the stream and the payload of the first frame, or `None` if the frame is
/// not complete.
fn frame(input: &[u8]) -> Option<(u8, u8, usize, &[u8])> {
    let (head, rest) = input.split_at_checked(FRAME_HEAD)?;
    Some((head[3], head[4], number(&head[5..]), rest.get(..number(&head[..3]))?))
}

fn number(bytes: &[u8]) -> usize {
    bytes.iter().fold(0, |number, byte| number << 8 | usize::from(*byte))
}

/// Returns the headers of a request in HPACK. They use the static table and literals without indexing,
/// so that each request has the same bytes.
fn headers(method: Method) -> Vec<u8> {
    // `:method`, `:scheme http`, `:path /`, and `:authority` as a literal.
    let first = match method {
        Method::Get => 0x82,
        Method::Post => 0x83,
    };
    let mut headers = vec![first, 0x86, 0x84];
    literal(&mut headers, &[0x01], "localhost");
    if method == Method::Post {
        // HPACK encodes index 28 of the table as 15 and 13.
        literal(&mut headers, &[0x0f, 13], &super::POST_BYTES.to_string()); // `content-length`
    }
    headers
}

fn literal(headers: &mut Vec<u8>, name: &[u8], value: &str) {
    headers.extend(name);
    headers.push(value.len() as u8);
    headers.extend(value.as_bytes());
}

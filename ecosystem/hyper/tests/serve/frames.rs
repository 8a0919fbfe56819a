//! This file makes HTTP/2's frames (RFC 9113, section 4.1).

use std::net::SocketAddr;

use futures_lite::AsyncReadExt;

use crate::client::Raw;
use crate::server::within;

pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub const HEADERS: u8 = 1;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const CONTINUATION: u8 = 9;

pub const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;

/// `GET /` of `http://test` in HPACK: three entries of the static table and a literal.
pub const GET: &[u8] = b"\x82\x86\x84\x41\x04test";

#[derive(Debug)]
pub struct Frame {
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

impl Frame {
    pub fn new(kind: u8, flags: u8, stream: u32, payload: impl AsRef<[u8]>) -> Frame {
        Frame { kind, flags, stream, payload: payload.as_ref().to_vec() }
    }

    pub fn bytes(&self) -> Vec<u8> {
        let length = u32::try_from(self.payload.len()).unwrap().to_be_bytes();
        let mut bytes = length[1..].to_vec();
        bytes.extend([self.kind, self.flags]);
        bytes.extend(self.stream.to_be_bytes());
        bytes.extend(&self.payload);
        bytes
    }
}

/// Returns the frame of a GET request.
pub fn get(stream: u32) -> Vec<u8> {
    Frame::new(HEADERS, END_STREAM | END_HEADERS, stream, GET).bytes()
}

/// Opens a connection and sends HTTP/2's preface and settings.
pub async fn connect(addr: SocketAddr) -> Raw {
    let mut raw = Raw::connect(addr).await;
    raw.send(PREFACE).await;
    raw.send(Frame::new(SETTINGS, 0, 0, []).bytes()).await;
    raw
}

impl Raw {
    /// Receives all frames up to the end of the connection.
    #[track_caller]
    pub fn receive_frames(&mut self) -> impl Future<Output = Vec<Frame>> {
        within(async move {
            let mut frames = Vec::new();
            let mut head = [0; 9];
            while self.0.read_exact(&mut head).await.is_ok() {
                let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
                let mut payload = vec![0; length as usize];
                if self.0.read_exact(&mut payload).await.is_err() {
                    break;
                }
                let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
                frames.push(Frame { kind: head[3], flags: head[4], stream, payload });
            }
            frames
        })
    }
}

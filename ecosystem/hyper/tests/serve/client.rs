//! The clients of these tests: one that sends raw bytes, and hyper's.

use std::net::SocketAddr;

use bytes::Bytes;
use futures_lite::{AsyncReadExt, AsyncWriteExt};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use oneloop::net::TcpStream;
use oneloop_hyper::{Executor, Io};

use crate::server::within;

/// A connection on which a test sends arbitrary bytes.
pub struct Raw(pub TcpStream);

impl Raw {
    pub async fn connect(addr: SocketAddr) -> Raw {
        Raw(TcpStream::connect(addr).await.unwrap())
    }

    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        within(self.0.write_all(bytes.as_ref())).await.unwrap();
    }

    /// Sends a GET request.
    pub async fn get(&mut self, path: &str) {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n")).await;
    }

    /// Receives until the received text ends with `end`.
    #[track_caller]
    pub fn receive_until(&mut self, end: &str) -> impl Future<Output = String> {
        within(async move {
            let mut received = Vec::new();
            let mut byte = [0];
            while !received.ends_with(end.as_bytes()) {
                let count = self.0.read(&mut byte).await.unwrap();
                assert_eq!(count, 1, "the end, after {:?}", String::from_utf8_lossy(&received));
                received.push(byte[0]);
            }
            String::from_utf8_lossy(&received).into_owned()
        })
    }

    /// Receives to the end of the connection. A reset counts as an end.
    #[track_caller]
    pub fn receive_all(&mut self) -> impl Future<Output = String> {
        within(async move {
            let mut received = Vec::new();
            let mut buffer = [0; 4096];
            while let Ok(count) = self.0.read(&mut buffer).await {
                if count == 0 {
                    break;
                }
                received.extend_from_slice(&buffer[..count]);
            }
            String::from_utf8_lossy(&received).into_owned()
        })
    }
}

/// Connects hyper's client for HTTP/1.1, on one connection.
pub async fn http1(addr: SocketAddr) -> http1::SendRequest<Full<Bytes>> {
    let stream = TcpStream::connect(addr).await.unwrap();
    let (sender, connection) = http1::handshake(Io::new(stream)).await.unwrap();
    drop(oneloop::spawn(connection));
    sender
}

/// Connects hyper's client for HTTP/2, on one connection.
pub async fn http2(addr: SocketAddr) -> http2::SendRequest<Full<Bytes>> {
    let stream = TcpStream::connect(addr).await.unwrap();
    let (sender, connection) = http2::handshake(Executor, Io::new(stream)).await.unwrap();
    drop(oneloop::spawn(connection));
    sender
}

pub fn get(path: &str) -> Request<Full<Bytes>> {
    Request::get(format!("http://test{path}")).body(Full::default()).unwrap()
}

pub fn post(path: &str, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    Request::post(format!("http://test{path}")).body(Full::new(body.into())).unwrap()
}

/// Returns the body of a response.
pub async fn body(response: Response<Incoming>) -> Bytes {
    within(response.into_body().collect()).await.unwrap().to_bytes()
}

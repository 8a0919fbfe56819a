//! `Tracked` is a connection's stream that notes in the record when bytes arrive.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::listener::Transport;
use super::record::Record;
use super::shared::Open;
use super::stream::Stream;

/// The first bytes of each HTTP/2 client (RFC 9113, section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The protocol of the client's first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    Http1,
    Http2,
}

/// The stream of a connection. hyper owns it while a request may arrive. The connection's task owns it
/// before the first request and between requests.
pub(super) struct Tracked<T> {
    stream: Stream<T>,
    /// Bytes that were read already. A read returns them before those of the stream.
    ahead: BytesMut,
    record: Rc<Record>,
    /// The socket counts as open until this field is dropped.
    _open: Open,
}

impl<T: Transport> Tracked<T> {
    pub fn new(stream: Stream<T>, record: Rc<Record>, open: Open) -> Tracked<T> {
        Tracked { stream, ahead: BytesMut::new(), record, _open: open }
    }

    /// Puts back the bytes that hyper has read and not used.
    pub fn put_back(&mut self, bytes: &[u8]) {
        self.ahead = BytesMut::from(bytes); // The copy frees hyper's buffer.
    }

    pub async fn readable(&self) -> io::Result<()> {
        self.stream.readable().await
    }

    /// Reads until the client's protocol is known. Returns `None` if the client closed the connection
    /// before the first byte. hyper reads the bytes again.
    pub async fn version(&mut self) -> io::Result<Option<Version>> {
        loop {
            if !PREFACE.starts_with(&self.ahead) {
                return Ok(Some(Version::Http1));
            }
            if self.ahead.len() == PREFACE.len() {
                return Ok(Some(Version::Http2));
            }
            let mut piece = [0; PREFACE.len()];
            let mut buf = ReadBuf::new(&mut piece[self.ahead.len()..]);
            match poll_fn(|cx| Pin::new(&mut self.stream).poll_read(cx, &mut buf)).await {
                // The error is a reset between two requests, or TLS without `close_notify`. hyper
                // reports neither.
                Err(_) if self.ahead.is_empty() => return Ok(None),
                result => result?,
            }
            if buf.filled().is_empty() {
                // The stream ended in the middle of a line. hyper reports the error.
                return Ok((!self.ahead.is_empty()).then_some(Version::Http1));
            }
            self.record.received();
            self.ahead.extend_from_slice(buf.filled());
        }
    }

    fn stream(&mut self) -> Pin<&mut Stream<T>> {
        Pin::new(&mut self.stream)
    }
}

impl<T: Transport> AsyncRead for Tracked<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let ahead = this.ahead.len().min(buf.remaining());
        if ahead > 0 {
            buf.put_slice(&this.ahead.split_to(ahead));
            if this.ahead.is_empty() {
                this.ahead = BytesMut::new(); // This frees its memory.
            }
        }
        // The bytes behind them are read in the same call, because a second read makes hyper grow its
        // buffer.
        match this.stream().poll_read(cx, buf) {
            Poll::Pending if ahead > 0 => Poll::Ready(Ok(())),
            Poll::Ready(Err(_)) if ahead > 0 => Poll::Ready(Ok(())), // The next read returns the error.
            Poll::Ready(Ok(())) => {
                this.record.received();
                Poll::Ready(Ok(()))
            }
            result => result,
        }
    }
}

impl<T: Transport> AsyncWrite for Tracked<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.get_mut().stream().poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().stream().poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().stream().poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().stream().poll_shutdown(cx)
    }
}

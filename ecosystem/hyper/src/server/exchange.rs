//! This file counts a request and its response in the connection's record.

use std::future::Future;
use std::io::IoSlice;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http::{Method, Request, Response, Version};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::service::Service;
use pin_project_lite::pin_project;

use super::record::Record;

/// The program's service, for one connection.
pub(super) struct Counted<S> {
    pub service: S,
    pub record: Rc<Record>,
    /// Whether CONNECT requests of HTTP/2 may be tunnels.
    pub tunnels: bool,
}

impl<S, B> Service<Request<Incoming>> for Counted<S>
where
    S: Service<Request<Incoming>, Response = Response<B>>,
    B: Body,
{
    type Response = Response<CountedBody<B>>;
    type Error = S::Error;
    type Future = Exchange<S::Future>;

    #[inline(always)]
    fn call(&self, request: Request<Incoming>) -> Self::Future {
        self.record.request_began(request.body().is_end_stream());
        let begun = Begun { record: self.record.clone(), piece_waits: false };
        let http2 = request.version() == Version::HTTP_2;
        let tunnel = self.tunnels && http2 && request.method() == Method::CONNECT;
        // The future is the last field: it is large, and this order builds it in place.
        Exchange { begun: Some(begun), http2, tunnel, response: self.service.call(request) }
    }
}

/// A request that has begun. Its drop is the request's end.
struct Begun {
    record: Rc<Record>,
    /// hyper holds a piece of the response that the client has not received.
    piece_waits: bool,
}

impl Begun {
    fn set_piece_waits(&mut self, waits: bool) {
        match (self.piece_waits, waits) {
            (false, true) => self.record.piece_waits(),
            (true, false) => self.record.piece_sent(),
            _ => {}
        }
        self.piece_waits = waits;
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        self.set_piece_waits(false);
        self.record.request_ended();
    }
}

pin_project! {
    /// The service's future.
    pub(super) struct Exchange<F> {
        #[pin]
        response: F,
        begun: Option<Begun>,
        http2: bool,
        tunnel: bool,
    }
}

impl<F, B, E> Future for Exchange<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<CountedBody<B>>, E>;

    #[inline(always)]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        // One `match` moves the response once.
        match this.response.poll(cx) {
            Poll::Ready(Ok(response)) => {
                let mut begun = this.begun.take().expect("polled after its completion");
                if *this.tunnel && response.status().is_success() {
                    begun.record.set_tunnel();
                }
                begun.set_piece_waits(true); // This piece is the head.
                let http2 = *this.http2;
                Poll::Ready(Ok(response.map(|body| CountedBody { body, begun, http2 })))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        }
    }
}

pin_project! {
    /// A response's body.
    pub(super) struct CountedBody<B> {
        #[pin]
        body: B,
        begun: Begun,
        http2: bool,
    }
}

impl<B: Body> Body for CountedBody<B> {
    type Data = Piece<B::Data>;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Piece<B::Data>>, B::Error>>> {
        let this = self.project();
        this.begun.set_piece_waits(false);
        let frame = ready!(this.body.poll_frame(cx));
        this.begun.set_piece_waits(true);
        let record = this.http2.then_some(&this.begun.record);
        Poll::Ready(frame.map(|frame| frame.map(|frame| frame.map_data(|data| Piece::new(data, record)))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A piece of a response's body.
///
/// On HTTP/2, hyper may hold a piece after it has dropped the body. hyper sends the piece as the
/// client's windows allow, while the socket always has space. The record therefore counts the pieces and
/// notes their progress. On HTTP/1.1 the socket alone shows whether the client receives bytes.
pub(super) struct Piece<D> {
    data: D,
    queued: Option<Queued>,
}

impl<D> Piece<D> {
    fn new(data: D, record: Option<&Rc<Record>>) -> Piece<D> {
        let queued = record.map(|record| {
            record.piece_queued();
            Queued(record.clone())
        });
        Piece { data, queued }
    }
}

impl<D: Buf> Buf for Piece<D> {
    fn remaining(&self) -> usize {
        self.data.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.data.chunk()
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        self.data.chunks_vectored(slices)
    }

    fn advance(&mut self, count: usize) {
        if let Some(Queued(record)) = &self.queued {
            record.piece_advanced();
        }
        self.data.advance(count);
    }

    /// Calls the data's own method, which can avoid a copy.
    fn copy_to_bytes(&mut self, count: usize) -> Bytes {
        if let Some(Queued(record)) = &self.queued {
            record.piece_advanced();
        }
        self.data.copy_to_bytes(count)
    }
}

/// A piece that the record counts. The drop ends the count.
struct Queued(Rc<Record>);

impl Drop for Queued {
    fn drop(&mut self) {
        self.0.piece_taken();
    }
}

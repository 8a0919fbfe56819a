//! A request and its response, counted in the connection's record.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

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
        let tunnel = request.method() == Method::CONNECT && request.version() == Version::HTTP_2;
        // The future last: it is large, and made where it stays.
        Exchange { begun: Some(begun), tunnel, response: self.service.call(request) }
    }
}

/// A request that has begun, until it is dropped.
struct Begun {
    record: Rc<Record>,
    /// hyper holds a piece of the response.
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
        // One `match`, so that the response is moved once.
        match this.response.poll(cx) {
            Poll::Ready(Ok(response)) => {
                let mut begun = this.begun.take().expect("polled after its completion");
                if *this.tunnel && response.status().is_success() {
                    begun.record.set_tunnel();
                }
                begun.set_piece_waits(true); // The head.
                Poll::Ready(Ok(response.map(|body| CountedBody { body, begun })))
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
    }
}

impl<B: Body> Body for CountedBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let this = self.project();
        this.begun.set_piece_waits(false);
        let frame = ready!(this.body.poll_frame(cx));
        this.begun.set_piece_waits(true);
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

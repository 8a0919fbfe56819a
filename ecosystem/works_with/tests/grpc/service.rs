//! This file is a gRPC service in the form of tonic's generator. It is written by hand, so that no test
//! needs `protoc`.
//! `greeter.proto` would be:
//!
//! ```proto
//! message Request { string name = 1; uint32 count = 2; }
//! message Reply { string text = 1; }
//! service Greeter {
//!   rpc Hello(Request) returns (Reply);
//!   rpc Count(Request) returns (stream Reply);
//!   rpc Talk(stream Request) returns (stream Reply);
//! }
//! ```

use std::convert::Infallible;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::channel::mpsc;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use hyper::body::Body;
use oneloop::time::sleep;
use tonic::codegen::StdError;
use tonic::server::{Grpc, NamedService};
use tonic::{Status, Streaming};
use tonic_prost::ProstCodec;
use tower::service_fn;

#[derive(Clone, PartialEq, prost::Message)]
pub struct Request {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(uint32, tag = "2")]
    pub count: u32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Reply {
    #[prost(string, tag = "1")]
    pub text: String,
}

pub fn request(name: &str, count: u32) -> Request {
    Request { name: name.to_owned(), count }
}

pub fn reply(text: impl Into<String>) -> Reply {
    Reply { text: text.into() }
}

type Answer<T> = Result<tonic::Response<T>, Status>;
type Replies = BoxStream<'static, Result<Reply, Status>>;

/// The service, and the channel that reports the drop of a call without an end.
#[derive(Clone)]
pub struct Greeter {
    pub dropped: mpsc::UnboundedSender<&'static str>,
}

impl Greeter {
    /// Greets the caller. A request without a name gets an error, and `never` gets no answer.
    async fn hello(self, request: tonic::Request<Request>) -> Answer<Reply> {
        match request.into_inner().name.as_str() {
            "" => Err(Status::invalid_argument("a name is needed")),
            "never" => {
                let _note = Note("hello", self.dropped);
                sleep(Duration::MAX).await;
                unreachable!("it never ends")
            }
            name => {
                sleep(Duration::from_millis(1)).await;
                Ok(tonic::Response::new(reply(format!("hello {name}"))))
            }
        }
    }

    /// Counts up to `count`, or without an end if `count` is 0.
    async fn count(self, request: tonic::Request<Request>) -> Answer<Replies> {
        let last = request.into_inner().count;
        let replies = async_stream::stream! {
            let _note = Note("count", self.dropped);
            let mut number = 0;
            while last == 0 || number < last {
                number += 1;
                if number % 100 == 0 {
                    sleep(Duration::from_millis(1)).await;
                }
                yield Ok(reply(number.to_string()));
            }
        };
        Ok(tonic::Response::new(replies.boxed()))
    }

    /// Greets each name of the stream. A request without a name ends it with an error.
    async fn talk(self, requests: tonic::Request<Streaming<Request>>) -> Answer<Replies> {
        let replies = requests.into_inner().map(|request| match request?.name.as_str() {
            "" => Err(Status::invalid_argument("a name is needed")),
            name => Ok(reply(format!("hello {name}"))),
        });
        Ok(tonic::Response::new(replies.boxed()))
    }
}

/// A value that reports its drop.
struct Note(&'static str, mpsc::UnboundedSender<&'static str>);

impl Drop for Note {
    fn drop(&mut self) {
        let _ = self.1.unbounded_send(self.0); // The test may have dropped the receiver.
    }
}

impl NamedService for Greeter {
    const NAME: &'static str = "works.Greeter";
}

impl<B> tower::Service<http::Request<B>> for Greeter
where
    B: Body + Send + 'static,
    B::Error: Into<StdError> + Send,
{
    type Response = http::Response<tonic::body::Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let this = self.clone();
        async move {
            let mut grpc = Grpc::new(ProstCodec::<Reply, Request>::default());
            Ok(match request.uri().path() {
                "/works.Greeter/Hello" => {
                    grpc.unary(service_fn(move |request| this.clone().hello(request)), request).await
                }
                "/works.Greeter/Count" => {
                    grpc.server_streaming(service_fn(move |request| this.clone().count(request)), request)
                        .await
                }
                "/works.Greeter/Talk" => {
                    grpc.streaming(service_fn(move |requests| this.clone().talk(requests)), request).await
                }
                path => Status::unimplemented(path).into_http(),
            })
        }
        .boxed()
    }
}

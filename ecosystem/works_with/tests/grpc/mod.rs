//! These tests run tonic's server on `oneloop_hyper::serve`. A tonic client on the same loop and
//! Python's grpcio call it.

mod service;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use futures::StreamExt;
use futures::channel::mpsc;
use http::uri::PathAndQuery;
use http::{HeaderMap, Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http2;
use hyper::service::{Service, service_fn};
use hyper_util::service::TowerToHyperService;
use oneloop::net::{TcpListener, TcpStream};
use oneloop::time::timeout;
use oneloop_hyper::{Executor, Io, Timer, serve};
use service::{Greeter, Reply, reply, request};
use tonic::body::Body;
use tonic::client::{Grpc, GrpcService};
use tonic::service::Routes;
use tonic::{Code, Status};
use tonic_prost::ProstCodec;
use tower::ServiceExt;

use crate::support::{alone, client, has_python_module, output_of, within};

/// Serves the service on the runtime.
async fn start() -> (SocketAddr, mpsc::UnboundedReceiver<&'static str>) {
    let (sender, dropped) = mpsc::unbounded();
    let router = Routes::new(Greeter { dropped: sender }).prepare().into_axum_router();
    (run(TowerToHyperService::new(router)).await, dropped)
}

/// Serves the same with deadlines. tonic's own deadlines are part of its transport, which needs tokio. A
/// deadline covers a call until its answer begins.
async fn start_with_deadlines() -> (SocketAddr, mpsc::UnboundedReceiver<&'static str>) {
    let (sender, dropped) = mpsc::unbounded();
    let router = Routes::new(Greeter { dropped: sender }).prepare().into_axum_router();
    let service = service_fn(move |request: Request<Incoming>| {
        let answer = timeout(deadline(request.headers()), router.clone().oneshot(request));
        async { answer.await.unwrap_or_else(|_| Ok(Status::deadline_exceeded("too late").into_http())) }
    });
    (run(service).await, dropped)
}

/// Serves in a task, on a port that the system chooses.
async fn run<S, B>(service: S) -> SocketAddr
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + 'static,
    B: hyper::body::Body + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    drop(oneloop::spawn(serve(listener, service).into_future()));
    addr
}

/// Returns how long the client waits. The header `grpc-timeout` has eight digits at most and a unit.
fn deadline(headers: &HeaderMap) -> Duration {
    let parse = || {
        let text = headers.get("grpc-timeout")?.to_str().ok()?;
        let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
        let count: u32 = digits.parse().ok()?;
        Some(match unit {
            "H" => Duration::from_secs(3600) * count,
            "M" => Duration::from_secs(60) * count,
            "S" => Duration::from_secs(count.into()),
            "m" => Duration::from_millis(count.into()),
            "u" => Duration::from_micros(count.into()),
            "n" => Duration::from_nanos(count.into()),
            _ => return None,
        })
    };
    parse().unwrap_or(Duration::MAX)
}

/// Connects a client, which uses hyper's connection as a service.
async fn connect(addr: SocketAddr) -> Grpc<impl GrpcService<Body, ResponseBody = Incoming>> {
    let stream = Io::new(TcpStream::connect(addr).await.unwrap());
    let handshake = http2::Builder::new(Executor).timer(Timer).handshake(stream);
    let (sender, connection) = within(handshake).await.unwrap();
    drop(oneloop::spawn(connection));
    let service = tower::service_fn(move |request| sender.clone().send_request(request));
    Grpc::with_origin(service, format!("http://{addr}").parse().unwrap())
}

const HELLO: PathAndQuery = PathAndQuery::from_static("/works.Greeter/Hello");
const COUNT: PathAndQuery = PathAndQuery::from_static("/works.Greeter/Count");
const TALK: PathAndQuery = PathAndQuery::from_static("/works.Greeter/Talk");

fn codec() -> ProstCodec<service::Request, Reply> {
    ProstCodec::default()
}

async fn hello(
    client: &mut Grpc<impl GrpcService<Body, ResponseBody = Incoming>>,
    request: tonic::Request<service::Request>,
) -> Result<Reply, Status> {
    assert!(client.ready().await.is_ok());
    Ok(client.unary(request, HELLO, codec()).await?.into_inner())
}

#[test]
fn a_tonic_client_calls_a_tonic_server() {
    const TEST: &str = "a_tonic_client_calls_a_tonic_server";
    alone(TEST, || async {
        let (addr, _) = start().await;
        let mut client = within(connect(addr)).await;
        let answer = within(hello(&mut client, tonic::Request::new(request("Ada", 0)))).await;
        assert_eq!(answer.unwrap(), reply("hello Ada"));

        let error = within(hello(&mut client, tonic::Request::new(request("", 0)))).await.unwrap_err();
        assert_eq!((error.code(), error.message()), (Code::InvalidArgument, "a name is needed"));

        let path = PathAndQuery::from_static("/works.Greeter/Missing");
        let missing = client.unary(tonic::Request::new(request("Ada", 0)), path, codec());
        assert_eq!(within(missing).await.unwrap_err().code(), Code::Unimplemented);
    });
}

#[test]
fn tonic_streams_in_both_directions() {
    const TEST: &str = "tonic_streams_in_both_directions";
    alone(TEST, || async {
        let (addr, mut dropped) = start().await;
        let mut client = within(connect(addr)).await;
        // The size exceeds HTTP/2's windows.
        let count = tonic::Request::new(request("", 20_000));
        let replies = within(client.server_streaming(count, COUNT, codec())).await.unwrap().into_inner();
        let numbers: Vec<_> = within(replies.map(|reply| reply.unwrap().text).collect()).await;
        assert!(numbers.into_iter().eq((1..=20_000).map(|number| number.to_string())));
        assert_eq!(within(dropped.next()).await, Some("count"));

        let (requests, stream) = mpsc::unbounded();
        let mut replies =
            within(client.streaming(tonic::Request::new(stream), TALK, codec())).await.unwrap().into_inner();
        for name in ["Ada", "Grace"] {
            requests.unbounded_send(request(name, 0)).unwrap();
            assert_eq!(within(replies.message()).await.unwrap(), Some(reply(format!("hello {name}"))));
        }
        requests.unbounded_send(request("", 0)).unwrap();
        assert_eq!(within(replies.message()).await.unwrap_err().code(), Code::InvalidArgument);
    });
}

#[test]
fn tonic_calls_end_by_deadline_and_by_drop() {
    const TEST: &str = "tonic_calls_end_by_deadline_and_by_drop";
    alone(TEST, || async {
        let (addr, mut dropped) = start_with_deadlines().await;
        let mut client = within(connect(addr)).await;
        let mut late = tonic::Request::new(request("never", 0));
        late.set_timeout(Duration::from_millis(20));
        let error = within(hello(&mut client, late)).await.unwrap_err();
        assert_eq!(error.code(), Code::DeadlineExceeded);
        assert_eq!(within(dropped.next()).await, Some("hello"));

        // A stream that the client drops ends in the server, too.
        let endless = tonic::Request::new(request("", 0));
        let mut replies =
            within(client.server_streaming(endless, COUNT, codec())).await.unwrap().into_inner();
        assert_eq!(within(replies.message()).await.unwrap(), Some(reply("1")));
        drop(replies);
        assert_eq!(within(dropped.next()).await, Some("count"));

        let answer = within(hello(&mut client, tonic::Request::new(request("Ada", 0)))).await;
        assert_eq!(answer.unwrap(), reply("hello Ada"));
    });
}

#[test]
fn grpcio_calls_a_tonic_server() {
    const TEST: &str = "grpcio_calls_a_tonic_server";
    if !has_python_module(TEST, "grpc", "grpcio") {
        return;
    }
    alone(TEST, || async {
        let (addr, dropped) = start().await;
        let output = output_of(client("grpc_client.py").arg(addr.to_string())).await;
        assert_eq!(output, "done\n");
        // The server drops the client's ended calls: the stream that the client counted to its end, the
        // one that it cancelled, and the call that was too late.
        let mut ended: Vec<_> = within(dropped.take(3).collect()).await;
        ended.sort();
        assert_eq!(ended, ["count", "count", "hello"]);
    });
}

//! The server of these tests, and the responses of its handler.

use std::cell::RefCell;
use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::{Service, service_fn};
use oneloop::JoinHandle;
use oneloop::net::TcpListener;
use oneloop_hyper::server::{Error, Peer, Serve, Summary};
use oneloop_hyper::{serve, server};

pub type Body = BoxBody<Bytes, Infallible>;

/// This size exceeds the buffers of a connection on both sides.
pub const BIG: usize = 64 << 20;

/// The time limit of a test's waits, on a machine that is busy.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A running server, and the errors that it reported.
pub struct Running {
    pub addr: SocketAddr,
    pub task: JoinHandle<Summary>,
    pub errors: Rc<RefCell<Vec<Error>>>,
}

impl Running {
    /// Waits for an error that the server reports.
    pub async fn error(&self) -> Error {
        within(async {
            loop {
                let error = self.errors.borrow_mut().pop();
                match error {
                    Some(error) => break error,
                    None => oneloop::time::sleep(Duration::from_millis(1)).await,
                }
            }
        })
        .await
    }
}

/// Returns the output of `future`, and panics at the time limit of a test.
#[track_caller]
pub fn within<F: Future>(future: F) -> impl Future<Output = F::Output> {
    let place = std::panic::Location::caller();
    async move {
        match oneloop::time::timeout(PATIENCE, future).await {
            Ok(output) => output,
            Err(_) => panic!("{place}: it did not come"),
        }
    }
}

pub fn text(text: impl Into<Bytes>) -> Body {
    Full::new(text.into()).boxed()
}

/// Makes a body of `BIG` bytes in pieces.
fn big() -> Body {
    let piece = Bytes::from(vec![b'x'; 64 << 10]);
    let pieces = (0..BIG / piece.len()).map(move |_| Ok(Frame::data(piece.clone())));
    BodyExt::boxed(StreamBody::new(futures_lite::stream::iter(pieces)))
}

/// `/` answers at once, `/echo` answers with the body, `/slow` answers after 200 ms, `/never` does not
/// answer, `/big` answers with `BIG` bytes, and `/panic` panics.
pub async fn answer(request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let body = match request.uri().path() {
        "/" => text("hello"),
        "/echo" => match request.into_body().collect().await {
            Ok(body) => text(body.to_bytes()),
            Err(_) => text("no body"),
        },
        "/slow" => {
            oneloop::time::sleep(Duration::from_millis(200)).await;
            text("slow")
        }
        "/never" => std::future::pending().await,
        "/big" => big(),
        "/panic" => panic!("as asked"),
        path => {
            let mut response = Response::new(text(format!("no {path}")));
            *response.status_mut() = StatusCode::NOT_FOUND;
            return Ok(response);
        }
    };
    Ok(Response::new(body))
}

/// Starts the server of `answer` with options, on a port that the system chooses.
pub async fn start(options: impl FnOnce(Plain) -> Plain) -> Running {
    let service: Answer = Rc::new(service_fn(|request| Box::pin(answer(request)) as Answering));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let make: MakeAnswer = Box::new(move |_| service.clone());
    run(addr, options(server::serve_with(listener, make)))
}

type Answering = std::pin::Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>>>>;
type Answer =
    Rc<dyn Service<Request<Incoming>, Response = Response<Body>, Error = Infallible, Future = Answering>>;
type MakeAnswer = Box<dyn Fn(&Peer) -> Answer>;
pub type Plain = Serve<TcpListener, MakeAnswer>;

/// Runs a server in a task.
pub fn run<L, M, S, B>(addr: SocketAddr, serve: Serve<L, M>) -> Running
where
    L: server::Listener,
    M: Fn(&Peer) -> S + 'static,
    S: Service<Request<Incoming>, Response = Response<B>> + 'static,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    B: hyper::body::Body + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let errors = Rc::new(RefCell::new(Vec::new()));
    let reported = errors.clone();
    let serve = serve.on_error(move |error| reported.borrow_mut().push(error));
    Running { addr, task: oneloop::spawn(async move { serve.await }), errors }
}

/// Runs a server of `service` without options.
pub async fn start_service<S, B>(service: S) -> Running
where
    S: Service<Request<Incoming>, Response = Response<B>> + 'static,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    B: hyper::body::Body + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    run(addr, serve(listener, service))
}

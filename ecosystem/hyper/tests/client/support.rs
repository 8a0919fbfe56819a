//! The tests share a server on the loop of the test, and functions that read errors.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, Uri};
use hyper_util::client::legacy::Client;
use oneloop::net::TcpListener;
use oneloop_hyper::client::{Connector, Info, Stream};
use oneloop_hyper::{Executor, Io};
use tokio::io::{AsyncRead, AsyncWrite};
use tower_service::Service;

/// A body that is sent at once.
pub type Body = Full<Bytes>;

/// The pooled client.
pub type Pool = Client<Connector, Body>;

/// An HTTP server on the loop of the test. It answers with the request's body, or with the path if there
/// is no body.
pub struct Server {
    pub addr: SocketAddr,
    seen: Rc<Seen>,
}

#[derive(Default)]
struct Seen {
    accepted: Cell<usize>,
    ended: Cell<usize>,
    errors: RefCell<Vec<String>>,
}

impl Server {
    pub async fn start() -> io::Result<Server> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        Ok(Server::plain(listener))
    }

    pub fn plain(listener: TcpListener) -> Server {
        Server::on(listener, |stream| async move { Ok((stream, false)) })
    }

    /// Starts a server. `wrap` returns a connection's stream, and whether the stream uses HTTP/2.
    fn on<S, F>(listener: TcpListener, wrap: impl Fn(oneloop::net::TcpStream) -> F + 'static) -> Server
    where
        S: AsyncRead + AsyncWrite + Unpin + 'static,
        F: Future<Output = io::Result<(S, bool)>> + 'static,
    {
        let addr = listener.local_addr().expect("it is bound");
        let seen = Rc::new(Seen::default());
        let theirs = seen.clone();
        oneloop::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                theirs.accepted.set(theirs.accepted.get() + 1);
                let (wrapped, theirs) = (wrap(stream), theirs.clone());
                oneloop::spawn(async move {
                    match wrapped.await {
                        Ok((stream, h2)) => serve(stream, h2).await,
                        Err(error) => theirs.errors.borrow_mut().push(error.to_string()),
                    }
                    theirs.ended.set(theirs.ended.get() + 1);
                });
            }
        });
        Server { addr, seen }
    }

    /// Returns the number of connections that the server accepted.
    pub fn accepted(&self) -> usize {
        self.seen.accepted.get()
    }

    /// Waits until this many connections have ended.
    pub async fn ended(&self, count: usize) {
        common::sockets::within(async {
            while self.seen.ended.get() < count {
                common::sockets::settle().await;
            }
        })
        .await;
    }

    pub fn uri(&self, path: &str) -> Uri {
        format!("http://{}{path}", self.addr).parse().expect("a URI")
    }
}

#[cfg(feature = "tls")]
impl Server {
    pub async fn start_tls(acceptor: oneloop_hyper::tls::Acceptor) -> io::Result<Server> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        Ok(Server::on(listener, move |stream| {
            let acceptor = acceptor.clone();
            async move {
                let stream = acceptor.accept(stream).await?;
                let h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                Ok((stream, h2))
            }
        }))
    }

    /// Returns the URI with a host name. The client has to know the name's address.
    pub fn uri_of(&self, name: &str) -> Uri {
        format!("https://{name}:{}/", self.addr.port()).parse().expect("a URI")
    }

    /// Returns the errors of the failed handshakes on the server's side.
    pub fn errors(&self) -> Vec<String> {
        self.seen.errors.borrow().clone()
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin + 'static>(stream: S, h2: bool) {
    let service = service_fn(answer);
    // These tests ignore the error of a client that closes its connection.
    let _ = match h2 {
        true => {
            let server =
                hyper::server::conn::http2::Builder::new(Executor).serve_connection(Io::new(stream), service);
            server.await
        }
        false => {
            // The server has no timer, so no limit closes a connection in a client's pool.
            let server = hyper::server::conn::http1::Builder::new();
            server.serve_connection(Io::new(stream), service).await
        }
    };
}

async fn answer(request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let path = request.uri().path().to_owned();
    let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let answer = if body.is_empty() { Bytes::from(path) } else { body };
    Ok(Response::new(Full::new(answer)))
}

/// Opens a connection as the pool of a client does.
pub async fn connect(mut connector: Connector, uri: &Uri) -> io::Result<Io<Stream>> {
    connector.call(uri.clone()).await
}

/// Returns the text of a response, and the connection that it came over.
pub async fn get(client: &Client<Connector, Body>, uri: Uri) -> Result<(String, Info), Box<dyn Error>> {
    let response = client.get(uri).await?;
    let info = *response.extensions().get::<Info>().expect("each response has it");
    let text = response.into_body().collect().await?.to_bytes();
    Ok((String::from_utf8(text.to_vec())?, info))
}

/// Returns an error and its causes. The outermost error is first.
pub fn causes(error: &(dyn Error + 'static)) -> String {
    let all = std::iter::successors(Some(error), |&error| error.source());
    all.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// The certificate authority of one test.
#[cfg(feature = "tls")]
pub struct Authority(rcgen::CertifiedIssuer<'static, rcgen::KeyPair>);

#[cfg(feature = "tls")]
impl Authority {
    pub fn new() -> Authority {
        use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

        let mut params = CertificateParams::default();
        params.distinguished_name.push(rcgen::DnType::CommonName, "the authority of a test");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Authority(CertifiedIssuer::self_signed(params, key).expect("a certificate"))
    }

    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// Returns a server's certificate and key as PEM.
    pub fn issue(&self, names: &[&str]) -> (String, String) {
        self.issue_with(names, |_| {})
    }

    pub fn issue_with(
        &self,
        names: &[&str],
        change: impl FnOnce(&mut rcgen::CertificateParams),
    ) -> (String, String) {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let mut params = rcgen::CertificateParams::new(names).expect("names that certificates can have");
        change(&mut params);
        let key = rcgen::KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.0).expect("a certificate");
        (certificate.pem(), key.serialize_pem())
    }

    pub fn acceptor(&self, names: &[&str]) -> oneloop_hyper::tls::Acceptor {
        let (certificate, key) = self.issue(names);
        oneloop_hyper::tls::Acceptor::from_pem(certificate.as_bytes(), key.as_bytes()).expect("they fit")
    }

    /// Returns a connector that trusts this authority alone, and that knows the names of the tests.
    pub fn connector(&self) -> Connector {
        let mut roots = oneloop_hyper::tls::Roots::empty();
        roots.add_pem(self.pem().as_bytes()).expect("a root");
        named().tls_config(roots.client_config())
    }
}

/// Returns a connector that knows the names of the tests.
#[cfg(feature = "tls")]
pub fn named() -> Connector {
    let here = || [std::net::Ipv4Addr::LOCALHOST.into()];
    Connector::new().resolve("one.test", here()).resolve("two.test", here())
}

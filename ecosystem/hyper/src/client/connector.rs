//! `Connector` opens the connection that a URI asks for.

use std::collections::HashMap;
#[cfg(feature = "tls")]
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use http::uri::Scheme;
use oneloop::Handle;
use oneloop::net::{TcpStream, ToSocketAddrs};
use oneloop::time::timeout;
#[cfg(feature = "tls")]
use rustls::ClientConfig;
#[cfg(feature = "tls")]
use rustls::pki_types::ServerName;
use send_wrapper::SendWrapper;

use super::race;
use super::stream::Stream;
use crate::Io;

const CONNECT_LIMIT: Duration = Duration::from_secs(10);
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);
/// The "connection attempt delay" that RFC 8305, section 5, recommends.
const ATTEMPT_PAUSE: Duration = Duration::from_millis(250);

/// The connector of hyper-util's [`Client`](hyper_util::client::legacy::Client). It opens connections
/// for `http` and, with the feature `tls`, for `https`.
///
/// A connector holds a configuration and no connection, so it is `Clone`, `Send` and `Sync`. A
/// connection belongs to the loop on which the request is awaited.
///
/// The runtime's blocking pool resolves names. RFC 8305 gives the order of a name's addresses: families
/// take turns. An attempt begins when the attempt before it fails, or 250 ms after that attempt began.
/// [`builder`](super::builder) has an example.
///
/// # Errors
///
/// The connector's service returns an [`io::Error`], which is the source of a connect error of the
/// client:
///
/// | kind | meaning |
/// |---|---|
/// | `InvalidInput` | the URI has no host, a scheme other than `http` and `https`, a port that is not a number up to 65535, or a host that no certificate can name |
/// | `Unsupported` | the scheme is `https` without the feature `tls`, or `http` where only `https` is allowed |
/// | `TimedOut` | connecting or the handshake exceeded its limit; the text names the step |
/// | `InvalidData` | TLS failed: an unknown authority, a certificate that has expired or belongs to another name, or bytes that are not TLS; the error's chain of sources ends with the [`rustls::Error`](https://docs.rs/rustls/latest/rustls/enum.Error.html) |
/// | others | the name cannot be resolved, or no address accepts a connection; the kind is that of the resolver or of the last address |
#[derive(Clone, Debug)]
pub struct Connector {
    config: Arc<Config>,
}

#[derive(Clone)]
struct Config {
    connect_limit: Duration,
    handshake_limit: Duration,
    attempt_pause: Duration,
    nodelay: bool,
    https_only: bool,
    /// The addresses of names, in lower case, that the resolver is not asked for.
    addresses: HashMap<String, Vec<IpAddr>>,
    #[cfg(feature = "tls")]
    tls: Arc<ClientConfig>,
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The TLS configuration may hold a key, so this output leaves it out.
        f.debug_struct("Config")
            .field("connect_limit", &self.connect_limit)
            .field("handshake_limit", &self.handshake_limit)
            .field("attempt_pause", &self.attempt_pause)
            .field("nodelay", &self.nodelay)
            .field("https_only", &self.https_only)
            .finish_non_exhaustive()
    }
}

impl Connector {
    /// Makes a connector with the defaults of [`client`](mod@crate::client). For `https` it trusts the
    /// roots of Mozilla, as `tls::client_config` does.
    pub fn new() -> Connector {
        Connector {
            config: Arc::new(Config {
                connect_limit: CONNECT_LIMIT,
                handshake_limit: HANDSHAKE_LIMIT,
                attempt_pause: ATTEMPT_PAUSE,
                nodelay: true,
                https_only: false,
                addresses: HashMap::new(),
                #[cfg(feature = "tls")]
                tls: Arc::new(crate::tls::client_config()),
            }),
        }
    }

    /// Sets the time limit for resolving the name and connecting to one of its addresses, both together
    /// (default: 10 s).
    #[must_use]
    pub fn connect_timeout(self, limit: Duration) -> Connector {
        self.with(|config| config.connect_limit = limit)
    }

    /// Sets the time limit for the TLS handshake, which begins after the TCP connection is open
    /// (default: 10 s).
    #[must_use]
    pub fn handshake_timeout(self, limit: Duration) -> Connector {
        self.with(|config| config.handshake_limit = limit)
    }

    /// Sets the time after which the next address is tried beside the one before it (default: 250 ms). A
    /// failure begins the next attempt at once.
    #[must_use]
    pub fn attempt_pause(self, pause: Duration) -> Connector {
        self.with(|config| config.attempt_pause = pause)
    }

    /// Sets whether the system sends small writes at once: `TCP_NODELAY` (default: yes).
    #[must_use]
    pub fn nodelay(self, nodelay: bool) -> Connector {
        self.with(|config| config.nodelay = nodelay)
    }

    /// Sets whether the connector refuses `http` (default: no).
    #[must_use]
    pub fn https_only(self, https_only: bool) -> Connector {
        self.with(|config| config.https_only = https_only)
    }

    /// Sets the addresses of a name, so that the resolver is not asked for it. The port is that of the
    /// URI. The server's certificate must name this name, as always.
    #[must_use]
    pub fn resolve(self, name: &str, addresses: impl IntoIterator<Item = IpAddr>) -> Connector {
        let (name, addresses) = (name.to_ascii_lowercase(), addresses.into_iter().collect());
        self.with(|config| drop(config.addresses.insert(name, addresses)))
    }

    /// Sets the TLS configuration for `https`, which [`tls::Roots`](crate::tls::Roots) or the program
    /// makes. ALPN becomes `h2`, `http/1.1` if the configuration has no protocols. A configuration with
    /// `http/1.1` alone keeps the client from HTTP/2.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls_config(self, tls: impl Into<Arc<ClientConfig>>) -> Connector {
        let mut tls = tls.into();
        if tls.alpn_protocols.is_empty() {
            Arc::make_mut(&mut tls).alpn_protocols = crate::tls::default_alpn();
        }
        self.with(|config| config.tls = tls)
    }

    fn with(mut self, change: impl FnOnce(&mut Config)) -> Connector {
        change(Arc::make_mut(&mut self.config));
        self
    }
}

impl Default for Connector {
    fn default() -> Connector {
        Connector::new()
    }
}

impl tower_service::Service<Uri> for Connector {
    type Response = Io<Stream>;
    type Error = io::Error;
    type Future = Connecting;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Connecting {
        Connecting(State::Idle(self.config.clone(), uri))
    }
}

/// The future of a connection, from [`Connector`].
///
/// The connection attempt begins at the first poll. Until then the future may move to another thread.
/// From then on it belongs to the loop of that thread.
///
/// # Errors
///
/// The errors are those of [`Connector`]. A poll returns an error on a thread without a runtime, and on
/// another thread than that of the first poll.
///
/// # Panics
///
/// The drop panics on another thread than that of the first poll.
///
/// # Cancel safety
///
/// Dropping the future closes every socket that it has opened. A name look-up that has begun continues
/// on the pool until it is complete.
/// the pool.
pub struct Connecting(State);

enum State {
    Idle(Arc<Config>, Uri),
    Begun(SendWrapper<Attempt>),
    Ended,
}

type Attempt = Pin<Box<dyn Future<Output = io::Result<Io<Stream>>>>>;

impl Future for Connecting {
    type Output = io::Result<Io<Stream>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<Io<Stream>>> {
        let state = &mut self.get_mut().0;
        if let State::Idle(config, uri) = state {
            if Handle::try_current().is_err() {
                let text = "no oneloop runtime runs on this thread, and a new connection needs one";
                return Poll::Ready(Err(io::Error::other(text)));
            }
            let future = connect(config.clone(), std::mem::take(uri));
            *state = State::Begun(SendWrapper::new(Box::pin(future)));
        }
        match state {
            State::Begun(future) if future.valid() => {
                let polled = future.as_mut().poll(cx);
                if polled.is_ready() {
                    *state = State::Ended;
                }
                polled
            }
            State::Begun(_) => {
                // A drop on this thread would panic. The leaked socket stays open on its own thread.
                std::mem::forget(std::mem::replace(state, State::Ended));
                let text = "a connection that was begun on one thread is awaited on another; \
                            oneloop's sockets stay on the thread that opened them";
                Poll::Ready(Err(io::Error::other(text)))
            }
            State::Idle(..) | State::Ended => panic!("a `Connecting` was polled after it had ended"),
        }
    }
}

impl fmt::Debug for Connecting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connecting").finish_non_exhaustive()
    }
}

async fn connect(config: Arc<Config>, uri: Uri) -> io::Result<Io<Stream>> {
    let https = check_scheme(&config, &uri)?;
    let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(|| refused(&uri, "it has no host"))?;
    let host = host.trim_start_matches('[').trim_end_matches(']'); // around an IPv6 address
    let port = match uri.port_u16() {
        Some(port) => port,
        None if has_port(&uri) => return Err(refused(&uri, "its port is not a number from 0 to 65535")),
        None if https => 443,
        None => 80,
    };

    let stream = match timeout(config.connect_limit, connect_tcp(&config, host, port)).await {
        Ok(connected) => connected.map_err(|error| {
            io::Error::new(error.kind(), format!("can't connect to {host}, port {port}: {error}"))
        })?,
        Err(_) => {
            let limit = config.connect_limit;
            let text = format!("no connection to {host}, port {port}, within {limit:?}");
            return Err(io::Error::new(io::ErrorKind::TimedOut, text));
        }
    };
    if config.nodelay {
        stream.set_nodelay(true)?;
    }
    if https { handshake(&config, host, stream).await } else { Ok(Io::new(Stream::plain(stream))) }
}

/// Returns whether the URI needs TLS, or an error if the configuration does not allow the URI.
fn check_scheme(config: &Config, uri: &Uri) -> io::Result<bool> {
    let unsupported = |text: String| Err(io::Error::new(io::ErrorKind::Unsupported, text));
    let https = match uri.scheme() {
        Some(scheme) if *scheme == Scheme::HTTP => false,
        Some(scheme) if *scheme == Scheme::HTTPS => true,
        Some(_) => return Err(refused(uri, "its scheme is neither `http` nor `https`")),
        None => return Err(refused(uri, "it has no scheme")),
    };
    if https && !cfg!(feature = "tls") {
        return unsupported(format!("{uri}: `https` needs the feature `tls` of oneloop-hyper"));
    }
    if config.https_only && !https {
        return unsupported(format!("{uri}: this client is configured for `https` alone"));
    }
    Ok(https)
}

fn refused(uri: &Uri, reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, format!("{uri}: {reason}"))
}

/// Returns whether the URI contains a port. `Uri::port` returns `None` also for an invalid port.
fn has_port(uri: &Uri) -> bool {
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let after_host = authority.rsplit([']', '@']).next().unwrap_or_default();
    after_host.rsplit_once(':').is_some_and(|(_, port)| !port.is_empty())
}

async fn connect_tcp(config: &Config, host: &str, port: u16) -> io::Result<TcpStream> {
    let addrs: Vec<SocketAddr> = match config.addresses.get(&host.to_ascii_lowercase()) {
        Some(known) => known.iter().map(|ip| SocketAddr::new(*ip, port)).collect(),
        None => (host, port).to_socket_addrs().await?.collect(),
    };
    race::connect(addrs, config.attempt_pause).await
}

#[cfg(feature = "tls")]
async fn handshake(config: &Config, host: &str, stream: TcpStream) -> io::Result<Io<Stream>> {
    let name = ServerName::try_from(host.to_owned()).map_err(|_| {
        io::Error::new(io::ErrorKind::InvalidInput, format!("no certificate can name the host `{host}`"))
    })?;
    let connecting = tokio_rustls::TlsConnector::from(config.tls.clone()).connect(name, stream);
    match timeout(config.handshake_limit, connecting).await {
        Ok(Ok(stream)) => Ok(Io::new(Stream::over_tls(stream))),
        Ok(Err(error)) => {
            let (kind, text) = (error.kind(), format!("the TLS handshake with {host} failed"));
            // An I/O error of rustls has the cause inside. An error of the socket has no inner error.
            let source = match error.get_ref().is_some() {
                true => error.into_inner().expect("it has one"),
                false => error.into(),
            };
            Err(io::Error::new(kind, Failed { text, source }))
        }
        Err(_) => {
            let limit = config.handshake_limit;
            let text = format!("the TLS handshake with {host} did not end within {limit:?}");
            Err(io::Error::new(io::ErrorKind::TimedOut, text))
        }
    }
}

#[cfg(not(feature = "tls"))]
async fn handshake(_: &Config, host: &str, _: TcpStream) -> io::Result<Io<Stream>> {
    unreachable!("{host}: `check_scheme` refuses `https` without the feature `tls`")
}

/// A step that failed, with its cause as source.
#[cfg(feature = "tls")]
#[derive(Debug)]
struct Failed {
    text: String,
    source: Box<dyn Error + Send + Sync>,
}

#[cfg(feature = "tls")]
impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(feature = "tls")]
impl Error for Failed {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.source)
    }
}

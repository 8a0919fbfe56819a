//! `Acceptor` does the TLS handshake of a server.

use std::cell::RefCell;
use std::fmt;
use std::io;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::{default_alpn, server_config, server_config_from_files};

/// Makes TLS streams of the connections that a server accepts.
///
/// A clone shares its configuration with the original, so [`replace`](Acceptor::replace) changes both.
/// An acceptor belongs to one thread, as a loop does.
///
/// # Examples
///
/// ```no_run
/// # fn main() -> std::io::Result<()> {
/// use oneloop::io::AsyncWriteExt;
/// use oneloop::net::TcpListener;
/// use oneloop_hyper::tls::Acceptor;
///
/// oneloop::block_on(async {
///     let acceptor = Acceptor::from_pem_files("cert.pem", "key.pem")?;
///     let listener = TcpListener::bind("127.0.0.1:8443").await?;
///     let (stream, _peer) = listener.accept().await?;
///     let stream = acceptor.accept(stream).await?;
///     let (_, session) = stream.get_ref();
///     println!("{:?} for {:?}", session.alpn_protocol(), session.server_name());
///     Ok(())
/// })
/// # }
/// ```
#[derive(Clone)]
pub struct Acceptor {
    config: Rc<RefCell<Arc<ServerConfig>>>,
}

impl Acceptor {
    /// Makes an acceptor with a configuration of the program. ALPN becomes `h2`, `http/1.1` if the
    /// configuration has no protocols.
    pub fn new(config: Arc<ServerConfig>) -> Acceptor {
        Acceptor { config: Rc::new(RefCell::new(with_alpn(config))) }
    }

    /// Makes an acceptor from PEM text, as [`server_config`] does.
    ///
    /// # Errors
    ///
    /// The errors are those of [`server_config`].
    pub fn from_pem(certificates: &[u8], key: &[u8]) -> io::Result<Acceptor> {
        Ok(Acceptor::new(server_config(certificates, key)?))
    }

    /// Makes an acceptor from PEM files, as [`server_config_from_files`] does. It reads the files on the
    /// calling thread.
    ///
    /// # Errors
    ///
    /// The errors are those of [`server_config_from_files`]. Each names the file and the reason.
    pub fn from_pem_files(certificates: impl AsRef<Path>, key: impl AsRef<Path>) -> io::Result<Acceptor> {
        Ok(Acceptor::new(server_config_from_files(certificates, key)?))
    }

    /// Replaces the configuration of this acceptor and its clones, for example after a certificate was
    /// renewed.
    ///
    /// Handshakes that begin later use the new configuration. Handshakes and connections that have begun
    /// keep the old one. ALPN is set as in [`new`](Acceptor::new).
    ///
    /// # Examples
    ///
    /// The files are read outside the loop's thread, and an error leaves the acceptor unchanged:
    ///
    /// ```no_run
    /// # async fn reload(acceptor: &oneloop_hyper::tls::Acceptor) -> std::io::Result<()> {
    /// use oneloop_hyper::tls::server_config_from_files;
    ///
    /// let config = oneloop::unblock(|| server_config_from_files("cert.pem", "key.pem")).await?;
    /// acceptor.replace(config);
    /// # Ok(())
    /// # }
    /// ```
    pub fn replace(&self, config: Arc<ServerConfig>) {
        // The drop of the old configuration comes after the borrow's end, because it may run foreign
        // code.
        let old = self.config.replace(with_alpn(config));
        drop(old);
    }

    /// Returns the present configuration.
    pub fn config(&self) -> Arc<ServerConfig> {
        self.config.borrow().clone()
    }

    /// Performs the server's side of the TLS handshake.
    ///
    /// The stream's [`get_ref`](TlsStream::get_ref) returns the session. It has the protocol that ALPN
    /// chose, the name that the client sent (SNI), and the client's certificates if the configuration
    /// asks for them.
    ///
    /// The handshake has no time limit of its own. A client that sends nothing keeps the future pending,
    /// so a server puts [`oneloop::time::timeout`] around it.
    ///
    /// # Errors
    ///
    /// * `InvalidData` means that the client's bytes are not TLS, or that the two sides do not agree.
    ///   The inner error is the [`rustls::Error`], and the client receives an alert.
    /// * `UnexpectedEof` means that the client closed the connection before the end of the handshake.
    /// * Any other error is the stream's.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the stream, which closes the connection.
    pub async fn accept<S>(&self, stream: S) -> io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let config = self.config();
        TlsAcceptor::from(config).accept(stream).await
    }
}

impl From<Arc<ServerConfig>> for Acceptor {
    fn from(config: Arc<ServerConfig>) -> Acceptor {
        Acceptor::new(config)
    }
}

impl fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acceptor").finish_non_exhaustive() // A configuration may hold secrets.
    }
}

fn with_alpn(mut config: Arc<ServerConfig>) -> Arc<ServerConfig> {
    if config.alpn_protocols.is_empty() {
        Arc::make_mut(&mut config).alpn_protocols = default_alpn();
    }
    config
}

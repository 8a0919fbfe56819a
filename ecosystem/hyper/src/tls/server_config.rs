//! This file makes the configuration of a server from PEM.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::{InconsistentKeys, ServerConfig};

use super::pem::Pem;
use super::{default_alpn, provider};

/// Makes the configuration of a server from PEM text: the certificate chain, which begins with the
/// server's own certificate, and its private key.
///
/// The server does not ask clients for certificates. ALPN is `h2`, `http/1.1`.
///
/// # Errors
///
/// `InvalidData` names the text that is unusable and the reason: the text has no certificate or no key,
/// is not valid PEM, or has a key that belongs to another certificate.
///
/// # Examples
///
/// ```no_run
/// # fn main() -> std::io::Result<()> {
/// let variable = |name| std::env::var(name).map_err(std::io::Error::other);
/// let (certificates, key) = (variable("TLS_CERTIFICATES")?, variable("TLS_KEY")?);
/// let config = oneloop_hyper::tls::server_config(certificates.as_bytes(), key.as_bytes())?;
/// # let _ = config;
/// # Ok(())
/// # }
/// ```
pub fn server_config(certificates: &[u8], key: &[u8]) -> io::Result<Arc<ServerConfig>> {
    build(&Pem::new("the certificate chain", certificates), &Pem::new("the key", key))
}

/// Makes the configuration of a server from PEM files, as [`server_config`] makes it from text. The two
/// paths may name one file. [`Acceptor::replace`](super::Acceptor::replace) has an example.
///
/// The function reads the files on the calling thread. A loop that serves calls it through
/// [`oneloop::unblock`].
///
/// # Errors
///
/// Each error names the file and the reason. A file that cannot be read gives the system's error. Its
/// text gives the errors of [`server_config`].
pub fn server_config_from_files(
    certificates: impl AsRef<Path>,
    key: impl AsRef<Path>,
) -> io::Result<Arc<ServerConfig>> {
    build(&Pem::read(certificates.as_ref())?, &Pem::read(key.as_ref())?)
}

fn build(certificates: &Pem, key: &Pem) -> io::Result<Arc<ServerConfig>> {
    let chain = certificates.certificates()?;
    let config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_single_cert(chain, key.key()?);
    match config {
        Ok(mut config) => {
            config.alpn_protocols = default_alpn();
            Ok(Arc::new(config))
        }
        Err(rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) => Err(key.unusable(
            format_args!("the key does not belong to the first certificate of {}", certificates.name()),
        )),
        Err(rustls::Error::InvalidCertificate(error)) => {
            Err(certificates.unusable(format_args!("its first certificate is unusable: {error}")))
        }
        Err(error) => Err(key.unusable(format_args!("the key is unusable: {error}"))),
    }
}

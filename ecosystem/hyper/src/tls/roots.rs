//! This file makes the configuration of a client, with the roots that it trusts.

use std::io;
use std::path::Path;

use rustls::{ClientConfig, RootCertStore};

use super::pem::Pem;
use super::{default_alpn, provider};

/// Makes the configuration of a client that trusts the roots of Mozilla, in the version of the crate
/// `webpki-roots`. ALPN is `h2`, `http/1.1`. [`Roots`] has an example.
///
/// # Panics
///
/// The function panics only if rustls' *ring* provider has no cipher suite for TLS 1.2 and 1.3.
pub fn client_config() -> ClientConfig {
    Roots::webpki().client_config()
}

/// The certificates of authorities that a client trusts.
///
/// # Examples
///
/// This client trusts the authority of a company besides the public ones:
///
/// ```no_run
/// # #[cfg(feature = "client")]
/// # fn main() -> std::io::Result<()> {
/// use oneloop_hyper::client::{self, Connector};
/// use oneloop_hyper::tls::Roots;
///
/// let mut roots = Roots::webpki();
/// roots.add_pem_file("company.pem")?;
/// let connector = Connector::new().tls_config(roots.client_config());
/// let client = client::builder().build::<_, String>(connector);
/// # let _ = client;
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "client"))]
/// # fn main() {}
/// ```
#[derive(Clone, Debug)]
pub struct Roots {
    store: RootCertStore,
}

impl Roots {
    /// Makes a set with the roots of Mozilla, in the version of the crate `webpki-roots`.
    pub fn webpki() -> Roots {
        let mut store = RootCertStore::empty();
        store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        Roots { store }
    }

    /// Makes an empty set. A client that trusts no root refuses each server.
    pub fn empty() -> Roots {
        Roots { store: RootCertStore::empty() }
    }

    /// Adds all certificates of a PEM file, and returns their number. It reads the file on the calling
    /// thread.
    ///
    /// # Errors
    ///
    /// Each error names the file and the reason. A file that cannot be read gives the system's error.
    /// `InvalidData` means that the file has no certificate, is not valid PEM, or has a certificate that
    /// cannot be a root. An error leaves the set unchanged.
    pub fn add_pem_file(&mut self, path: impl AsRef<Path>) -> io::Result<usize> {
        self.add(&Pem::read(path.as_ref())?)
    }

    /// Adds all certificates of a PEM text, and returns their number.
    ///
    /// # Errors
    ///
    /// The error is `InvalidData`, as in [`add_pem_file`](Roots::add_pem_file). It leaves the set
    /// unchanged.
    pub fn add_pem(&mut self, certificates: &[u8]) -> io::Result<usize> {
        self.add(&Pem::new("the roots", certificates))
    }

    /// Returns the number of roots.
    pub fn len(&self) -> usize {
        self.store.len()
    }

    /// Returns whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.store.is_empty()
    }

    /// Makes the configuration of a client that trusts these roots. ALPN is `h2`, `http/1.1`. The client
    /// has no certificate of its own.
    ///
    /// # Panics
    ///
    /// The function panics only if rustls' *ring* provider has no cipher suite for TLS 1.2 and 1.3.
    pub fn client_config(self) -> ClientConfig {
        let mut config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("ring has cipher suites for TLS 1.2 and 1.3")
            .with_root_certificates(self.store)
            .with_no_client_auth();
        config.alpn_protocols = default_alpn();
        config
    }

    fn add(&mut self, pem: &Pem) -> io::Result<usize> {
        let certificates = pem.certificates()?;
        let (before, count) = (self.store.len(), certificates.len());
        for (index, certificate) in certificates.into_iter().enumerate() {
            if let Err(error) = self.store.add(certificate) {
                self.store.roots.truncate(before);
                return Err(pem.unusable(format_args!("certificate {} cannot be a root: {error}", index + 1)));
            }
        }
        Ok(count)
    }
}

//! The configuration of a client, and the roots that it trusts.

use std::io;
use std::path::Path;

use rustls::{ClientConfig, RootCertStore};

use super::pem::Pem;
use super::{default_alpn, provider};

/// The configuration of a client that trusts the roots of Mozilla, as the crate `webpki-roots` has
/// them. ALPN is `h2`, `http/1.1`.
///
/// # Panics
///
/// Never, unless rustls' *ring* provider has no cipher suite for TLS 1.2 and 1.3.
///
/// # Examples
///
/// See [`Roots`].
pub fn client_config() -> ClientConfig {
    Roots::webpki().client_config()
}

/// Certificates of authorities that a client trusts.
///
/// # Examples
///
/// A client that trusts the authority of a company besides the public ones:
///
/// ```no_run
/// # fn main() -> std::io::Result<()> {
/// # #[cfg(feature = "client")] {
/// use oneloop_hyper::client::{self, Connector};
/// use oneloop_hyper::tls::Roots;
///
/// let mut roots = Roots::webpki();
/// roots.add_pem_file("company.pem")?;
/// let connector = Connector::new().tls_config(roots.client_config());
/// let client = client::builder().build::<_, String>(connector);
/// # let _ = client;
/// # }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Roots {
    store: RootCertStore,
}

impl Roots {
    /// The roots of Mozilla, as the crate `webpki-roots` has them.
    pub fn webpki() -> Roots {
        let mut store = RootCertStore::empty();
        store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        Roots { store }
    }

    /// No root. A client that trusts none of them refuses each server.
    pub fn empty() -> Roots {
        Roots { store: RootCertStore::empty() }
    }

    /// Adds all certificates of a PEM file; returns how many these are. It reads the file on the
    /// calling thread.
    ///
    /// # Errors
    ///
    /// Each error names the file and the reason. A file that can't be read gives the system's
    /// error. `InvalidData` means that it has no certificate, is no valid PEM, or has a
    /// certificate that can be no root. Nothing is added then.
    pub fn add_pem_file(&mut self, path: impl AsRef<Path>) -> io::Result<usize> {
        self.add(&Pem::read(path.as_ref())?)
    }

    /// Adds all certificates of a PEM text; returns how many these are.
    ///
    /// # Errors
    ///
    /// `InvalidData`, as in [`add_pem_file`](Roots::add_pem_file). Nothing is added then.
    pub fn add_pem(&mut self, certificates: &[u8]) -> io::Result<usize> {
        self.add(&Pem::new("the roots", certificates))
    }

    /// How many roots there are.
    pub fn len(&self) -> usize {
        self.store.len()
    }

    /// Whether there is no root.
    pub fn is_empty(&self) -> bool {
        self.store.is_empty()
    }

    /// The configuration of a client that trusts these roots. ALPN is `h2`, `http/1.1`; the client
    /// has no certificate of its own.
    ///
    /// # Panics
    ///
    /// Never, unless rustls' *ring* provider has no cipher suite for TLS 1.2 and 1.3.
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
                return Err(pem.unusable(format_args!("certificate {} can be no root: {error}", index + 1)));
            }
        }
        Ok(count)
    }
}

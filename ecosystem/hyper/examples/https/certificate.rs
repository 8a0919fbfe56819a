//! The certificate, which the program reads from files that may change, or makes at its start.

use std::fs;
#[cfg(unix)]
use std::io;
use std::sync::Arc;

use oneloop_hyper::tls::{server_config, server_config_from_files};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;

use crate::options::Certificate;

impl Certificate {
    /// Makes the first configuration. It reads and writes files on this thread, because the loop serves
    /// nothing yet.
    pub fn first(&self) -> Result<Arc<ServerConfig>, String> {
        match self {
            Certificate::Files { certificates, key } => {
                server_config_from_files(certificates, key).map_err(|error| error.to_string())
            }
            Certificate::SelfSigned { names, write_to } => {
                let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names.clone())
                    .map_err(|error| format!("no certificate can be made for {names:?}: {error}"))?;
                if let Some(path) = write_to {
                    fs::write(path, cert.pem()).map_err(|error| format!("{}: {error}", path.display()))?;
                }
                server_config(cert.pem().as_bytes(), signing_key.serialize_pem().as_bytes())
                    .map_err(|error| error.to_string())
            }
        }
    }

    /// Reads the files again, on a thread of the pool.
    #[cfg(unix)]
    pub async fn again(&self) -> io::Result<Arc<ServerConfig>> {
        match self {
            Certificate::Files { certificates, key } => {
                let (certificates, key) = (certificates.clone(), key.clone());
                oneloop::unblock(move || server_config_from_files(certificates, key)).await
            }
            Certificate::SelfSigned { .. } => {
                let text = "the certificate was made at the start, and there is no file to read";
                Err(io::Error::new(io::ErrorKind::Unsupported, text))
            }
        }
    }

    /// Returns the option with which curl accepts the server's certificate.
    pub fn hint(&self) -> String {
        match self {
            Certificate::Files { certificates, .. } => format!("--cacert {}", certificates.display()),
            Certificate::SelfSigned { write_to: Some(path), .. } => format!("--cacert {}", path.display()),
            Certificate::SelfSigned { write_to: None, .. } => "--insecure".to_owned(),
        }
    }
}

//! This file reads PEM certificates and private keys from files or from memory.

use std::fmt::Display;
use std::fs;
use std::io;
use std::path::Path;

use rustls::pki_types::pem::{Error, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// PEM text, and the name that errors give it.
pub(super) struct Pem {
    name: String,
    text: Vec<u8>,
}

impl Pem {
    /// Copies PEM text from memory. Errors call it `name`.
    pub(super) fn new(name: &str, text: &[u8]) -> Pem {
        Pem { name: name.to_owned(), text: text.to_owned() }
    }

    /// Reads a file. The error names it.
    pub(super) fn read(path: &Path) -> io::Result<Pem> {
        let name = path.display().to_string();
        match fs::read(path) {
            Ok(text) => Ok(Pem { name, text }),
            Err(error) => Err(io::Error::new(error.kind(), format!("{name}: {error}"))),
        }
    }

    /// Returns all certificates, at least one. Other items of the text are ignored.
    pub(super) fn certificates(&self) -> io::Result<Vec<CertificateDer<'static>>> {
        let all: Result<Vec<_>, Error> = CertificateDer::pem_slice_iter(&self.text).collect();
        match all {
            Ok(certificates) if certificates.is_empty() => Err(self.unusable("it contains no certificate")),
            Ok(certificates) => Ok(certificates),
            Err(error) => Err(self.unusable(format_args!("it is not valid PEM: {error}"))),
        }
    }

    /// Returns the first private key.
    pub(super) fn key(&self) -> io::Result<PrivateKeyDer<'static>> {
        PrivateKeyDer::from_pem_slice(&self.text).map_err(|error| match error {
            Error::NoItemsFound => {
                self.unusable("it contains no private key without a passphrase (PKCS #8, PKCS #1 or SEC 1)")
            }
            error => self.unusable(format_args!("it is not valid PEM: {error}")),
        })
    }

    /// Makes an error that names the text and the reason.
    pub(super) fn unusable(&self, reason: impl Display) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, format!("{}: {reason}", self.name))
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

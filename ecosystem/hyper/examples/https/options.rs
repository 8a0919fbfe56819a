//! The command line.

use std::path::PathBuf;

use lexopt::prelude::*;

pub const HELP: &str = "\
A small HTTPS server: HTTP/2 and HTTP/1.1 on one port, as the client chooses by
ALPN.

usage: https [ADDRESS] [--cert FILE --key FILE] [--verbose]
       https [ADDRESS] [--name NAME]... [--write-cert FILE] [--verbose]

  ADDRESS            HOST:PORT to listen on; port 0 lets the system choose one
                     (default: 127.0.0.1:8443)
  --cert FILE        the certificate chain in PEM, the server's own certificate
                     first
  --key FILE         its private key in PEM; both may be one file
  --name NAME        a name or address for the certificate that is made at the
                     start if none is given; may be repeated (default:
                     localhost, 127.0.0.1 and ::1)
  --write-cert FILE  write that certificate to FILE, for `curl --cacert FILE`;
                     an existing file is replaced
  --verbose          print each connection that fails
  --help             print this

SIGHUP (on Unix) reads the two files again. New connections get the new
certificate. If a file is bad, the server prints its name and keeps the old
certificate.

It serves until Ctrl+C or SIGTERM. Then it accepts no new connections, gives the
requests that have begun 5 seconds, and prints a summary. A second Ctrl+C or
SIGTERM ends the wait at once.

exit codes: 0 stopped when asked to
            2 could not start: bad arguments, an unusable certificate, or an
              address that can't be listened on
            130 (Ctrl+C) or 143 (SIGTERM) when asked a second time";

pub enum Request {
    Help,
    Serve(Options),
}

pub struct Options {
    pub address: String,
    pub certificate: Certificate,
    pub verbose: bool,
}

/// The source of the certificate.
pub enum Certificate {
    Files { certificates: PathBuf, key: PathBuf },
    SelfSigned { names: Vec<String>, write_to: Option<PathBuf> },
}

pub fn parse() -> Result<Request, lexopt::Error> {
    let (mut address, mut verbose, mut names) = (None, false, Vec::new());
    let (mut certificates, mut key, mut write_to) = (None, None, None);
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("help") | Short('h') => return Ok(Request::Help),
            Long("cert") => certificates = Some(PathBuf::from(arguments.value()?)),
            Long("key") => key = Some(PathBuf::from(arguments.value()?)),
            Long("name") => names.push(arguments.value()?.string()?),
            Long("write-cert") => write_to = Some(PathBuf::from(arguments.value()?)),
            Long("verbose") => verbose = true,
            Value(value) if address.is_none() => address = Some(value.string()?),
            other => return Err(other.unexpected()),
        }
    }
    let certificate = match (certificates, key) {
        (Some(_), Some(_)) if !names.is_empty() || write_to.is_some() => {
            return Err("--name and --write-cert are for a certificate that is made at the start".into());
        }
        (Some(certificates), Some(key)) => Certificate::Files { certificates, key },
        (None, None) => {
            if names.is_empty() {
                names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
            }
            Certificate::SelfSigned { names, write_to }
        }
        _ => return Err("--cert and --key go together".into()),
    };
    let address = address.unwrap_or_else(|| "127.0.0.1:8443".to_owned());
    Ok(Request::Serve(Options { address, certificate, verbose }))
}

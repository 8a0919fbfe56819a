//! The address of a broker from its URL. Only the connection uses the password.

use std::cell::RefCell;
use std::fmt;

use redis::{ConnectionAddr, IntoConnectionInfo, ProtocolVersion, RedisConnectionInfo};

use crate::Error;

pub(crate) struct Address {
    /// The target of the URL. If the broker is a node of a cluster, it may redirect to the node that has
    /// the queue, and this field then has that node.
    target: RefCell<Target>,
    pub login: RedisConnectionInfo,
}

#[derive(Clone)]
pub(crate) enum Target {
    Tcp(String, u16),
    #[cfg(unix)]
    Unix(std::path::PathBuf),
}

impl Address {
    pub fn parse(url: &str) -> Result<Address, Error> {
        const FORMS: &str =
            "it must be redis://[USER[:PASSWORD]@]HOST[:PORT][/DATABASE] or redis+unix:///PATH";
        let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme);
        if matches!(scheme, "rediss" | "valkeys") {
            return Err(Error::Url(format!(
                "a broker's URL with {scheme}:// is not supported: TLS needs a proxy; {FORMS}"
            )));
        }
        // The error does not have the library's text, because that text may have parts of the URL.
        let info = url
            .into_connection_info()
            .map_err(|_| Error::Url(format!("the broker's URL is invalid: {FORMS}")))?;
        let target = match info.addr() {
            ConnectionAddr::Tcp(host, port) => Target::Tcp(host.clone(), *port),
            #[cfg(unix)]
            ConnectionAddr::Unix(path) => Target::Unix(path.clone()),
            _ => return Err(Error::Url(format!("the broker's URL is invalid: {FORMS}"))),
        };
        // The crate needs no feature of a later protocol, and older servers have only RESP2.
        let login = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP2);
        Ok(Address { target: RefCell::new(target), login })
    }

    pub fn target(&self) -> Target {
        self.target.borrow().clone()
    }

    /// Changes the target to the node of a cluster that the broker has named as `HOST:PORT`.
    pub fn redirect(&self, node: &str) {
        if let Some((host, port)) = node.rsplit_once(':')
            && let Ok(port) = port.parse()
        {
            let old = self.target();
            let host = match old {
                Target::Tcp(old, _) if host.is_empty() => old, // The node does not know its own address.
                _ => host.trim_matches(['[', ']']).to_owned(),
            };
            *self.target.borrow_mut() = Target::Tcp(host, port);
        }
    }
}

/// The output has neither user nor password.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.target.borrow() {
            Target::Tcp(host, port) if host.contains(':') => write!(f, "[{host}]:{port}"),
            Target::Tcp(host, port) => write!(f, "{host}:{port}"),
            #[cfg(unix)]
            Target::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Address;

    #[test]
    fn an_address_and_its_errors_show_no_password() {
        let address = Address::parse("redis://user:secret@[::1]:7000/3").unwrap();
        assert_eq!((address.to_string().as_str(), address.login.db()), ("[::1]:7000", 3));
        assert!(!format!("{:?}", address.login).contains("secret"));
        for url in [
            "rediss://u:secret@host",
            "http://u:secret@host",
            "redis://u:secret@host:port",
            "u:secret@host",
            "",
        ] {
            let error = Address::parse(url).map(|_| ()).unwrap_err();
            for text in [error.to_string(), format!("{error:?}")] {
                assert!(!text.contains("secret") && text.contains("URL"), "{url}: {text}");
            }
        }
    }

    #[test]
    fn a_cluster_redirects_to_a_node() {
        let address = Address::parse("redis://localhost:7000").unwrap();
        for (node, to) in
            [("10.0.0.1:7001", "10.0.0.1:7001"), (":7002", "10.0.0.1:7002"), ("no node", "10.0.0.1:7002")]
        {
            address.redirect(node);
            assert_eq!(address.to_string(), to);
        }
    }
}

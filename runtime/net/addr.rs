//! The addresses that `bind` and `connect` take, and the resolution of host names outside of the
//! loop.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr, SocketAddrV4, SocketAddrV6};

/// A value that converts to addresses. Such a value is a socket address, an `(ip, port)` or
/// `(host, port)` pair, a string like `"127.0.0.1:80"`, `"[::1]:80"` or `"localhost:80"`, or a list
/// of socket addresses.
///
/// The resolution of host names runs on the blocking pool (feature `unblock`), and not on the loop.
/// Numeric addresses need no resolution. Results are not cached: each look-up calls the system
/// again, and occupies one of the pool's threads until its end.
///
/// # Errors
///
/// `InvalidInput` is the error for a string that is not an address. A host name that can't be
/// resolved returns the error of the system's resolver. A host name without the feature `unblock`
/// returns `Unsupported`.
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use oneloop::net::ToSocketAddrs;
///
/// oneloop::block_on(async {
///     let mut addrs = "127.0.0.1:80".to_socket_addrs().await?;
///     assert_eq!(addrs.next(), Some("127.0.0.1:80".parse().unwrap()));
/// #   Ok(())
/// })
/// # }
/// ```
pub trait ToSocketAddrs {
    /// Returns the addresses, at least one, in the order of the attempts.
    ///
    /// The future needs no runtime, so any executor may await it. The future of a numeric address
    /// completes in the first poll.
    ///
    /// # Errors
    ///
    /// `InvalidInput` is the error for a string that is not an address, and for an empty list. A
    /// host name that can't be resolved returns the error of the system's resolver. A host name
    /// without the feature `unblock` returns `Unsupported`.
    ///
    /// # Cancel safety
    ///
    /// The future is cancel safe. A look-up that has begun runs to its end on its thread.
    fn to_socket_addrs(&self) -> impl Future<Output = io::Result<SocketAddrs>>;
}

/// The addresses of a [`ToSocketAddrs`], in the order of the attempts. A single address takes no
/// allocation.
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use std::net::SocketAddr;
/// use oneloop::net::ToSocketAddrs;
///
/// oneloop::block_on(async {
///     let two = [SocketAddr::from(([127, 0, 0, 1], 80)), SocketAddr::from(([127, 0, 0, 1], 8080))];
///     let ports: Vec<u16> = two.to_socket_addrs().await?.map(|addr| addr.port()).collect();
///     assert_eq!(ports, [80, 8080]);
/// #   Ok(())
/// })
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct SocketAddrs {
    first: Option<SocketAddr>,
    others: std::vec::IntoIter<SocketAddr>,
}

impl SocketAddrs {
    fn one(addr: SocketAddr) -> SocketAddrs {
        SocketAddrs { first: Some(addr), others: Vec::new().into_iter() }
    }

    fn several(addrs: Vec<SocketAddr>) -> SocketAddrs {
        SocketAddrs { first: None, others: addrs.into_iter() }
    }
}

impl Iterator for SocketAddrs {
    type Item = SocketAddr;

    fn next(&mut self) -> Option<SocketAddr> {
        self.first.take().or_else(|| self.others.next())
    }
}

impl<T: ToSocketAddrs + ?Sized> ToSocketAddrs for &T {
    fn to_socket_addrs(&self) -> impl Future<Output = io::Result<SocketAddrs>> {
        (**self).to_socket_addrs()
    }
}

/// Implements the trait for types that convert to a `SocketAddr` without a look-up.
macro_rules! known {
    ($($type:ty),*) => {$(
        impl ToSocketAddrs for $type {
            async fn to_socket_addrs(&self) -> io::Result<SocketAddrs> {
                Ok(SocketAddrs::one(SocketAddr::from(*self)))
            }
        }
    )*};
}

known!(
    SocketAddr,
    SocketAddrV4,
    SocketAddrV6,
    (IpAddr, u16),
    (std::net::Ipv4Addr, u16),
    (std::net::Ipv6Addr, u16)
);

impl ToSocketAddrs for [SocketAddr] {
    async fn to_socket_addrs(&self) -> io::Result<SocketAddrs> {
        if self.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "an empty list of addresses"));
        }
        Ok(SocketAddrs::several(self.to_vec()))
    }
}

impl<const N: usize> ToSocketAddrs for [SocketAddr; N] {
    fn to_socket_addrs(&self) -> impl Future<Output = io::Result<SocketAddrs>> {
        self[..].to_socket_addrs()
    }
}

impl ToSocketAddrs for Vec<SocketAddr> {
    fn to_socket_addrs(&self) -> impl Future<Output = io::Result<SocketAddrs>> {
        self[..].to_socket_addrs()
    }
}

impl ToSocketAddrs for (&str, u16) {
    async fn to_socket_addrs(&self) -> io::Result<SocketAddrs> {
        let (host, port) = *self;
        match host.parse::<IpAddr>() {
            Ok(ip) => Ok(SocketAddrs::one(SocketAddr::new(ip, port))),
            Err(_) => resolve(host, port).await,
        }
    }
}

impl ToSocketAddrs for (String, u16) {
    async fn to_socket_addrs(&self) -> io::Result<SocketAddrs> {
        (self.0.as_str(), self.1).to_socket_addrs().await
    }
}

impl ToSocketAddrs for str {
    async fn to_socket_addrs(&self) -> io::Result<SocketAddrs> {
        if let Ok(addr) = self.parse::<SocketAddr>() {
            return Ok(SocketAddrs::one(addr));
        }
        let parts = self.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)));
        match parts {
            Some((host, port)) if !host.is_empty() && !host.contains(':') => resolve(host, port).await,
            _ => Err(io::Error::new(io::ErrorKind::InvalidInput, fault(self))),
        }
    }
}

/// What is wrong with a text that is no address: its port, if that is a number.
fn fault(text: &str) -> String {
    let digits = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    // Without brackets, the colons of an IPv6 address hide where the port begins.
    let bracketed = |host: &str| host.starts_with('[') && host.ends_with(']');
    let has_an_end = |host: &str| !host.is_empty() && (!host.contains(':') || bracketed(host));
    match text.rsplit_once(':') {
        Some((host, port)) if digits(port) && port.parse::<u16>().is_err() && has_an_end(host) => {
            format!("`{text}`: the port {port} is out of range: the last one is {}", u16::MAX)
        }
        _ => format!(
            "`{text}` is no address of the form HOST:PORT (an IPv6 address stands in brackets: [::1]:80)"
        ),
    }
}

impl ToSocketAddrs for String {
    fn to_socket_addrs(&self) -> impl Future<Output = io::Result<SocketAddrs>> {
        self.as_str().to_socket_addrs()
    }
}

#[cfg(feature = "unblock")]
async fn resolve(host: &str, port: u16) -> io::Result<SocketAddrs> {
    let name = host.to_owned();
    let looked_up = crate::unblock::start(move || {
        std::net::ToSocketAddrs::to_socket_addrs(&(name.as_str(), port)).map(Iterator::collect::<Vec<_>>)
    });
    match looked_up?.await {
        Ok(addrs) if addrs.is_empty() => {
            Err(io::Error::new(io::ErrorKind::NotFound, format!("`{host}` has no address")))
        }
        Ok(addrs) => Ok(SocketAddrs::several(addrs)),
        Err(error) => Err(io::Error::new(error.kind(), format!("`{host}` can't be resolved: {error}"))),
    }
}

#[cfg(not(feature = "unblock"))]
async fn resolve(host: &str, _port: u16) -> io::Result<SocketAddrs> {
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        format!("`{host}` is a name, and resolving names needs oneloop's feature `unblock`"),
    ))
}

/// Tries the addresses one after the other. Returns the first success, or the last error.
pub(crate) async fn first_that_works<T, F: Future<Output = io::Result<T>>>(
    addrs: impl ToSocketAddrs,
    mut attempt: impl FnMut(SocketAddr) -> F,
) -> io::Result<T> {
    let mut last = None;
    for addr in addrs.to_socket_addrs().await? {
        match attempt(addr).await {
            Err(error) => last = Some(error),
            success => return success,
        }
    }
    Err(last.unwrap_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "no address to try")))
}

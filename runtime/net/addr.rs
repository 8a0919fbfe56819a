//! Addresses: what `bind` and `connect` take, and the resolution of names off the loop.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr, SocketAddrV4, SocketAddrV6};

/// What can stand where an address is asked for: a socket address, an `(ip, port)` or
/// `(host, port)` pair, a string like `"127.0.0.1:80"`, `"[::1]:80"` or `"localhost:80"`, or
/// several addresses.
///
/// Names are resolved on the blocking pool (feature `unblock`), never on the loop; numeric
/// addresses need neither. Nothing is cached: each look-up asks the system again, and takes one of
/// the pool's threads while it lasts.
///
/// # Errors
///
/// Resolving gives `InvalidInput` for a string that is no address, what the system's resolver says
/// of a name that it can't resolve, and `Unsupported` for a name without the feature `unblock`.
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
    /// The addresses, at least one, in the order in which to try them.
    ///
    /// It needs no runtime: any executor can await it. A numeric address is ready at the first
    /// poll.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a string that is no address, and for an empty list; what the system's
    /// resolver says of a name that it can't resolve; `Unsupported` for a name without the feature
    /// `unblock`.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost if it is dropped. A look-up that has begun runs to its end on its thread.
    ///
    /// # Examples
    ///
    /// See [`ToSocketAddrs`] and [`SocketAddrs`].
    fn to_socket_addrs(&self) -> impl Future<Output = io::Result<SocketAddrs>>;
}

/// The addresses that a [`ToSocketAddrs`] stands for, in the order in which to try them. A single
/// one takes no allocation.
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

/// Implements the trait for types that convert to a `SocketAddr` by themselves.
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
            _ => Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!(
                    "`{self}` is no address of the form HOST:PORT (an IPv6 address stands in brackets: [::1]:80)"
                ),
            )),
        }
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

/// Tries each address in turn; the first success, or the last error.
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

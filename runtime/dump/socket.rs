//! An I/O object in a dump, with its number and the addresses that the operating system reports.

#[cfg(feature = "net")]
use crate::engine::driver;
use crate::engine::driver::Raw;

/// An I/O object that a task waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SocketDump {
    /// The number of the descriptor, or on Windows of the socket. `None` if the loop does not know
    /// the number.
    pub number: Option<u64>,
    /// The kind of the object.
    pub kind: SocketKind,
    /// The local address as text: `127.0.0.1:8080`, a path, or `@` and an abstract name. `None` if
    /// the object has no address, if other code closed the descriptor without the loop, or without
    /// the feature `net`. A path may contain any characters, so escape it before printing, as
    /// `Display` does.
    pub local: Option<String>,
    /// The address of the peer, in the same form.
    pub peer: Option<String>,
}

/// The kind of an I/O object, as the operating system reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SocketKind {
    /// A TCP listener or stream.
    Tcp,
    /// A UDP socket.
    Udp,
    /// A Unix listener or stream.
    Unix,
    /// A Unix socket for datagrams.
    UnixDatagram,
    /// A pipe, another descriptor, or a socket of another kind.
    Other,
}

impl SocketDump {
    pub(crate) fn of(raw: Option<Raw>) -> SocketDump {
        #[cfg_attr(windows, allow(clippy::useless_conversion))]
        let number = raw.and_then(|raw| u64::try_from(raw).ok());
        let socket = SocketDump { number, kind: SocketKind::Other, local: None, peer: None };
        #[cfg(feature = "net")]
        let socket = raw.as_ref().and_then(|raw| socket.clone().asked(raw)).unwrap_or(socket);
        socket
    }
}

#[cfg(feature = "net")]
impl SocketDump {
    /// Reads the kind and the addresses with three system calls. Returns `None` if the object is
    /// not a socket.
    fn asked(mut self, raw: &Raw) -> Option<SocketDump> {
        let object = driver::borrow(raw);
        let socket = socket2::SockRef::from(&object);
        let local = socket.local_addr().ok()?;
        let is_stream = match socket.r#type().ok()? {
            socket2::Type::STREAM => true,
            socket2::Type::DGRAM => false,
            _ => return None,
        };
        let is_ip = local.as_socket().is_some();
        self.kind = match (is_ip, local.is_unix(), is_stream) {
            (true, _, true) => SocketKind::Tcp,
            (true, _, false) => SocketKind::Udp,
            (_, true, true) => SocketKind::Unix,
            (_, true, false) => SocketKind::UnixDatagram,
            _ => return None,
        };
        self.local = text(&local);
        self.peer = socket.peer_addr().ok().and_then(|peer| text(&peer));
        Some(self)
    }
}

#[cfg(feature = "net")]
fn text(address: &socket2::SockAddr) -> Option<String> {
    if let Some(address) = address.as_socket() {
        return Some(address.to_string());
    }
    #[cfg(unix)]
    {
        if let Some(path) = address.as_pathname() {
            return Some(path.display().to_string());
        }
        if let Some(name) = address.as_abstract_namespace() {
            return Some(format!("@{}", String::from_utf8_lossy(name)));
        }
    }
    None
}

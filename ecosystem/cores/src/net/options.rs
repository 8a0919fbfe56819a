//! The options of a port.

/// The way in which the cores receive the connections of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Spread {
    /// Each core has its own socket at the port, and the kernel chooses one for each connection by a
    /// hash of its addresses. The socket option is `SO_REUSEPORT` on Linux and `SO_REUSEPORT_LB` on
    /// FreeBSD. No other thread takes part. The hash spreads a small number of connections unevenly.
    ///
    /// A connection waits for the core that the kernel has chosen, even if that core is busy.
    Kernel,
    /// One acceptor, on the thread that called [`run`](crate::Cores::run), accepts each connection and
    /// hands it to the core with the fewest open connections. The cost is one wake from thread to thread
    /// for each connection, and there is no later cost.
    ///
    /// Up to 128 connections wait for a core to take them. When each core has 128, further connections
    /// wait in the kernel's queue.
    ///
    /// A core in the pause before a restart gets a connection only if no other core has room for it.
    LeastLoaded,
}

impl Default for Spread {
    /// Returns `Kernel` on Linux, Android and FreeBSD, and `LeastLoaded` on other systems.
    fn default() -> Spread {
        if Spread::KERNEL { Spread::Kernel } else { Spread::LeastLoaded }
    }
}

impl Spread {
    pub(crate) const KERNEL: bool =
        cfg!(any(target_os = "linux", target_os = "android", target_os = "freebsd"));
}

/// Options of [`Cores::listen_with`](crate::Cores::listen_with).
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use oneloop_cores::{Cores, ListenOptions, Spread};
///
/// let mut cores = Cores::new();
/// let options = ListenOptions::new().spread(Spread::LeastLoaded);
/// let port = cores.listen_with("127.0.0.1:0", options)?;
/// assert_ne!(port.local_addr().port(), 0);
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ListenOptions {
    pub(crate) spread: Spread,
    pub(crate) shared: bool,
    pub(crate) backlog: u32,
}

impl Default for ListenOptions {
    fn default() -> ListenOptions {
        ListenOptions { spread: Spread::default(), shared: false, backlog: 4096 }
    }
}

impl ListenOptions {
    /// Returns the defaults: [`Spread::default`], no other instance, 4,096 connections in a queue.
    pub fn new() -> ListenOptions {
        ListenOptions::default()
    }

    /// Sets the way in which the cores receive the connections.
    pub fn spread(mut self, spread: Spread) -> ListenOptions {
        self.spread = spread;
        self
    }

    /// Sets whether this instance may join a port at which another process of the same user listens, for
    /// instance during a change of versions. The default is `false`. Without the option, the instance
    /// gets the error `AddrInUse`. Only the later instance needs the option. The option needs
    /// [`Spread::Kernel`], with which the kernel spreads the connections over the sockets of both
    /// instances. When one instance closes its sockets, the kernel resets a connection that arrives at
    /// that moment, unless `net.ipv4.tcp_migrate_req` is 1 (Linux).
    pub fn shared(mut self, shared: bool) -> ListenOptions {
        self.shared = shared;
        self
    }

    /// Sets the number of connections that wait in the kernel's queue. The default is 4,096. With
    /// [`Spread::Kernel`], each core has such a queue. The system limits the number (on Linux by
    /// `net.core.somaxconn`).
    pub fn backlog(mut self, connections: u32) -> ListenOptions {
        self.backlog = connections;
        self
    }
}

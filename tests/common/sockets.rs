//! What the tests of the reactor, the drivers and the sockets share.

use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Wake;
use std::time::{Duration, Instant};

use oneloop::net::{TcpListener, TcpStream};
use oneloop::time::timeout;
use socket2::{Domain, Socket, Type};

pub use crate::interrupted::uninterrupted;
pub use crate::runner::{self, in_child, in_child_with, need_descriptors, skip};

/// What a test returns: any error fails it.
pub type Outcome = io::Result<()>;

/// Far more than any test needs, also on a machine that is busy with something else: what takes longer hangs.
pub const LIMIT: Duration = Duration::from_secs(90);

/// Runs a test on a loop of its own.
#[track_caller]
pub fn run<F: Future>(test: F) -> F::Output {
    match oneloop::block_on(timeout(LIMIT, test)) {
        Ok(output) => output,
        Err(_) => panic!("nothing happens any more: the test has waited for {LIMIT:?}"),
    }
}

/// Waits for something that must happen.
pub async fn within<F: Future>(future: F) -> F::Output {
    timeout(LIMIT, future).await.unwrap_or_else(|_| panic!("nothing happened for {LIMIT:?}"))
}

/// The same for a thread without a loop.
#[track_caller]
pub fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < LIMIT, "not in {LIMIT:?}: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Gives the loop time to take events in, and every task its turn: each sleep goes through the driver.
pub async fn settle() {
    for _ in 0..3 {
        oneloop::time::sleep(Duration::from_millis(1)).await;
    }
}

/// A connection whose two ends are both on this loop.
pub async fn tcp_pair() -> io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let ours = TcpStream::connect(listener.local_addr()?).await?;
    let (theirs, _) = listener.accept().await?;
    Ok((ours, theirs))
}

/// A connection from a blocking socket of std's (the client) to one of ours. It needs no thread: the
/// system completes it before any accept.
pub async fn tcp_from_std() -> io::Result<(std::net::TcpStream, TcpStream)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let client = std::net::TcpStream::connect(listener.local_addr()?)?;
    client.set_read_timeout(Some(LIMIT))?;
    client.set_write_timeout(Some(LIMIT))?;
    let (server, _) = listener.accept().await?;
    Ok((client, server))
}

/// An address that refuses: its port is taken, by a socket that doesn't listen.
pub fn refusing() -> io::Result<(Socket, SocketAddr)> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
    let addr = socket.local_addr()?.as_socket().expect("an IPv4 address");
    Ok((socket, addr))
}

/// Fills the queue of a receiver of datagrams. `send` sends one byte to the receiver. Returns how many datagrams the queue
/// has taken, whose bytes are 0, 1, 2 and so on. Linux has 10 places by default, and systemd sets 512. One sender can't fill
/// 512, because its own buffer is full before, so a sender that is refused is followed by a new one.
#[cfg(unix)]
pub fn fill_unix_queue(
    mut send: impl FnMut(&std::os::unix::net::UnixDatagram, u8) -> io::Result<usize>,
) -> usize {
    let mut taken = 0;
    loop {
        let sender = std::os::unix::net::UnixDatagram::unbound().expect("a socket");
        sender.set_nonblocking(true).expect("the mode can be set");
        let before = taken;
        while send(&sender, taken as u8).is_ok() {
            taken += 1;
        }
        if taken == before {
            return taken;
        }
    }
}

/// A listener that answers no more clients, because its backlog is full.
#[cfg(target_os = "linux")]
pub async fn full() -> io::Result<(Socket, SocketAddr, Vec<TcpStream>)> {
    let (socket, addr) = refusing()?;
    socket.listen(0)?;
    let mut connected = Vec::new();
    loop {
        match TcpStream::connect_timeout(addr, Duration::from_millis(50)).await {
            Ok(stream) => connected.push(stream),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => return Ok((socket, addr, connected)),
            Err(error) => return Err(error),
        }
    }
}

/// Bytes that differ at every place and for every seed, so that a lost, doubled or swapped piece shows.
pub fn pattern(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_ne_bytes());
    }
    bytes.truncate(len);
    bytes
}

/// A waker that isn't the loop's: it counts how often it was woken.
#[derive(Default)]
pub struct CountingWaker(AtomicUsize);

impl CountingWaker {
    pub fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Wake for CountingWaker {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// How many descriptors this process has open; for tests in a process of their own.
#[cfg(target_os = "linux")]
pub fn open_descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").expect("/proc is there").count()
}

/// The number of times that this thread has slept in the system.
#[cfg(target_os = "linux")]
pub fn thread_sleeps() -> i64 {
    // SAFETY: all-zero bytes are a valid `rusage`.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is to a `rusage` that lives during the call.
    let result = unsafe { libc::getrusage(libc::RUSAGE_THREAD, &mut usage) };
    assert_eq!(result, 0, "the system counts a thread's sleeps");
    usage.ru_nvcsw
}

/// Whether the loopback interface has IPv6; without it, `test` says that it is skipped.
pub fn has_ipv6(test: &str) -> bool {
    let has = std::net::UdpSocket::bind("[::1]:0").is_ok();
    if !has {
        skip(
            test,
            "there is no IPv6 on the loopback interface",
            "`sysctl net.ipv6.conf.lo.disable_ipv6=0` turns it on on Linux",
        );
    }
    has
}

/// Whether this is not Windows itself but wine, which has defects of its own.
pub fn on_wine() -> bool {
    cfg!(windows) && std::path::Path::new(r"C:\windows\system32\winecfg.exe").exists()
}

/// As many connections as a test asks for; under wine a tenth, because there each event of one looks through all that are
/// watched: 100 clients that send three messages take 0.3 s, 200 take 5 s and 400 a minute.
pub fn many(connections: usize) -> usize {
    if on_wine() { connections / 10 } else { connections }
}

/// What a read must say of a connection that was reset. Under wine it may say "the end" instead: there a look at the
/// socket that wine takes for itself uses the error up.
#[track_caller]
pub fn assert_reset(read: io::Result<usize>) {
    match read {
        Ok(0) if on_wine() => {}
        read => assert_eq!(read.expect_err("it was reset").kind(), io::ErrorKind::ConnectionReset),
    }
}

/// Whether an operation failed because this side had shut that direction down itself.
pub fn is_shut_down(error: &io::Error) -> bool {
    const WSAESHUTDOWN: i32 = 10058; // std has no name for it
    if cfg!(windows) {
        error.raw_os_error() == Some(WSAESHUTDOWN)
    } else {
        error.kind() == io::ErrorKind::BrokenPipe
    }
}

/// A path for a socket that nothing else uses, removed when this is dropped.
#[cfg(unix)]
pub struct SocketPath(std::path::PathBuf);

#[cfg(unix)]
impl Default for SocketPath {
    fn default() -> SocketPath {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("oneloop-test-{}-{number}", std::process::id()));
        let _ = std::fs::remove_file(&path); // of a process that had our number and was killed
        SocketPath(path)
    }
}

#[cfg(unix)]
impl SocketPath {
    /// One of so many bytes.
    pub fn of_length(bytes: usize) -> SocketPath {
        let mut path = SocketPath::default();
        let missing =
            bytes.checked_sub(path.0.as_os_str().len() + 1).expect("the folder's own path is too long");
        path.0.as_mut_os_string().push(format!("-{}", "x".repeat(missing)));
        path
    }

    /// The path as an argument of a program.
    pub fn text(&self) -> &str {
        self.0.to_str().expect("the folder's path is UTF-8")
    }
}

#[cfg(unix)]
impl AsRef<std::path::Path> for SocketPath {
    fn as_ref(&self) -> &std::path::Path {
        &self.0
    }
}

#[cfg(unix)]
impl Drop for SocketPath {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

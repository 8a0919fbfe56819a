//! TCP and UDP sockets, and on Unix also Unix sockets.
//!
//! | file | holds |
//! |---|---|
//! | `tcp_listener`, `tcp_stream`, `udp_socket`, `unix_listener`, `unix_stream`, `unix_datagram` | the methods of each type, on a `Socket` of `io/` |
//! | `accept`, `connect`, `send`, `traits` | accepting; the result of a connect; writing without `SIGPIPE`; the traits that all types have |
//! | `tcp_socket`, `tcp_options`, `udp_options` | TCP sockets before they connect or listen; options |
//! | `addr`, `unix_addr` | internet addresses and names; Unix addresses that are not paths |
//!
//! All operations follow the same steps. An operation makes the system call while the socket counts
//! as ready, and waits for an event when the call returns `WouldBlock` (`engine/reactor.rs`).
//!
//! **A socket belongs to the runtime in which it was created**, and only the loop of this runtime
//! receives its events. An operation that is awaited inside another runtime completes while the
//! socket is ready. Otherwise it waits until its own runtime runs again, possibly for ever. After
//! the drop of its runtime, operations that would have to wait return an error.
//!
//! # Options
//!
//! TCP and UDP sockets have methods for the usual options, with tokio's names. A [`TcpSocket`] has
//! the options that must be set before a TCP socket connects or listens. The crate socket2 has all
//! other options, and takes each socket of this module by reference:
//!
//! ```
//! # fn main() -> std::io::Result<()> {
//! use oneloop::net::TcpListener;
//! use socket2::SockRef;
//!
//! oneloop::block_on(async {
//!     let listener = TcpListener::bind("127.0.0.1:0").await?;
//!     SockRef::from(&listener).set_out_of_band_inline(true)?;
//! #   assert!(SockRef::from(&listener).out_of_band_inline()?);
//! #   Ok(())
//! })
//! # }
//! ```
//!
//! # Another loop, or none
//!
//! The method `into_std` of a socket unregisters the socket and returns it as std's type. The
//! method of a pipe is `into_owned_fd`. The loop has no further cost for the socket. A listener
//! accepts for other loops with [`accept_std`](TcpListener::accept_std), which never registers the
//! connection. A connection moves to the loop of another thread in this way:
//!
//! ```
//! # fn main() -> std::io::Result<()> {
//! use oneloop::io::{AsyncReadExt, AsyncWriteExt};
//! use oneloop::net::{TcpListener, TcpStream};
//! use oneloop::{Handle, Runtime};
//!
//! // The loop of the other thread runs until it is stopped.
//! let (sender, receiver) = std::sync::mpsc::channel::<Handle>();
//! let thread = std::thread::spawn(move || {
//!     let runtime = Runtime::new()?;
//!     sender.send(runtime.handle()).expect("the other thread waits for it");
//!     runtime.run();
//!     std::io::Result::Ok(())
//! });
//! let other = receiver.recv().expect("a loop");
//!
//! oneloop::block_on(async {
//!     let listener = TcpListener::bind("127.0.0.1:0").await?;
//!     let mut client = TcpStream::connect(listener.local_addr()?).await?;
//!     let (stream, _peer) = listener.accept_std().await?; // it may move to another thread
//!
//!     let serving = other.spawn_with(|| async {
//!         let mut stream = TcpStream::try_from(stream)?;
//!         stream.write_all(b"hello").await
//!     });
//!     client.read_exact(&mut [0; 5]).await?;
//!     serving.await.expect("it does not panic")?;
//!     other.stop();
//! #   thread.join().expect("it does not panic")
//! })
//! # }
//! ```
//!
//! Several loops accept at one address with clones of a listener. [`TcpListener::try_clone`]
//! describes the cost.
//!
//! **A duplicate of a descriptor does not move a socket out of a loop.** Duplicates come from
//! `as_fd().try_clone_to_owned()`, or from std's `try_clone` before the conversion. While a
//! duplicate is open, closing the first descriptor does not end the registration on Linux, so
//! events of the open duplicate still wake the loop. Listeners and datagram sockets, which loops
//! may share, unregister when they are dropped. Streams and pipes only close, because the system
//! call would be a cost for each connection.
//!
//! # What differs on Windows
//!
//! * Unix sockets are not available.
//! * A write after a shutdown of the writing side fails with `WSAESHUTDOWN`, for which `std` has no
//!   kind. Other systems return `BrokenPipe`. Each write to a closed peer returns `ConnectionReset`
//!   or `ConnectionAborted`.
//! * A UDP socket, also without a connected peer, receives `ConnectionReset` after it has sent a
//!   datagram that has no receiver.
//! * After a read that fills only a part of its buffer, a second read returns `WouldBlock` before
//!   the task waits.

mod accept;
mod addr;
mod connect;
pub(crate) mod send;
mod tcp_listener;
mod tcp_options;
mod tcp_socket;
mod tcp_stream;
mod traits;
mod udp_options;
mod udp_socket;
#[cfg(unix)]
mod unix_addr;
#[cfg(unix)]
mod unix_datagram;
#[cfg(unix)]
mod unix_listener;
#[cfg(unix)]
mod unix_stream;

pub use crate::io::split::{ReadHalf, ReuniteError, WriteHalf};
pub use addr::{SocketAddrs, ToSocketAddrs};
pub use tcp_listener::{Incoming, TcpListener};
pub use tcp_socket::TcpSocket;
pub use tcp_stream::TcpStream;
pub use udp_socket::UdpSocket;
#[cfg(unix)]
pub use unix_datagram::UnixDatagram;
#[cfg(unix)]
pub use unix_listener::UnixListener;
#[cfg(unix)]
pub use unix_stream::UnixStream;

//! Sockets: TCP, UDP and, on Unix, Unix sockets.
//!
//! | file | holds |
//! |---|---|
//! | `tcp_listener`, `tcp_stream`, `udp_socket`, `unix_listener`, `unix_stream`, `unix_datagram` | each type's own methods, over a `Socket` of `io/` |
//! | `accept`, `connect`, `send`, `traits` | accepting; how a connect has ended; writing without `SIGPIPE`; the traits that all types have |
//! | `tcp_socket`, `tcp_options`, `udp_options` | TCP sockets before they connect or listen; options |
//! | `addr`, `unix_addr` | internet addresses and names; Unix addresses that are no path |
//!
//! Every operation goes the same way: try the system call while the socket counts as ready, and
//! wait for an event when it says `WouldBlock` (`engine/reactor.rs`).
//!
//! **A socket belongs to the runtime that it was made in**, and only that one's loop receives its
//! events. Awaited inside another runtime it works while it happens to be ready, and otherwise
//! waits until its own runtime runs again: for ever, if that never happens. After its runtime was
//! dropped, operations that would have to wait return an error.
//!
//! # Options
//!
//! TCP and UDP sockets have methods for the usual ones, with tokio's names; what must be set before
//! a TCP socket connects or listens is set on a [`TcpSocket`]. The crate socket2 has all the others,
//! and takes every socket here by reference:
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
//! `into_std`, which every socket has, ends the watch and returns the socket as std's type; for
//! pipes it is `into_owned_fd`. From then on it costs its loop nothing. That is how a connection
//! moves to the loop of another thread:
//!
//! ```
//! # fn main() -> std::io::Result<()> {
//! use oneloop::io::{AsyncReadExt, AsyncWriteExt};
//! use oneloop::net::{TcpListener, TcpStream};
//! use oneloop::{Handle, Runtime};
//!
//! // The other thread: its loop runs until it is stopped.
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
//!     let (stream, _peer) = listener.accept().await?;
//!
//!     let stream = stream.into_std()?; // it may go to another thread
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
//! Several loops accept at one address with clones of a listener: see [`TcpListener::try_clone`],
//! which says what that costs.
//!
//! **A duplicate of a descriptor is no way out of a loop** (`as_fd().try_clone_to_owned()`, or a clone
//! of std's that was made before the loop took the socket over). While it is open, closing the first
//! descriptor does not end the watch on Linux: the loop is woken by events that no socket of it
//! awaits. Listeners and datagram sockets, which loops may share, end their watch when they are
//! dropped. Streams and pipes only close, because each connection would pay a system call for it.
//!
//! # What differs on Windows
//!
//! * There are no Unix sockets.
//! * Writing after this side has shut writing down fails with `WSAESHUTDOWN`, for which `std` has
//!   no kind; elsewhere it is `BrokenPipe`. Writing to a peer that has closed is `ConnectionReset`
//!   or `ConnectionAborted`, again and again.
//! * A UDP socket, also one without a peer, receives `ConnectionReset` for a datagram that it
//!   sent and that found no receiver.
//! * A read that has filled only a part of its buffer is followed by one that says `WouldBlock`,
//!   before the task waits.

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

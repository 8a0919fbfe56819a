//! TCP and Unix sockets: the accept loop, and a task for each connection.
//!
//! A connection that waits holds no buffer. Its task waits until there is something to read; then it borrows the buffer
//! that all tasks share, reads and answers without waiting, and gives it back. So ten thousand idle connections cost
//! ten thousand small futures: a socket, a reference, and where the task stopped.

use std::io::{self, ErrorKind};
use std::rc::Rc;
use std::time::{Duration, Instant};

use futures_lite::{Stream, StreamExt};
use oneloop::Ready;
use oneloop::net::TcpStream;
use oneloop::time::timeout;

use crate::process::complain;
use crate::shared::Shared;

/// How long to leave a listener alone that can't accept, unless a connection ends before.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Failures that are no further apart than this have one cause, which is logged once.
const SAME_CAUSE: Duration = Duration::from_secs(10);

/// Accepts connections and starts a task for each.
///
/// When `accept` fails, the process or the system is short of something, usually of descriptors. Trying again at
/// once would spin: the connection stays in the queue and the failure the same. So this pauses. The clients in the
/// queue are not lost, and those that are connected are served meanwhile.
pub async fn accept<S: ByteStream>(
    mut incoming: impl Stream<Item = io::Result<S>> + Unpin,
    shared: Rc<Shared>,
) {
    let mut last_failure: Option<Instant> = None;
    while let Some(accepted) = incoming.next().await {
        match accepted {
            Ok(stream) => start(stream, shared.clone()),
            Err(error) => {
                let now = Instant::now();
                if last_failure.replace(now).is_none_or(|last| now - last > SAME_CAUSE) {
                    let open = shared.open();
                    complain(&format!("accepting pauses ({error}); the {open} open connections are served"));
                }
                let _ = timeout(ACCEPT_PAUSE, shared.one_ended()).await;
            }
        }
    }
}

/// Starts the task that serves one client until the client has closed its side, or is gone. What the task returns
/// goes to nobody: an error ends this connection, no more.
///
/// The task's body is a block and not an `async fn`, because a function keeps room for its arguments beside the
/// variables that they are moved to, which would make every connection's future half as big again.
fn start<S: ByteStream>(stream: S, shared: Rc<Shared>) {
    let client = Client::new(stream, shared);
    oneloop::spawn(async move {
        loop {
            client.stream.readable().await?;
            let unsent = match client.echo()? {
                Echoed::All => continue,
                Echoed::End => return io::Result::Ok(()),
                Echoed::Part(unsent) => unsent,
            };
            // The client takes its answers more slowly than it sends. Nothing more is read from it until it has
            // taken this one, so what it makes the server hold is bounded. In a box, because it happens
            // seldom and every connection's future would need room for it.
            Box::pin(client.send(unsent)).await?;
        }
    });
}

struct Client<S> {
    stream: S,
    shared: Rc<Shared>,
}

/// What became of the bytes that were there to be read.
enum Echoed {
    /// All are on their way back.
    All,
    /// These could not be sent yet.
    Part(Vec<u8>),
    /// There will be no more: the client has closed its side.
    End,
}

impl<S: ByteStream> Client<S> {
    fn new(stream: S, shared: Rc<Shared>) -> Client<S> {
        shared.connection_began();
        Client { stream, shared }
    }

    /// Reads once and writes once, without waiting.
    fn echo(&self) -> io::Result<Echoed> {
        let mut buffer = self.shared.buffer();
        let Some(length) = unless_blocked(self.stream.try_read(&mut buffer))? else { return Ok(Echoed::All) };
        if length == 0 {
            return Ok(Echoed::End);
        }
        let sent = unless_blocked(self.stream.try_write(&buffer[..length]))?.unwrap_or(0);
        self.shared.echoed(sent);
        Ok(if sent == length { Echoed::All } else { Echoed::Part(buffer[sent..length].to_vec()) })
    }

    async fn send(&self, bytes: Vec<u8>) -> io::Result<()> {
        let mut sent = 0;
        while sent < bytes.len() {
            self.stream.writable().await?;
            let more = unless_blocked(self.stream.try_write(&bytes[sent..]))?.unwrap_or(0);
            self.shared.echoed(more);
            sent += more;
        }
        Ok(())
    }
}

/// However the task ends.
impl<S> Drop for Client<S> {
    fn drop(&mut self) {
        self.shared.connection_ended();
    }
}

/// `None` for an operation that would have had to wait.
fn unless_blocked<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        result => result.map(Some),
    }
}

/// What TCP and Unix streams have in common.
pub trait ByteStream: 'static {
    fn readable(&self) -> Ready<'_>;
    fn writable(&self) -> Ready<'_>;
    fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize>;
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize>;
}

macro_rules! byte_stream {
    ($stream:ty) => {
        impl ByteStream for $stream {
            fn readable(&self) -> Ready<'_> {
                self.readable()
            }
            fn writable(&self) -> Ready<'_> {
                self.writable()
            }
            fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
                self.try_read(buffer)
            }
            fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
                self.try_write(bytes)
            }
        }
    };
}

byte_stream!(TcpStream);
#[cfg(unix)]
byte_stream!(oneloop::net::UnixStream);

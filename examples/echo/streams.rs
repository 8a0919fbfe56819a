//! TCP and Unix sockets: the accept loop, and a task for each connection.
//!
//! A connection that waits holds no buffer. Its task waits until the socket is readable. Then the task
//! borrows the buffer that all tasks share, reads and answers without waiting, and returns the buffer.
//! So ten thousand idle connections cost ten thousand small futures. Each holds a socket, a reference,
//! and the point at which the task waits.

use std::io::{self, ErrorKind};
use std::rc::Rc;
use std::time::{Duration, Instant};

use futures_lite::{Stream, StreamExt};
use oneloop::Ready;
use oneloop::net::TcpStream;
use oneloop::time::timeout;

use crate::counted::counted;
use crate::process::complain;
use crate::shared::Shared;

/// The pause after a failure to accept. It ends early when a connection ends.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Failures that are at most this far apart count as one cause, which is logged once.
const SAME_CAUSE: Duration = Duration::from_secs(10);

/// Accepts connections and starts a task for each.
///
/// `accept` fails when the process or the system lacks something, usually descriptors. The connection
/// stays in the queue, so another attempt would fail in the same way, and a loop without a pause would
/// spin. The clients in the queue are not lost, and the connected clients are served meanwhile.
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
                    let open = counted(shared.open(), "open connection");
                    complain(&format!("accepting pauses ({error}); {open} served meanwhile"));
                }
                let _ = timeout(ACCEPT_PAUSE, shared.one_ended()).await;
            }
        }
    }
}

/// Starts the task that serves one client until the client closes its side or the connection fails. No
/// other task reads the result: an error ends only this connection.
///
/// The task's body is a block and not an `async fn`. A function's future keeps space for the arguments
/// beside the variables that they are moved to, which would make every connection's future half as
/// large again.
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
            // The client receives its answers more slowly than it sends. The task reads nothing more
            // from it until this answer is sent, so the memory that a client can use is bounded. The
            // future is in a box, because this case is rare, and every connection's future would need
            // space for it.
            Box::pin(client.send(unsent)).await?;
        }
    });
}

struct Client<S> {
    stream: S,
    shared: Rc<Shared>,
}

/// The result of an attempt to read and answer.
enum Echoed {
    /// All bytes that could be read are sent back.
    All,
    /// These bytes could not be sent yet.
    Part(Vec<u8>),
    /// The client has closed its side, so no more bytes follow.
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

/// Counts the end of the connection, for every way in which the task ends.
impl<S> Drop for Client<S> {
    fn drop(&mut self) {
        self.shared.connection_ended();
    }
}

/// Returns `None` for an operation that would have to wait.
fn unless_blocked<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        result => result.map(Some),
    }
}

/// The operations that TCP and Unix streams have in common.
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

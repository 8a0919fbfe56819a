//! The work of one core. It accepts connections, and serves each in a task.
//!
//! A waiting connection holds no buffer. Its task waits until the socket is readable, and then borrows
//! the buffer that all tasks of the core share.

use std::cell::{Cell, RefCell};
use std::io::{self, ErrorKind};
use std::rc::Rc;
use std::time::Duration;

use oneloop::JoinSet;
use oneloop::future::or;
use oneloop::time::timeout;
use oneloop_cores::{Connection, Core, Port};

use crate::faults::Faults;

const BUFFER_BYTES: usize = 64 * 1024;

/// The work of a core until its end.
pub struct Served {
    pub bytes: u64,
    /// The number of connections that had not ended after the grace time.
    pub cut_off: usize,
}

/// The state that the tasks of one core share. The tasks run on one thread, and no task awaits while it
/// borrows the buffer.
struct State {
    buffer: RefCell<Vec<u8>>,
    bytes: Cell<u64>,
    faults: Option<Faults>,
}

/// Serves until the stop. After it, connections have the grace time to end.
pub async fn serve(core: Core, port: Port, grace: Duration, inject: bool) -> io::Result<Served> {
    let state = Rc::new(State {
        buffer: RefCell::new(vec![0; BUFFER_BYTES]),
        bytes: Cell::new(0),
        faults: inject.then(Faults::default),
    });
    // A core that can't serve stops all cores, because clients would wait in its queue without end.
    let mut listener = core.listener(port).inspect_err(|_| core.stop())?;
    let mut tasks = JoinSet::new();
    let fault = async {
        match &state.faults {
            Some(faults) => faults.happen().await,
            None => std::future::pending().await,
        }
    };
    let serving = async {
        while let Some((connection, _peer)) = listener.accept().await {
            // This fails only if the connection is already closed, and then its first read fails too.
            let _ = connection.set_nodelay(true);
            tasks.spawn(echo(connection, state.clone()));
            // This removes the tasks that have ended, without waiting.
            while tasks.try_join_next().is_some() {}
        }
        let all_ended = async { while tasks.join_next().await.is_some() {} };
        let _ = timeout(grace, all_ended).await;
        Served { bytes: state.bytes.get(), cut_off: tasks.len() }
    };
    Ok(or(serving, fault).await)
}

/// Serves one client until it has closed its side, or an error ends the connection.
async fn echo(connection: Connection, state: Rc<State>) -> io::Result<()> {
    loop {
        connection.readable().await?;
        let unsent = match state.echo(&connection)? {
            Echoed::All => continue,
            Echoed::End => return Ok(()),
            Echoed::Part(unsent) => unsent,
        };
        // The client receives more slowly than it sends. The task reads no more until it has sent these
        // bytes. The future is boxed, because otherwise the future of every connection would be larger.
        Box::pin(state.send(&connection, unsent)).await?;
    }
}

/// The result of one read and write.
enum Echoed {
    All,
    /// The socket did not take these bytes yet.
    Part(Vec<u8>),
    /// The client has closed its side.
    End,
}

impl State {
    /// Reads once and writes once, and does not wait.
    fn echo(&self, connection: &Connection) -> io::Result<Echoed> {
        let mut buffer = self.buffer.borrow_mut();
        let Some(length) = unless_blocked(connection.try_read(&mut buffer))? else { return Ok(Echoed::All) };
        if length == 0 {
            return Ok(Echoed::End);
        }
        let bytes = &buffer[..length];
        if let Some(faults) = &self.faults {
            faults.look_at(bytes);
        }
        let sent = unless_blocked(connection.try_write(bytes))?.unwrap_or(0);
        self.echoed(sent);
        Ok(if sent == length { Echoed::All } else { Echoed::Part(bytes[sent..].to_vec()) })
    }

    async fn send(&self, connection: &Connection, bytes: Vec<u8>) -> io::Result<()> {
        let mut sent = 0;
        while sent < bytes.len() {
            connection.writable().await?;
            let more = unless_blocked(connection.try_write(&bytes[sent..]))?.unwrap_or(0);
            self.echoed(more);
            sent += more;
        }
        Ok(())
    }

    fn echoed(&self, bytes: usize) {
        self.bytes.set(self.bytes.get() + bytes as u64);
    }
}

/// Returns `None` for an operation that failed with `WouldBlock`.
fn unless_blocked<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        result => result.map(Some),
    }
}

//! oneloop: its echo servers, and its side of the operations.

use std::cell::{Cell, RefCell};
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use oneloop::io::{AsyncReadExt, AsyncWriteExt};
use oneloop::net::{TcpListener, TcpStream};
use oneloop::{Builder, JoinHandle, Runtime};

use super::Executor;
use super::connection::echo_now;

/// The default server. Every task has a buffer of its own.
pub fn serve(listener: std::net::TcpListener, buffer_bytes: usize) -> io::Result<()> {
    serve_on(&Runtime::new()?, listener, buffer_bytes)
}

/// The same server on a loop that polls for a time before it sleeps. The latency is lower, and the core
/// is busy.
pub fn serve_busily(listener: std::net::TcpListener, buffer_bytes: usize) -> io::Result<()> {
    serve_on(&Runtime::builder().busy_poll(BUSY_POLL).build()?, listener, buffer_bytes)
}

/// The time of busy polling. It is longer than a round trip with a sleeping client.
const BUSY_POLL: Duration = Duration::from_micros(100);

fn serve_on(runtime: &Runtime, listener: std::net::TcpListener, buffer_bytes: usize) -> io::Result<()> {
    runtime.block_on(async {
        let listener = TcpListener::try_from(listener)?;
        loop {
            let (stream, _) = listener.accept().await?;
            // A connection error of a client ends only the client's own task.
            oneloop::spawn(echo(stream, buffer_bytes));
        }
    })
}

async fn echo(mut stream: TcpStream, buffer_bytes: usize) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; buffer_bytes];
    loop {
        let count = stream.read(&mut buffer).await?;
        if count == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..count]).await?;
    }
}

/// The server with one buffer for all tasks. A task borrows the buffer only while it runs, so that
/// waiting connections need no buffer.
pub fn serve_shared(listener: std::net::TcpListener, buffer_bytes: usize) -> io::Result<()> {
    oneloop::block_on(async {
        let listener = TcpListener::try_from(listener)?;
        let buffer = Rc::new(RefCell::new(vec![0; buffer_bytes]));
        loop {
            let (stream, _) = listener.accept().await?;
            oneloop::spawn(echo_shared(stream, Rc::clone(&buffer)));
        }
    })
}

async fn echo_shared(mut stream: TcpStream, buffer: Rc<RefCell<Vec<u8>>>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    loop {
        stream.readable().await?;
        let unsent = match echo_now(
            &mut buffer.borrow_mut(),
            |bytes| stream.try_read(bytes),
            |bytes| stream.try_write(bytes),
        ) {
            Ok(Some(unsent)) => unsent,
            Ok(None) => return Ok(()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
            Err(error) => return Err(error),
        };
        if !unsent.is_empty() {
            stream.write_all(&unsent).await?;
        }
    }
}

pub struct Oneloop;

thread_local! {
    /// The option of the next runtime, for the cases that show its effect. It is not a type parameter:
    /// if every operation is compiled once for each option, the compiler inlines less of the runtime in
    /// all of them.
    static OPTION: Cell<fn(Builder) -> Builder> = const { Cell::new(|builder| builder) };
}

/// Sets the options of the runtimes that this thread creates from now on.
pub fn set_option(option: fn(Builder) -> Builder) {
    OPTION.set(option);
}

impl Executor for Oneloop {
    type Join<T: 'static> = Joined<T>;

    fn block_on<T: 'static>(future: impl Future<Output = T> + 'static) -> T {
        let runtime = OPTION.get()(Runtime::builder()).build();
        runtime.expect("the system provides an event queue").block_on(future)
    }

    fn spawn<T: 'static>(future: impl Future<Output = T> + 'static) -> Self::Join<T> {
        Joined(oneloop::spawn(future))
    }

    fn detach<T: 'static>(join: Self::Join<T>) {
        drop(join);
    }

    fn yield_now() -> impl Future<Output = ()> {
        oneloop::yield_now()
    }

    fn sleep(duration: Duration) -> impl Future<Output = ()> {
        oneloop::time::sleep(duration)
    }
}

/// A join handle that returns the output without a `Result`.
pub struct Joined<T>(JoinHandle<T>);

impl<T: 'static> Future for Joined<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let outcome = Pin::new(&mut self.0).poll(context);
        outcome.map(|outcome| outcome.expect("the measured tasks neither panic nor are cancelled"))
    }
}

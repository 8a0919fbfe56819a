//! This project.

use std::cell::RefCell;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use oneloop::io::{AsyncReadExt, AsyncWriteExt};
use oneloop::net::{TcpListener, TcpStream};
use oneloop::{JoinHandle, Runtime};

use super::Executor;
use super::connection::echo_now;

/// The usual server: every task has a buffer of its own.
pub fn serve(listener: std::net::TcpListener, buffer_bytes: usize) -> io::Result<()> {
    serve_on(&Runtime::new()?, listener, buffer_bytes)
}

/// The same on a loop that asks busily for a while before it sleeps: lower latency for a busy core.
pub fn serve_busily(listener: std::net::TcpListener, buffer_bytes: usize) -> io::Result<()> {
    serve_on(&Runtime::builder().busy_poll(BUSY_POLL).build()?, listener, buffer_bytes)
}

/// Longer than a round trip with a peer that sleeps takes.
const BUSY_POLL: Duration = Duration::from_micros(100);

fn serve_on(runtime: &Runtime, listener: std::net::TcpListener, buffer_bytes: usize) -> io::Result<()> {
    runtime.block_on(async {
        let listener = TcpListener::try_from(listener)?;
        loop {
            let (stream, _) = listener.accept().await?;
            // A client that goes away with an error ends its own task, no more.
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

/// One buffer for all tasks: a task borrows it only while it runs, so waiting connections need none.
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

impl Executor for Oneloop {
    type Join<T: 'static> = Joined<T>;

    fn block_on<T: 'static>(future: impl Future<Output = T> + 'static) -> T {
        oneloop::block_on(future)
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

/// A join handle that gives the output itself.
pub struct Joined<T>(JoinHandle<T>);

impl<T: 'static> Future for Joined<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let outcome = Pin::new(&mut self.0).poll(context);
        outcome.map(|outcome| outcome.expect("the measured tasks neither panic nor are cancelled"))
    }
}

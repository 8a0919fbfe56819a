//! monoio, over epoll (its "legacy" driver) and over io_uring, with its default features.

use std::io;
use std::time::Duration;

use monoio::io::{AsyncReadRent, AsyncWriteRentExt};
use monoio::net::{TcpListener, TcpStream};
use monoio::task::JoinHandle;
use monoio::{IoUringDriver, LegacyDriver, RuntimeBuilder};

use super::Executor;

pub fn serve_epoll(listener: std::net::TcpListener, buffer_bytes: usize) -> io::Result<()> {
    RuntimeBuilder::<LegacyDriver>::new().build()?.block_on(accept(listener, buffer_bytes))
}

pub fn serve_uring(listener: std::net::TcpListener, buffer_bytes: usize) -> io::Result<()> {
    RuntimeBuilder::<IoUringDriver>::new().build()?.block_on(accept(listener, buffer_bytes))
}

async fn accept(listener: std::net::TcpListener, buffer_bytes: usize) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    loop {
        let (stream, _) = listener.accept().await?;
        monoio::spawn(echo(stream, buffer_bytes));
    }
}

async fn echo(mut stream: TcpStream, buffer_bytes: usize) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer: Vec<u8> = Vec::with_capacity(buffer_bytes);
    loop {
        // The kernel borrows the buffer during an operation. So the operation takes the buffer and
        // returns it.
        let outcome;
        (outcome, buffer) = stream.read(buffer).await;
        if outcome? == 0 {
            return Ok(());
        }
        let outcome;
        (outcome, buffer) = stream.write_all(buffer).await;
        outcome?;
        buffer.clear();
    }
}

/// monoio over epoll, with timers.
pub struct Epoll;

impl Executor for Epoll {
    // monoio's scheduler puts a task that wakes itself at the front of the queue.
    const YIELDS: bool = false;
    // monoio's feature `sync` would allow remote wakes, but it makes every other operation more
    // expensive.
    const REMOTE_WAKES: bool = false;

    type Join<T: 'static> = JoinHandle<T>;

    fn block_on<T: 'static>(future: impl Future<Output = T> + 'static) -> T {
        RuntimeBuilder::<LegacyDriver>::new().enable_timer().build().expect("monoio starts").block_on(future)
    }

    fn spawn<T: 'static>(future: impl Future<Output = T> + 'static) -> Self::Join<T> {
        monoio::spawn(future)
    }

    fn detach<T: 'static>(join: Self::Join<T>) {
        drop(join);
    }

    fn yield_now() -> impl Future<Output = ()> {
        futures_lite::future::yield_now()
    }

    fn sleep(duration: Duration) -> impl Future<Output = ()> {
        monoio::time::sleep(duration)
    }
}

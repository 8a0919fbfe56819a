//! smol's parts: `LocalExecutor`, with `block_on`, timers and sockets over async-io.

use std::io;
use std::time::Duration;

use async_executor::{LocalExecutor, Task};
use async_net::{TcpListener, TcpStream};
use futures_lite::{AsyncReadExt, AsyncWriteExt};

use super::Executor;

thread_local! {
    static EXECUTOR: LocalExecutor<'static> = const { LocalExecutor::new() };
}

pub fn serve(listener: std::net::TcpListener, buffer_bytes: usize) -> io::Result<()> {
    let executor = LocalExecutor::new();
    async_io::block_on(executor.run(async {
        let listener = TcpListener::try_from(listener)?;
        loop {
            let (stream, _) = listener.accept().await?;
            // A connection error of a client ends only the client's own task.
            executor.spawn(echo(stream, buffer_bytes)).detach();
        }
    }))
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

pub struct Smol;

impl Executor for Smol {
    type Join<T: 'static> = Task<T>;

    fn block_on<T: 'static>(future: impl Future<Output = T> + 'static) -> T {
        EXECUTOR.with(|executor| async_io::block_on(executor.run(future)))
    }

    fn spawn<T: 'static>(future: impl Future<Output = T> + 'static) -> Self::Join<T> {
        EXECUTOR.with(|executor| executor.spawn(future))
    }

    fn detach<T: 'static>(join: Self::Join<T>) {
        join.detach();
    }

    fn yield_now() -> impl Future<Output = ()> {
        futures_lite::future::yield_now()
    }

    fn sleep(duration: Duration) -> impl Future<Output = ()> {
        let timer = async_io::Timer::after(duration);
        async {
            timer.await;
        }
    }
}

//! glommio, which needs io_uring and locked memory.

use std::io;
use std::os::fd::{FromRawFd, IntoRawFd};
use std::time::Duration;

use futures_lite::{AsyncReadExt, AsyncWriteExt};
use glommio::net::{TcpListener, TcpStream};
use glommio::{LocalExecutor, LocalExecutorBuilder, Task};

use super::Executor;

pub fn serve(listener: std::net::TcpListener, buffer_bytes: usize) -> io::Result<()> {
    // With a non-blocking socket, io_uring would return `EAGAIN` instead of waiting.
    listener.set_nonblocking(false)?;
    let executor = LocalExecutorBuilder::default().make().map_err(io_error)?;
    executor.run(async {
        // SAFETY: the descriptor is open, and glommio is its only owner from here on.
        let listener = unsafe { TcpListener::from_raw_fd(listener.into_raw_fd()) };
        loop {
            let stream = listener.accept().await.map_err(io_error)?;
            // A connection error of a client ends only the client's own task.
            glommio::spawn_local(echo(stream, buffer_bytes)).detach();
        }
    })
}

async fn echo(mut stream: TcpStream, buffer_bytes: usize) -> io::Result<()> {
    stream.set_nodelay(true).map_err(io_error)?;
    let mut buffer = vec![0; buffer_bytes];
    loop {
        let count = stream.read(&mut buffer).await?;
        if count == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..count]).await?;
    }
}

fn io_error(error: glommio::GlommioError<()>) -> io::Error {
    io::Error::other(format!("glommio: {error}"))
}

pub struct Glommio;

impl Executor for Glommio {
    type Join<T: 'static> = Task<T>;

    fn block_on<T: 'static>(future: impl Future<Output = T> + 'static) -> T {
        LocalExecutor::default().run(future)
    }

    fn spawn<T: 'static>(future: impl Future<Output = T> + 'static) -> Self::Join<T> {
        glommio::spawn_local(future)
    }

    fn detach<T: 'static>(join: Self::Join<T>) {
        drop(join.detach());
    }

    fn yield_now() -> impl Future<Output = ()> {
        futures_lite::future::yield_now()
    }

    fn sleep(duration: Duration) -> impl Future<Output = ()> {
        glommio::timer::sleep(duration)
    }
}

//! tokio's current-thread runtime, with `spawn` and with `spawn_local`.

use std::cell::RefCell;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, LocalOptions};
use tokio::task::JoinHandle;

use super::Executor;
use super::connection::echo_now;

pub fn serve(listener: std::net::TcpListener, buffer_bytes: usize) -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::from_std(listener)?;
        loop {
            let (stream, _) = listener.accept().await?;
            // A connection error of a client ends only the client's own task.
            tokio::spawn(echo(stream, buffer_bytes));
        }
    })
}

/// The same server with tasks that stay on the thread of the runtime.
pub fn serve_local(listener: std::net::TcpListener, buffer_bytes: usize) -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?;
    runtime.block_on(async {
        let listener = TcpListener::from_std(listener)?;
        loop {
            let (stream, _) = listener.accept().await?;
            tokio::task::spawn_local(echo(stream, buffer_bytes));
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

/// The server with one buffer for all tasks, on the thread of the runtime. A task borrows the buffer
/// only while it runs.
pub fn serve_shared(listener: std::net::TcpListener, buffer_bytes: usize) -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?;
    runtime.block_on(async {
        let listener = TcpListener::from_std(listener)?;
        let buffer = Rc::new(RefCell::new(vec![0; buffer_bytes]));
        loop {
            let (stream, _) = listener.accept().await?;
            tokio::task::spawn_local(echo_shared(stream, Rc::clone(&buffer)));
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

/// `tokio::spawn` on the current-thread runtime.
pub struct Spawn;

/// `tokio::task::spawn_local` on a `LocalRuntime`.
pub struct SpawnLocal;

const NO_PANICS: &str = "the measured tasks neither panic nor are cancelled";

impl Executor for Spawn {
    type Join<T: 'static> = JoinedOneThread<T>;

    fn block_on<T: 'static>(future: impl Future<Output = T> + 'static) -> T {
        let runtime = Builder::new_current_thread().enable_all().build().expect("tokio starts");
        runtime.block_on(future)
    }

    fn spawn<T: 'static>(future: impl Future<Output = T> + 'static) -> Self::Join<T> {
        JoinedOneThread(tokio::spawn(OneThread(future)))
    }

    fn detach<T: 'static>(join: Self::Join<T>) {
        drop(join);
    }

    fn yield_now() -> impl Future<Output = ()> {
        tokio::task::yield_now()
    }

    fn sleep(duration: Duration) -> impl Future<Output = ()> {
        tokio::time::sleep(duration)
    }
}

impl Executor for SpawnLocal {
    type Join<T: 'static> = Joined<T>;

    fn block_on<T: 'static>(future: impl Future<Output = T> + 'static) -> T {
        let options = LocalOptions::default();
        let runtime = Builder::new_current_thread().enable_all().build_local(options).expect("tokio starts");
        runtime.block_on(future)
    }

    fn spawn<T: 'static>(future: impl Future<Output = T> + 'static) -> Self::Join<T> {
        Joined(tokio::task::spawn_local(future))
    }

    fn detach<T: 'static>(join: Self::Join<T>) {
        drop(join);
    }

    fn yield_now() -> impl Future<Output = ()> {
        tokio::task::yield_now()
    }

    fn sleep(duration: Duration) -> impl Future<Output = ()> {
        tokio::time::sleep(duration)
    }
}

/// A wrapper with which `spawn` accepts the same futures as the other runtimes.
pub struct OneThread<T>(T);

// SAFETY: the current-thread runtime polls and drops its tasks on the thread that is in `block_on`. This
// is also the only thread of the process that spawns and joins tasks. So no value moves to another
// thread.
unsafe impl<T> Send for OneThread<T> {}

impl<F: Future> Future for OneThread<F> {
    type Output = OneThread<F::Output>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // SAFETY: the field is pinned together with the struct. No code moves the field out, and the
        // struct has no `Drop`.
        let inner = unsafe { self.map_unchecked_mut(|this| &mut this.0) };
        inner.poll(context).map(OneThread)
    }
}

/// A join handle that returns the output without a `Result`.
pub struct Joined<T>(JoinHandle<T>);

impl<T> Future for Joined<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        Pin::new(&mut self.0).poll(context).map(|outcome| outcome.expect(NO_PANICS))
    }
}

/// The same join handle for tasks that `spawn` requires to be `Send`.
pub struct JoinedOneThread<T>(JoinHandle<OneThread<T>>);

impl<T> Future for JoinedOneThread<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        Pin::new(&mut self.0).poll(context).map(|outcome| outcome.expect(NO_PANICS).0)
    }
}

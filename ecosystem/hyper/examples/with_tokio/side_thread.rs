//! A runtime of tokio on a thread of its own.
//!
//! What makes a library "need tokio" are calls such as `tokio::spawn` and `TcpStream::connect`. They
//! look for a runtime in a variable of their thread, and panic if they find none. A runtime that was
//! *entered* is found, and need not be the one that polls. So these lines serve any task of a loop:
//!
//! ```ignore
//! let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
//! let handle = tokio.handle().clone();
//! std::thread::spawn(move || tokio.block_on(std::future::pending::<()>()));
//! let _entered = handle.enter();
//! oneloop::block_on(async { /* reqwest works here */ })
//! ```
//!
//! The library's sockets and timers live on the side thread, and so do the tasks that it spawns.
//! A task of the loop that waits for one of them is woken from another thread, which is correct, and
//! slower than either runtime by itself. A job of many such steps is better spawned on the side thread
//! as a whole, with [`Handle::spawn`]. The loop may await its `JoinHandle`.

use std::io;
use std::thread::{self, JoinHandle};

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// The lines above with an orderly end: dropping it ends the thread and waits for it.
pub struct SideThread {
    handle: Handle,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl SideThread {
    pub fn start() -> io::Result<SideThread> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (end, ended) = oneshot::channel();
        let thread = thread::Builder::new().name("tokio".to_owned()).spawn(move || {
            // The sender is dropped, which is the error that ends it.
            let _ = runtime.block_on(ended);
        })?;
        Ok(SideThread { handle, end: Some(end), thread: Some(thread) })
    }

    pub fn handle(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for SideThread {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            // It has panicked only if a task of tokio did, and that message was printed.
            let _ = thread.join();
        }
    }
}

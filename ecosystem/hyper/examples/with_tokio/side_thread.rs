//! A runtime of tokio on a thread of its own.
//!
//! A library "needs tokio" because of calls such as `tokio::spawn` and `TcpStream::connect`. These
//! calls look for a runtime in a thread-local variable, and panic if there is none. They find a runtime
//! that the thread has *entered*, also if another runtime polls the future. So these lines work for all
//! tasks of a loop:
//!
//! ```ignore
//! let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
//! let handle = tokio.handle().clone();
//! std::thread::spawn(move || tokio.block_on(std::future::pending::<()>()));
//! let _entered = handle.enter();
//! oneloop::block_on(async { /* reqwest works here */ })
//! ```
//!
//! The library's sockets and timers are on the side thread, and so are the tasks that it spawns. When a
//! task of the loop waits for one of them, another thread wakes the task. That is correct, and slower
//! than either runtime by itself. It is better to spawn a job of many such steps on the side thread as
//! a whole, with [`Handle::spawn`]. The loop can await its `JoinHandle`.

use std::io;
use std::thread::{self, JoinHandle};

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// The lines above with an orderly end. Dropping the value ends the thread and waits for it.
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
            // Dropping the sender is the error that ends this call.
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
            // The thread has panicked only if a task of tokio did, and the message of that panic was
            // printed.
            let _ = thread.join();
        }
    }
}

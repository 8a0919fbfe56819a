//! Child processes, awaited by the loop: no thread waits for them.
//!
//! [`Command`] starts a program, [`Child`] is what was started, and what one writes to it and reads from it are
//! streams like any other. All of it belongs to the runtime in which the child was spawned.
//!
//! ```
//! # #[cfg(unix)]
//! # fn main() -> std::io::Result<()> {
//! use oneloop::process::Command;
//!
//! oneloop::block_on(async {
//!     let output = Command::new("echo").arg("hello").output().await?;
//!     assert!(output.status.success());
//!     assert_eq!(output.stdout, b"hello\n");
//! #   Ok(())
//! })
//! # }
//! # #[cfg(not(unix))]
//! # fn main() {}
//! ```
//!
//! # No zombies
//!
//! A child that has ended stays in the system's table until its parent has asked for its status. A [`Child`] sees to that
//! also when it is dropped: one that still runs is left to a task of its runtime, which waits on. If that runtime is
//! dropped, too, or gone already, a thread of [`unblock`](crate::unblock)'s pool takes over, one for each such child; so
//! it does if that task can't wait, for want of a descriptor. Otherwise no thread waits. While the runtime exists but
//! nobody drives it (`block_on` has returned), that task stands still, and a child that ends stays a zombie so long. And
//! none of this keeps the program: when that ends, the children that still run go on without it.
//!
//! # Limits
//!
//! * Nothing else in the program may wait for children that it didn't start (`waitpid(-1, …)`), nor tell the
//!   system to forget them (`SIGCHLD` ignored): their status is lost then, and waiting is an error.
//! * Where a child's end is heard by `SIGCHLD` (all Unix systems but Linux, and Linux before 5.3), the signal
//!   doesn't say whose end: each wakes all who wait, and each of them asks for its own child.
//! * Starting a program is a call that blocks: a millisecond or so, and more where memory is short. It is made on the
//!   loop.
//! * On Windows it is `async-io`'s thread that waits for all children together, and each stream that is used keeps a
//!   thread of `unblock`'s pool, because the system's pipes can't be waited for.
//! * On Windows a write has succeeded when that thread has taken the bytes: that the child is gone shows in a later write, or
//!   in a flush. An input that is dropped is closed by a thread as soon as all that was written is through:
//!   while the child doesn't read, that takes a thread or two of the pool, and what is not through when the program ends is lost.
//! * On Windows killing is `TerminateProcess`, and the status of a child that was killed is exit code 1: there are no signals
//!   to name, nor to send.
//!
//! # Implementation
//!
//! | file | holds |
//! |---|---|
//! | `command` | what to start, and how |
//! | `child` | what was started: waiting, killing |
//! | `reap` | whose it is to ask for the status, also after the handle is gone |
//! | `end` | how the loop hears that a child has ended, on each system |
//! | `stdio`, `windows` | the child's three streams; on Unix they are `pipe`s |

mod child;
mod command;
mod end;
mod reap;
mod stdio;
#[cfg(windows)]
mod windows;

pub use child::Child;
pub use command::Command;
pub use std::process::{ExitStatus, Output, Stdio};
pub use stdio::{ChildStderr, ChildStdin, ChildStdout};

//! Child processes, awaited by the loop: no thread waits for them.
//!
//! [`Command`] starts a program, and [`Child`] is the handle of the process. Its standard input and
//! outputs are streams like any other. All of it belongs to the runtime in which the child was
//! spawned.
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
//! A child that has ended stays in the system's table until its parent has received its status. A
//! dropped [`Child`] that still runs is passed on to a task of its runtime, which waits for the
//! end. If that runtime is dropped, too, a thread of [`unblock`](crate::unblock)'s pool waits, one
//! for each such child; so it does if the task can't wait, for want of a descriptor. Otherwise no
//! thread waits. While the runtime exists but does not run (`block_on` has returned), the task is
//! not polled, and a child that ends stays a zombie so long. None of this keeps the program alive:
//! when it ends, children that still run go on without it.
//!
//! # Limits
//!
//! * No other part of the program may wait for children that it didn't start (`waitpid(-1, …)`),
//!   nor have the system discard their status (`SIGCHLD` ignored): then the status is lost, and
//!   waiting is an error.
//! * Where the loop waits by `SIGCHLD` (all Unix systems but Linux, and Linux before 5.3), the
//!   signal doesn't name the child: each delivery wakes every task that waits, and each asks for
//!   the status of its own child.
//! * Starting a program is a call that blocks: a millisecond or so, and more where memory is short.
//!   The loop's thread makes it.
//! * On Windows `async-io`'s thread waits for all children together, and each stream that is used
//!   keeps a thread of `unblock`'s pool, because the system's pipes can't be waited for.
//! * On Windows a write has succeeded when that thread has taken the bytes: the end of the child is
//!   an error of a later write, or of a flush. A thread closes an input that was dropped as soon as
//!   the child has read all bytes: until then it keeps a thread or two of the pool, and the end of
//!   the program loses the rest.
//! * On Windows killing is `TerminateProcess`, and the status of a child that was killed is exit
//!   code 1: there are no signals to name, nor to send.
//!
//! # Implementation
//!
//! | file | holds |
//! |---|---|
//! | `command` | `Command`: the program and its options |
//! | `child` | `Child`: waiting, killing |
//! | `reap` | the owner that receives the status, also after the handle was dropped |
//! | `end` | how the loop waits for the end of a child, on each system |
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

//! Child processes. The loop awaits them without a waiting thread.
//!
//! [`Command`] starts a program, and [`Child`] is the handle of the process. The child's standard
//! input and outputs are streams. The handle and the streams belong to the runtime in which the
//! child was spawned.
//!
//! ```ignore-windows
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
//! ```
//!
//! # No zombies
//!
//! A child that has ended stays in the system's table until its parent has received its status. If
//! a [`Child`] is dropped while the process runs, a task of its runtime waits for the end. If this
//! runtime is dropped, too, a thread of [`unblock`](crate::unblock)'s pool waits, one thread for
//! each such child. A thread also waits if the task can't wait because no descriptor is left. No
//! thread waits in all other cases. While the runtime exists but does not run (`block_on` has
//! returned), the task is not polled, and a child that ends stays a zombie for this time. Neither
//! the task nor the thread delays the end of the program. Children that still run at the end of the
//! program continue to run.
//!
//! # Limits
//!
//! * No other part of the program may wait for children that it didn't start (`waitpid(-1, …)`) or
//!   ignore `SIGCHLD`, which makes the system discard the status. The status is then lost, and
//!   waiting returns an error.
//! * The loop waits by `SIGCHLD` on all Unix systems but Linux, and on Linux before 5.3. This
//!   signal does not name the child. So each delivery wakes all waiting tasks, and each task makes
//!   a system call for the status of its own child.
//! * Starting a program blocks the loop's thread for about a millisecond, and for longer if memory
//!   is short.
//! * On Windows the thread of `async-io` waits for all children, and each stream in use occupies a
//!   thread of `unblock`'s pool, because the system's pipes have no readiness events.
//! * On Windows a write succeeds when the stream's thread has received the bytes. The end of the
//!   child is an error of a later write or of a flush. After the drop of an input, a thread closes
//!   the pipe when the child has read all bytes. Until then the input occupies one or two threads
//!   of the pool, and the end of the program loses the unread bytes.
//! * On Windows killing is `TerminateProcess`, and the status of a killed child is exit code 1.
//!   Windows has no signals, so a status names no signal and a program can't send one.
//!
//! # Implementation
//!
//! | file | holds |
//! |---|---|
//! | `command` | `Command`, the program and its options |
//! | `child` | `Child`, which waits and kills |
//! | `reap` | the receivers of the status: the handle, a task, a thread |
//! | `end` | the loop's wait for the end of a child, on each system |
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

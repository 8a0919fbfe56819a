//! The process's standard input, output and error.
//!
//! They belong to more than this process: the parent, its other children and our own share the open
//! file, and with it `O_NONBLOCK`. So nothing here makes them non-blocking, and no driver watches
//! them (a regular file can't be watched at all). A thread of `unblock`'s pool makes the calls,
//! through std's `Stdin`, `Stdout` and `Stderr`, whose locks and buffers other code of the process
//! uses too. The pool's threads are detached, so a call that blocks does not hold up the process's
//! end.
//!
//! There is one of each for the process: a `static` behind a lock, which no system call and no
//! foreign code runs under. The handles hold no bytes.
//!
//! | file | holds |
//! |---|---|
//! | `stdin` | the buffer of the input, one read at a time, on demand |
//! | `output` | the buffer of an output, and the thread that passes it on |
//! | `stdout` | the two outputs as a program sees them |
//! | `waiting` | the tasks that wait for either |

mod output;
mod stdin;
mod stdout;
mod waiting;

pub use stdin::{Stdin, StdinLines, stdin};
pub use stdout::{Stderr, Stdout, stderr, stdout};

//! The process's standard input, output and error.
//!
//! The parent, its other children and the children of this process share the open files of these
//! streams, and with them `O_NONBLOCK`. So this module does not make the descriptors non-blocking,
//! and no driver watches them. (A driver can't watch a regular file at all.) A thread of
//! `unblock`'s pool makes the calls through std's `Stdin`, `Stdout` and `Stderr`, whose locks and
//! buffers the process's other code uses, too. The pool's threads are detached, so a blocking call
//! does not delay the process's end.
//!
//! The process has one state for each stream, a `static` behind a lock. No system call and no
//! foreign code runs under the lock. The handles hold no bytes.
//!
//! | file | holds |
//! |---|---|
//! | `stdin` | the buffer of the input, which a thread fills on demand with one read at a time |
//! | `output` | the buffer of an output, and the thread that writes the buffer |
//! | `stdout` | the public types of the two outputs |
//! | `waiting` | the tasks that wait for an input or an output |

mod output;
mod stdin;
mod stdout;
mod waiting;

pub use stdin::{Stdin, StdinLines, stdin};
pub use stdout::{Stderr, Stdout, stderr, stdout};

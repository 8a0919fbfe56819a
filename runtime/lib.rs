//! **One thread, one loop**: an async runtime and event loop for Rust.
//!
//! ```
//! # fn main() -> std::io::Result<()> {
//! use oneloop::io::{AsyncReadExt, AsyncWriteExt};
//! use oneloop::net::{TcpListener, TcpStream};
//! use oneloop::time::{Duration, sleep};
//!
//! async fn echo(mut stream: TcpStream) -> std::io::Result<()> {
//!     let mut buf = [0; 4096];
//!     loop {
//!         let n = stream.read(&mut buf).await?;
//!         if n == 0 {
//!             return Ok(()); // the client has closed its side
//!         }
//!         stream.write_all(&buf[..n]).await?;
//!     }
//! }
//!
//! oneloop::block_on(async {
//!     let listener = TcpListener::bind("127.0.0.1:0").await?;
//!     let addr = listener.local_addr()?;
//!     // A task: it runs while this one waits.
//!     oneloop::spawn(async move {
//!         loop {
//!             match listener.accept().await {
//!                 Ok((stream, _peer)) => drop(oneloop::spawn(echo(stream))),
//!                 Err(_) => sleep(Duration::from_millis(100)).await, // too many open files, say
//!             }
//!         }
//!     });
//!
//!     let mut stream = TcpStream::connect(addr).await?;
//!     stream.write_all(b"hello").await?;
//!     let mut text = [0; 5];
//!     stream.read_exact(&mut text).await?;
//!     assert_eq!(&text, b"hello");
//! #   Ok(())
//! })
//! # }
//! ```
//!
//! # The guide
//!
//! [`guide`] shows each task in a short example: how to [start](guide::start); coming from
//! [tokio](guide::from_tokio), [smol](guide::from_smol) or [asyncio](guide::from_asyncio);
//! [several futures at once, time-outs, retries](guide::waiting);
//! [groups of tasks and cancellation](guide::tasks); [channels and locks](guide::channels);
//! [lines, frames and streams](guide::streams); [files and standard input](guide::files);
//! [servers that end in an orderly way](guide::servers);
//! [blocking work and several cores](guide::threads); [tests](guide::testing);
//! [programs with a loop of their own](guide::embedding); and
//! [what differs between systems](guide::platforms).
//!
//! # What to know as a user
//!
//! * Nothing here needs `Send`: tasks share data with `Rc` and `RefCell`. What crosses threads is
//!   [`Handle`] and what it returns, every `Waker`, the futures of [`time`], the future of
//!   [`unblock`], and of an event loop its [`Sender`](event_loop::Sender) and [`CallHandle`](event_loop::CallHandle).
//! * A task that computes for long keeps all others waiting: [`yield_now`] now and then, or
//!   [`unblock`]. So does one that finds another crate's channel ready each time:
//!   [`consume_budget`].
//! * Several cores: one runtime on each of several threads. A socket belongs to one of them, and
//!   moves to another with [`into_std`](net#another-loop-or-none).
//! * Streams implement the traits of `futures-io`, so everything written for them works, and with
//!   the feature `tokio-io` also those of tokio; see
//!   [`io`].
//!
//! # Features
//!
//! | feature | default | brings |
//! |---|---|---|
//! | `net` | yes | [`net`], the sockets; on Unix also `pipe` |
//! | `event-loop` | yes | [`event_loop`]; implies `net` |
//! | `unblock` | yes | [`unblock`], [`io::stdin`], [`io::stdout`], and the resolution of host names |
//! | `signal` | yes | [`signal`]; implies `net` |
//! | `process` | yes | [`process`]; implies `unblock` and `signal` |
//! | `tokio-io` | no | tokio's [`AsyncRead` and `AsyncWrite`](io#tokios-traits) for streams and pipes; implies `net` |
//! | `polling` | no | a second driver, [`Driver::Polling`](Driver#variant.Polling) |
//!
//! Without any of them the crate is the executor: tasks, timers, [`Source`] for I/O objects of
//! one's own, and [`Handle`] for other threads.
//!
//! # Platforms
//!
//! Linux, macOS, the BSDs and Windows, on 64-bit processors. There are no Unix sockets and pipes on
//! Windows, and of signals only Ctrl+C; [a table](guide::platforms) says what else differs.
//!
//! # The loop
//!
//! A program that serves many clients at once waits most of the time: for bytes, for room to write,
//! for a deadline. A thread for each wait is the simplest way to write that down, and a costly one.
//! The other way is one thread that asks the operating system about *all* waits at once, and runs
//! whatever can go on:
//!
//! ```text
//!         ┌───────────────────────────────────────────────────────────────────────────┐
//!         ▼                                                                           │
//!  ┌─────────────┐    ┌─────────────────┐    ┌─────────────────┐    ┌─────────────────┴────┐
//!  │ drain inbox │───▶│ run ready tasks │───▶│ fire due timers │───▶│ poll driver          │
//!  │             │    │                 │    │                 │    │                      │
//!  │ do what     │    │ poll each once, │    │ wake the tasks  │    │ sleep until an event │
//!  │ other       │    │ 256 at most; it │    │ whose deadline  │    │ or the next deadline │
//!  │ threads     │    │ runs until it   │    │ has passed      │    │ (not if a task is    │
//!  │ asked for   │    │ has to wait     │    │                 │    │ ready); mark         │
//!  │             │    │                 │    │                 │    │ readiness and wake   │
//!  └─────────────┘    └─────────────────┘    └─────────────────┘    └──────────────────────┘
//!    inbox.rs           tasks.rs               wheel.rs               driver/, reactor.rs
//! ```
//!
//! Once around is a *turn*: one function, `Core::turn` in `engine/core.rs`, with a statement for
//! each box, which `block_on` calls until its future is ready. (The inbox is drained again before
//! each task, so that a busy loop receives at once what other threads send.) A task is a future. It
//! "has to wait" when its `poll` returns `Pending`, after it has left a *waker* where it waits.
//! When that place becomes ready, the waker is called, and to wake is to put the task into the
//! ready queue.
//!
//! # The map
//!
//! The files stand in layers, and each imports only from those above it in this table, which is
//! also the order in which to read them, in an afternoon:
//!
//! | layer | holds |
//! |---|---|
//! | `engine/` | what both front ends stand on: the turn (`core`), tasks and their wakers, timers, the reactor, the drivers, and what other threads may do. `engine/mod.rs` lists its files |
//! | `io/` | what every I/O object stands on: [`Source`], [`Ready`], and what sockets and pipes share; [`io`], the traits and their combinators; standard input and output |
//! | `task/` | tasks as a program sees them: [`spawn`], [`JoinHandle`], [`JoinSet`], [`yield_now`] |
//! | `time/` | [`time`], over the timer wheel |
//! | `handle.rs`, `runtime.rs` | the first front end, the executor: [`Runtime`], [`Builder`], [`block_on`]; [`Handle`] for other threads |
//! | `unblock/`, `net/`, `pipe/`, `signal/`, `process/` | what programs wait for |
//! | `tokio_io.rs` | tokio's traits for reading and writing, a feature |
//! | `event_loop/` | the second front end: [`event_loop::EventLoop`], the same ready queue with events in it instead of tasks |
//!
//! `races.rs` explores what other threads may do to a runtime, and `guide/` holds the pages of the
//! guide.
//!
//! `DESIGN.md` follows a read and a waker through all of them, and says what each step costs.

#![cfg_attr(docsrs, feature(doc_cfg))]
// Without the second front end, parts of the engine have no caller. With it, dead code is a
// warning.
#![cfg_attr(not(feature = "event-loop"), allow(dead_code))]

mod engine;
#[cfg(feature = "event-loop")]
pub mod event_loop;
pub mod future;
#[cfg(all(doc, not(doctest)))] // text alone; the package of the tests runs its examples
pub mod guide;
mod handle;
pub mod io;
#[cfg(feature = "net")]
pub mod net;
#[cfg(all(unix, feature = "net"))]
pub mod pipe;
#[cfg(feature = "process")]
pub mod process;
#[cfg(all(test, oneloop_loom, feature = "event-loop"))]
mod races;
mod runtime;
#[cfg(feature = "signal")]
pub mod signal;
pub mod task;
pub mod time;
#[cfg(feature = "tokio-io")]
mod tokio_io;
#[cfg(feature = "unblock")]
mod unblock;

pub use engine::driver::Driver;
pub use engine::interest::Interest;
pub use handle::{Handle, RemoteJoinHandle, TryCurrentError};
pub use io::ready::Ready;
pub use io::source::Source;
pub use runtime::{Builder, EnterGuard, Runtime, block_on};
pub use task::{AbortHandle, JoinError, JoinHandle, JoinSet, Unconstrained, YieldNow};
pub use task::{consume_budget, spawn, unconstrained, yield_now};
#[cfg(feature = "unblock")]
pub use unblock::unblock;

/// The README's example compiles and runs.
#[cfg(all(doctest, feature = "net"))]
#[doc = include_str!("../README.md")]
mod readme {}

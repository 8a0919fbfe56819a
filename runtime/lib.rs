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
//!                 Err(_) => sleep(Duration::from_millis(100)).await, // for example, too many open files
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
//! [`guide`] shows each subject in a short example:
//!
//! * how to [start](guide::start)
//! * how to come from [tokio](guide::from_tokio), [smol](guide::from_smol) or
//!   [asyncio](guide::from_asyncio)
//! * [several futures at once, time-outs, retries](guide::waiting)
//! * [groups of tasks and cancellation](guide::tasks)
//! * [channels and locks](guide::channels)
//! * [lines, frames and streams](guide::streams)
//! * [files and standard input](guide::files)
//! * [servers that end in an orderly way](guide::servers)
//! * [blocking work and several cores](guide::threads)
//! * [tests](guide::testing)
//! * [programs with a loop of their own](guide::embedding)
//! * [differences between systems](guide::platforms)
//!
//! # Facts for users
//!
//! * A task need not be `Send`: tasks share data with `Rc` and `RefCell`. Some types cross threads:
//!   [`Handle`] and the types that it returns, every `Waker`, the futures of [`time`], the future
//!   of [`unblock`], and of an event loop its [`Sender`](event_loop::Sender) and
//!   [`CallHandle`](event_loop::CallHandle).
//! * A task that computes for a long time delays all others. Such a task calls [`yield_now`] now
//!   and then, or uses [`unblock`]. A task that finds another crate's channel ready each time
//!   delays them, too, and calls [`consume_budget`].
//! * A program uses several cores with one runtime on each of several threads. A socket belongs to
//!   one runtime, and [`accept_std` and `into_std`](net#another-loop-or-none) move it to another one.
//! * Streams implement the traits of `futures-io`, so every library for these traits works. With
//!   the feature `tokio-io` they also implement the traits of tokio; see [`io`].
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
//! | `precise-timers` | yes | the code of [`Builder::precise_timers`] for Linux; without the feature the option has no effect |
//! | `trace` | no | `trace`: a record of the loop's events, from which `oneloop-watch` makes a page |
//! | `tokio-io` | no | tokio's [`AsyncRead` and `AsyncWrite`](io#tokios-traits) for streams and pipes; implies `net` |
//! | `polling` | no | a second driver, [`Driver::Polling`](Driver#variant.Polling) |
//!
//! Without these features the crate is the executor: tasks, timers, [`Source`] for I/O objects of
//! the program, and [`Handle`] for other threads.
//!
//! # Platforms
//!
//! The crate supports Linux, macOS, the BSDs and Windows, on 64-bit processors. On Windows
//! the crate has no Unix sockets and no pipes, and its only signal is Ctrl+C. [A
//! table](guide::platforms) lists the other differences.
//!
//! # The loop
//!
//! A program that serves many clients at once waits most of the time: for received bytes, for space
//! to write, for a deadline. One thread for each wait is the simplest form of such a program, and a
//! costly one. The alternative is one thread that asks the operating system about *all* waits at
//! once, and runs each task that can continue:
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
//! One round is a *turn*. The function `Core::turn` in `engine/core.rs` has a statement for each
//! box, and `block_on` calls it until its future is ready. The inbox is also drained before each
//! task, so that a busy loop receives the messages of other threads at once. A task is a future. If
//! it has to wait, its `poll` stores a *waker* in the object that it waits for, and returns
//! `Pending`. When the object becomes ready, its waker is called, which puts the task into the
//! ready queue.
//!
//! # The map
//!
//! The files form layers. Each file imports only from its own layer and from the layers above it in this table. The table
//! is also the order in which to read the files, which takes an afternoon:
//!
//! | layer | holds |
//! |---|---|
//! | `engine/` | the base of both front ends: the turn (`core`), tasks and their wakers, timers, the reactor, the drivers, and the operations of other threads. `engine/mod.rs` lists its files |
//! | `metrics.rs`, `dump/` | the counters of the loop, and the waits of every task: [`Metrics`], [`dump`] |
//! | `unblock/` | blocking work on a pool of threads: [`unblock`] |
//! | `io/` | the base of every I/O object: [`Source`], [`Ready`], and the common part of sockets and pipes; [`io`], the traits and their combinators; standard input and output |
//! | `task/` | tasks as a program uses them: [`spawn`], [`JoinHandle`], [`JoinSet`], [`yield_now`] |
//! | `time/` | [`time`], on top of the timer wheel |
//! | `handle.rs`, `handle/` | [`Handle`]: a runtime as other threads use it |
//! | `trace/` | a record of the loop's events (a feature) |
//! | `runtime.rs`, `runtime/` | the first front end, the executor: [`Runtime`], [`Builder`], [`block_on`] |
//! | `net/`, `pipe/`, `signal/`, `process/` | sockets, pipes, signals and child processes |
//! | `tokio_io.rs` | tokio's traits for reading and writing (a feature) |
//! | `event_loop/` | the second front end: [`event_loop::EventLoop`], the same ready queue with events in it instead of tasks |
//!
//! `races.rs` explores the operations of other threads on a runtime, and `guide/` contains the
//! pages of the guide.
//!
//! `DESIGN.md` describes a read and a waker through all layers, with the cost of each step.

#![cfg_attr(docsrs, feature(doc_cfg))]
// Without the second front end, parts of the engine have no caller. With it, dead code is a
// warning.
#![cfg_attr(not(feature = "event-loop"), allow(dead_code))]

pub mod dump;
mod engine;
#[cfg(feature = "event-loop")]
pub mod event_loop;
pub mod future;
#[cfg(all(doc, not(doctest)))] // text only; the package of the tests runs its examples
pub mod guide;
mod handle;
pub mod io;
mod metrics;
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
#[cfg(feature = "trace")]
pub mod trace;
#[cfg(feature = "unblock")]
mod unblock;

pub use engine::driver::Driver;
pub use engine::interest::Interest;
pub use engine::observation::Activity;
pub use handle::{Handle, RemoteJoinHandle, TryCurrentError};
pub use io::ready::Ready;
pub use io::source::Source;
pub use metrics::Metrics;
pub use runtime::{Builder, EnterGuard, Runtime, SlowPoll, Stuck, block_on};
pub use task::{AbortHandle, JoinError, JoinHandle, JoinSet, Unconstrained, YieldNow};
pub use task::{consume_budget, spawn, unconstrained, yield_now};
#[cfg(feature = "unblock")]
pub use unblock::unblock;

/// The README's example compiles and runs.
#[cfg(all(doctest, feature = "net"))]
#[doc = include_str!("../README.md")]
mod readme {}

//! **One thread, one loop**: an async runtime and event loop for Rust.
//!
//! ```
//! # fn main() -> std::io::Result<()> {
//! use oneloop::io::{AsyncReadExt, AsyncWriteExt};
//! use oneloop::net::{TcpListener, TcpStream};
//!
//! oneloop::block_on(async {
//!     let listener = TcpListener::bind("127.0.0.1:0").await?;
//!     let addr = listener.local_addr()?;
//!     oneloop::spawn(async move {
//!         let (mut stream, _) = listener.accept().await?;
//!         stream.write_all(b"hello").await
//!     });
//!     let mut stream = TcpStream::connect(addr).await?;
//!     let mut text = String::new();
//!     stream.read_to_string(&mut text).await?;
//!     assert_eq!(text, "hello");
//! #   Ok(())
//! })
//! # }
//! ```
//!
//! # The loop
//!
//! A program that serves many clients at once spends its life waiting: for bytes, for room to write, for a
//! moment in time. A thread for each wait is the simplest way to write that down and a costly one. The other way
//! is one thread that asks the operating system about *all* its waits at once, and runs whatever can go on:
//!
//! ```text
//!          ┌───────────────────────────────────────────────────────────────────────┐
//!          │                                                                       │
//!          ▼                                                                       │
//!   ┌─────────────┐   ┌──────────────────┐   ┌─────────────────┐   ┌───────────────┴────────────────┐
//!   │ drain inbox │──▶│ run ready tasks  │──▶│ fire due timers │──▶│ poll driver: sleep until an    │
//!   │             │   │ (at most 256)    │   │                 │   │ event or the next timer (or not│
//!   │ wakes from  │   │                  │   │ wake who waits  │   │ at all, if tasks are ready);   │
//!   │ other       │   │ each runs until  │   │ for them        │   │ mark readiness, wake who waits │
//!   │ threads     │   │ it has to wait   │   │                 │   │                                │
//!   └─────────────┘   └──────────────────┘   └─────────────────┘   └────────────────────────────────┘
//!      inbox.rs          tasks.rs               wheel.rs             driver/, reactor.rs
//! ```
//!
//! One way around is a *turn*: one function, `Core::turn` in `engine/core.rs`, on one screen, which `block_on` calls until its
//! future is ready. (The inbox is looked into before each task, so that a busy loop hears other threads at once.) A task is a future;
//! what "it has to wait" means is that its `poll` returns `Pending`, after leaving a *waker* where it waits. When
//! that place becomes ready it calls the waker, and waking is: put the task into the ready queue.
//!
//! # The map
//!
//! The files stand in layers, and each imports only from those above it in this table. In this order they can be read in an
//! afternoon:
//!
//! | layer | holds |
//! |---|---|
//! | `engine/` | what both front ends stand on: the turn (`core`), tasks and their wakers, timers, the reactor, the drivers, and what other threads may do. `engine/mod.rs` lists its files |
//! | `io/` | what every I/O object stands on: [`Source`], [`Ready`], and the parts that sockets and pipes share; [`io`], what one does with them |
//! | `task/` | tasks as a program sees them: [`spawn`], [`JoinHandle`], [`yield_now`] |
//! | `time/` | [`time`], over the timer wheel |
//! | `handle.rs`, `runtime.rs` | the first front end, the executor: [`Runtime`], [`Builder`], [`block_on`]; [`Handle`] for other threads |
//! | `unblock.rs`, `net/`, `pipe/`, `signal/`, `process/` | what programs wait for |
//! | `event_loop/` | the second front end: [`event_loop::EventLoop`], the same ready queue with events in it instead of tasks |
//!
//! `races.rs` explores what other threads may do to a runtime.
//!
//! `DESIGN.md` follows a read and a waker through all of them, and says what each step costs.
//!
//! # What to know as a user
//!
//! * Nothing here needs `Send`: tasks share data with `Rc` and `RefCell`. What crosses threads is [`Handle`] and what it
//!   returns, every `Waker`, the future of [`unblock`], and of an event loop its [`Sender`](event_loop::Sender) and
//!   [`CallHandle`](event_loop::CallHandle).
//! * A task that computes for long keeps all others waiting: [`yield_now`] now and then, or [`unblock`].
//! * Several cores: one runtime on each of several threads.
//! * Streams implement the traits of `futures-io`, so everything written for them works; see [`io`].
//!
//! # Features
//!
//! | feature | default | brings |
//! |---|---|---|
//! | `unblock` | yes | [`unblock`], and the resolution of host names |
//! | `signal` | yes | [`signal`] |
//! | `process` | yes | [`process`]; brings those two along |
//! | `polling` | no | a second driver, [`Driver::Polling`](Driver#variant.Polling) |
//!
//! # Platforms
//!
//! Linux, macOS, the BSDs and Windows, on 64-bit processors. There are no Unix sockets and pipes on
//! Windows, and of signals only Ctrl+C; the modules say what else differs.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod engine;
pub mod event_loop;
pub mod future;
mod handle;
pub mod io;
pub mod net;
#[cfg(unix)]
pub mod pipe;
#[cfg(feature = "process")]
pub mod process;
#[cfg(all(test, oneloop_loom))]
mod races;
mod runtime;
#[cfg(feature = "signal")]
pub mod signal;
mod task;
pub mod time;
#[cfg(feature = "unblock")]
mod unblock;

pub use engine::driver::Driver;
pub use engine::interest::Interest;
pub use handle::{Handle, RemoteJoinHandle};
pub use io::ready::Ready;
pub use io::source::Source;
pub use runtime::{Builder, Runtime, block_on};
pub use task::{AbortHandle, JoinError, JoinHandle, YieldNow, spawn, yield_now};
#[cfg(feature = "unblock")]
pub use unblock::unblock;

/// The README's example compiles and runs.
#[cfg(all(doctest, feature = "unblock"))]
#[doc = include_str!("../README.md")]
mod readme {}

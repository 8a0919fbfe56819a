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
//!      remote.rs          task/                  timer.rs             driver/, reactor.rs
//! ```
//!
//! One way around is a *turn*: one function, `Core::turn` in `runtime.rs`, on one screen, which `block_on` calls until its
//! future is ready. (The inbox is looked into before each task, so that a busy loop hears other threads at once.) A task is a future;
//! what "it has to wait" means is that its `poll` returns `Pending`, after leaving a *waker* where it waits. When
//! that place becomes ready it calls the waker, and waking is: put the task into the ready queue.
//!
//! # The rooms
//!
//! To be read in this order, in an afternoon:
//!
//! | room | holds |
//! |---|---|
//! | `runtime.rs`, `builder.rs` | [`Runtime`], [`block_on`] and the turn; [`Builder`] |
//! | `task/` | tasks, the waker that is one word (`ticket`), the ready queue threaded through the task table, [`spawn`], [`JoinHandle`], the budget |
//! | `slots.rs` | numbered slots that never move: the storage under tasks, registrations, timers |
//! | `reactor.rs` | who waits for what at which socket; cached readiness |
//! | `driver/` | the seam to the operating system: its contract, and two drivers that keep it |
//! | `timer.rs`, `time.rs` | the timer wheel; [`time`], built on it |
//! | `remote.rs`, `handle.rs` | what other threads may do, and all the atomics but one; [`Handle`]. (`races.rs` tries all of it in every order) |
//! | `context.rs` | "the runtime that this thread is in": the only thread-local |
//! | `event_loop/` | the second front end: [`event_loop::EventLoop`], the same queue with events in it instead of tasks |
//! | `net/`, `source.rs`, `io.rs`, `future.rs` | sockets and other I/O objects, and what one does with them |
//! | `pipe/` | Unix pipes |
//! | `signal/`, `unblock.rs` | signals; blocking work on other threads |
//! | `process/` | child processes, built on the three before it |
//!
//! `DESIGN.md` follows a read and a waker through all of them, and says what each step costs.
//!
//! # What to know as a user
//!
//! * Nothing here needs `Send`: tasks share data with `Rc` and `RefCell`. What crosses threads is [`Handle`], what it
//!   returns, and every `Waker`.
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

mod builder;
mod context;
#[cfg_attr(oneloop_loom, allow(dead_code))] // the model watches nothing
mod driver;
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
mod reactor;
mod remote;
mod runtime;
#[cfg(feature = "signal")]
pub mod signal;
mod slots;
mod source;
mod sync;
mod task;
pub mod time;
mod timer;
#[cfg(feature = "unblock")]
mod unblock;

pub use builder::Builder;
pub use driver::Driver;
pub use handle::{Handle, RemoteJoinHandle};
pub use reactor::Interest;
pub use runtime::{Runtime, block_on};
pub use source::{Ready, Source};
pub use task::{AbortHandle, JoinError, JoinHandle, YieldNow, spawn, yield_now};
#[cfg(feature = "unblock")]
pub use unblock::unblock;

/// The README's example compiles and runs.
#[cfg(all(doctest, feature = "unblock"))]
#[doc = include_str!("../README.md")]
mod readme {}

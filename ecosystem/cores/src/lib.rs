//! Runs a [oneloop] runtime on each core. The crate binds a thread to each CPU. It has listeners on
//! every core, channels between the cores, restarts after panics, and one stop for all cores.
//!
//! ```no_run
//! use oneloop::io::copy;
//! use oneloop_cores::Cores;
//!
//! fn main() -> std::io::Result<()> {
//!     let mut cores = Cores::new().on_event(|event| eprintln!("{event}"));
//!     let port = cores.listen("127.0.0.1:7000")?;
//!     println!("listening on {}", port.local_addr());
//!     let control = cores.control();
//!     // A separate thread waits for Ctrl+C, so Ctrl+C works while a core panics or blocks its thread.
//!     std::thread::spawn(move || {
//!         let _ = oneloop::block_on(oneloop::signal::ctrl_c());
//!         control.stop();
//!     });
//!     let report = cores.run(move |core| async move {
//!         let mut listener = core.listener(port)?;
//!         // `accept` returns `None` after the stop, when no connection waits any more.
//!         while let Some((connection, _peer)) = listener.accept().await {
//!             oneloop::spawn(async move { copy(&connection, &connection).await });
//!         }
//!         std::io::Result::Ok(())
//!     })?;
//!     println!("{report}");
//!     Ok(())
//! }
//! ```
//!
//! # The types
//!
//! | name | content |
//! |---|---|
//! | [`Cores`] | options, the ports, [`run`](Cores::run) |
//! | [`Core`] | the core of the future that has it |
//! | [`Port`], [`Listener`], [`Connection`] | a port that all cores serve; [`Spread`] sets the way in which the cores receive its connections |
//! | [`Mesh`], [`Broadcast`] | messages from core to core, and to all |
//! | [`Policy`] | restarts after a panic |
//! | [`Control`] | the stop, and figures, for other threads |
//! | [`Figures`], [`Report`], [`Event`] | the work of the cores, their ends, and events for a log |
//!
//! # Bounds
//!
//! | queue | bound | at the bound |
//! |---|---|---|
//! | connections in the kernel's queue | [`ListenOptions::backlog`]; with [`Spread::Kernel`] for each core | the kernel drops the client's last segment, which the client sends again |
//! | connections that wait for a core, [`Spread::LeastLoaded`] | 128 for each core and port; at the stop, also those in the kernel's queue | another core gets the connection; while all queues are full, the acceptor pauses |
//! | connections that are accepted after the stop | [`ListenOptions::backlog`] plus one for each socket, the capacity of its queue | further connections came after the stop, and the kernel resets them |
//! | messages to a core, [`Mesh`] | the argument of [`Mesh::new`] | [`send`](MeshEnd::send) waits, [`try_send`](MeshEnd::try_send) returns an error |
//! | messages to all, [`Broadcast`] | the argument of [`Broadcast::new`] | a new message overwrites the oldest; a subscription that has not received it returns [`Missed`] |
//! | restarts of a core | the arguments of [`Policy::restart`] | all cores stop |
//! | the time from the stop until [`Cores::run`] returns | [`Cores::stop_deadline`] and [`Cores::abandon_after`] | the core counts as hung |
//!
//! # The stop
//!
//! [`Control::stop`] and [`Core::stop`] stop all cores. So does a panic after which the policy allows no
//! restart. The stop has four steps:
//!
//! 1. The acceptors hand over the waiting connections, and close their ports.
//! 2. [`Core::stopped`] completes on each core, and [`Listener::accept`] returns `None` when no
//!    connection waits any more.
//! 3. Each core returns. A core that has not returned after [`Cores::stop_deadline`] drops its future.
//! 4. A core that blocks its thread for a further [`Cores::abandon_after`] counts as hung. Its thread
//!    ends with the process.
//!
//! # A panic
//!
//! After a panic in its future, a core drops its runtime and with it all its tasks. The connections of
//! the tasks close and count as [`lost`](Figures::lost). The other cores continue. After the pause of
//! the [`Policy`] the core makes a new runtime on the same thread, and calls the closure again. The
//! sockets of its ports stay open with the connections in their queues, and its queue of a [`Mesh`]
//! stays.
//!
//! A panic in a task ends only that task.
//!
//! # Features
//!
//! | feature | default | content |
//! |---|---|---|
//! | `hyper` | no | [`Listener`] for `oneloop_hyper::serve`, and tokio's I/O traits for [`Connection`] |

#![cfg_attr(docsrs, feature(doc_cfg))]

mod affinity;
mod broadcast;
mod control;
mod core;
mod core_thread;
mod cores;
mod counters;
mod ends;
mod event;
mod figures;
mod flag;
#[cfg(feature = "hyper")]
mod hyper;
mod mesh;
mod net;
mod policy;
#[cfg(all(test, oneloop_cores_loom))]
mod races;
mod report;
mod shared;
mod slot;
mod supervise;
mod sync;

pub use broadcast::{Broadcast, Missed, Subscription};
pub use control::Control;
pub use core::Core;
pub use cores::Cores;
pub use event::Event;
pub use figures::Figures;
pub use mesh::{Mesh, MeshEnd, SendError};
pub use net::{Connection, ListenOptions, Listener, Open, Port, Spread};
pub use policy::Policy;
pub use report::{CoreReport, End, Report};

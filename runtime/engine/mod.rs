//! The engine of both front ends: the loop, its tables, and the boundary to the operating system. The
//! engine imports nothing from the other modules of the crate.
//!
//! | file | holds |
//! |---|---|
//! | `core` | the state of one loop, and the turn |
//! | `idle`, `ending`, `observed` | more of `core`: the steps before a park; aborts and the end of the loop; the steps around a unit while the loop is observed |
//! | `tasks`, `task_slot`, `cell`, `join_error`, `panic` | the task table and its ready queue; the slot of a task; the one allocation of a task; the errors of a task |
//! | `joins`, `task_names`, `urgent`, `scan` | the task table as join handles use it; the names of tasks; the entries that the loop handles before the ready queue; scans of the whole table |
//! | `counters`, `observation`, `places` | the counters of the loop; the duration of each poll; the places where tasks were spawned |
//! | `happening`, `hook`, `record/` | the happenings that an observer receives; the hook that calls the observer; the recorder, and the format of its record |
//! | `driven` | whether a front end runs the loop |
//! | `ticket`, `waker` | the word that names a task; the waker around that word |
//! | `context` | the runtime that the current thread is in |
//! | `wait_list`, `budget` | the waiters of one place; the number of operations after which a task yields |
//! | `slots` | tables of numbered slots that never move |
//! | `wheel`, `clock` | timers |
//! | `reactor`, `registration`, `interest` | the registered objects, their cached readiness, and their waiters |
//! | `inbox`, `messages`, `look`, `registry`, `fork` | the queue of messages of other threads; what each message does; the search for more messages before a park; the runtimes that exist; the check for a runtime that a fork copied |
//! | `driver/` | the interface to the operating system |
//! | `options`, `sync` | the options of the builder; the types that threads share |
//!
//! # The one cycle
//!
//! A waker is a word without a pointer. A wake-up asks the context for the loop of the current thread.
//! The core of that loop holds the tables. The tables wake their waiters through wakers. So the waker,
//! the context, the core and the tables call each other in a cycle. No other modules do.

pub(crate) mod budget;
pub(crate) mod cell;
pub(crate) mod clock;
pub(crate) mod context;
pub(crate) mod core;
pub(crate) mod counters;
pub(crate) mod driven;
#[cfg_attr(oneloop_loom, allow(dead_code))] // the model of loom registers nothing
pub(crate) mod driver;
mod ending;
pub(crate) mod fork;
pub(crate) mod happening;
pub(crate) mod hook;
mod idle;
pub(crate) mod inbox;
pub(crate) mod interest;
pub(crate) mod join_error;
mod joins;
pub(crate) mod look;
#[cfg(all(test, oneloop_loom))]
pub(crate) mod loom;
mod messages;
pub(crate) mod observation;
mod observed;
pub(crate) mod options;
pub(crate) mod panic;
pub(crate) mod places;
pub(crate) mod reactor;
#[cfg(feature = "trace")]
pub(crate) mod record;
pub(crate) mod registration;
pub(crate) mod registry;
pub(crate) mod scan;
pub(crate) mod slots;
pub(crate) mod sync;
mod task_names;
pub(crate) mod task_slot;
pub(crate) mod tasks;
pub(crate) mod ticket;
pub(crate) mod urgent;
pub(crate) mod wait_list;
pub(crate) mod waker;
pub(crate) mod wheel;

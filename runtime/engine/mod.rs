//! What both front ends stand on: the loop, its tables, and the boundary to the operating system.
//! Nothing here imports from outside.
//!
//! | file | holds |
//! |---|---|
//! | `core` | what one loop owns, and the turn |
//! | `tasks`, `task_slot`, `cell`, `join_error`, `panic` | the task table and the ready queue threaded through it; a task's slot; its one allocation; its errors |
//! | `ticket`, `waker` | the word that names a task; the waker over it |
//! | `context` | the runtime that this thread is in |
//! | `wait_list`, `budget` | the waiters at a place; how long a task may find everything ready |
//! | `slots` | numbered slots that never move |
//! | `wheel`, `clock` | timers |
//! | `reactor`, `registration`, `interest` | the objects that are watched, their cached readiness, and their waiters |
//! | `inbox`, `registry`, `fork` | what other threads may do; the runtimes that are alive; whether this process inherited one |
//! | `driver/` | the operating system |
//! | `options`, `sync` | what can be chosen; what is shared between threads |
//!
//! # The one ring
//!
//! A waker is a word without a pointer. To wake, it asks the context for the loop of this thread;
//! that loop's core holds the tables; and the tables wake those that wait, through their wakers. So
//! these call each other in a ring, and nothing else does.

pub(crate) mod budget;
pub(crate) mod cell;
pub(crate) mod clock;
pub(crate) mod context;
pub(crate) mod core;
#[cfg_attr(oneloop_loom, allow(dead_code))] // the model watches nothing
pub(crate) mod driver;
pub(crate) mod fork;
pub(crate) mod inbox;
pub(crate) mod interest;
pub(crate) mod join_error;
#[cfg(all(test, oneloop_loom))]
pub(crate) mod loom;
pub(crate) mod options;
pub(crate) mod panic;
pub(crate) mod reactor;
pub(crate) mod registration;
pub(crate) mod registry;
pub(crate) mod slots;
pub(crate) mod sync;
pub(crate) mod task_slot;
pub(crate) mod tasks;
pub(crate) mod ticket;
pub(crate) mod wait_list;
pub(crate) mod waker;
pub(crate) mod wheel;

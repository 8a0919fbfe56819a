//! Tasks, the futures that the loop owns and polls, as a program uses them. `engine/` contains the
//! loop's side.
//!
//! | file | holds |
//! |---|---|
//! | `spawn` | makes a task of a future |
//! | `join` | the handles of a task |
//! | `join_set` | a set of tasks, joined as they end |
//! | `yield_now` | lets the other tasks run |
//! | `id` | ids and names |
//! | `budget` | lets the other tasks run after a number of operations, or never |

mod budget;
mod id;
mod join;
mod join_set;
mod spawn;
mod yield_now;

pub use crate::engine::join_error::JoinError;
pub use crate::engine::ticket::Id;
pub use budget::{Unconstrained, consume_budget, unconstrained};
pub use id::{Builder, id, name, try_id};
pub use join::{AbortHandle, JoinHandle};
pub use join_set::JoinSet;
pub use spawn::spawn;
pub(crate) use spawn::{spawn_from, spawn_on};
pub use yield_now::{YieldNow, yield_now};

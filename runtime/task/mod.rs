//! Tasks as a program sees them: futures that the loop owns and polls. What the loop does with them
//! is in `engine/`.
//!
//! | file | holds |
//! |---|---|
//! | `spawn` | a future becomes a task |
//! | `join` | a task seen from outside |
//! | `join_set` | many of them, joined as they end |
//! | `yield_now` | a task gives way |
//! | `id` | ids and names |
//! | `budget` | a task gives way now and then, or never |

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
pub(crate) use spawn::spawn_on;
pub use yield_now::{YieldNow, yield_now};

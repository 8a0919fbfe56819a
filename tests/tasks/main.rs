//! Tasks and the runtime that runs them: no test here needs a socket of its own to make its point.

mod abort;
mod block_on;
mod branches;
mod budget;
mod budget_by_hand;
mod enter;
mod handle;
mod ids;
mod interval;
mod join_error;
mod join_handle;
mod join_set;
mod regressions;
mod runtime;
mod scope;
mod shutdown;
mod sleep;
mod small_steps;
mod spawn;
mod stopped_clock;
mod timeout;
mod unblock;
mod unblock_io;
mod waker;
mod yield_now;

//! These tests cover the reader, the model, and their outputs.

#[path = "../common/mod.rs"]
mod common;

mod example;
mod hostile;
mod json;
mod model;
mod page;
mod program;
mod reader;
#[cfg(unix)]
mod real;
mod recorder;

use common::server::{self, Plan};
use common::words::Words;

/// Makes the record of a server with names that do harm unless they are escaped.
fn hostile_server(events: usize) -> Words {
    server::record(Plan { events, tasks: events / 10, hostile: true, seed: 3 })
}

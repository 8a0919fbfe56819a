//! These tests run the examples `http_server` and `with_tokio` as programs, with other projects'
//! clients.

mod connections;
mod ending;
mod errors;
mod files;
mod load;
mod names;
mod routes;
mod server;
mod ticks;
mod uploads;
mod with_tokio;

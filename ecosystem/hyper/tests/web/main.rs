//! The examples `http_server` and `with_tokio`, as real programs, with clients of others.

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

//! The examples, run as programs.

#![cfg(unix)] // signals end them, and Debian's nginx and curl talk to them

mod support;

mod http_client;
mod https;
mod nginx;

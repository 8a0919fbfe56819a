//! The server, against clients that behave and clients that don't.

mod adapters;
mod client;
mod faults;
mod frames;
mod limits;
mod protocols;
mod rest;
mod server;
mod shutdown;
mod slow;
mod upgrades;

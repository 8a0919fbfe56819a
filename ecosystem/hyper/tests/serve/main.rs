//! These tests cover the server, with correct clients and with faulty ones.

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

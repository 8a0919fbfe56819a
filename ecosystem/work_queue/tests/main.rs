//! Tests of the queue in this process and on Debian's redis-server: its guarantees, and faults.
#![cfg(unix)] // The tests end programs by signals, and use Unix sockets, which need no port.

mod broker_dies;
mod cluster;
mod in_process;
mod lost_answers;
mod odd_brokers;
mod partition;
mod program;
mod promises;
mod support;
mod volume;
mod workers_die;

//! Faults on purpose: a program that says "nothing grew" should be seen to say the opposite. (The wrong byte is the
//! servers'.)

use std::net::UdpSocket;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use oneloop::time::interval;

use crate::options::Fault;

const PERIOD: Duration = Duration::from_millis(20);
const KEPT_BYTES: usize = 256 * 1024;

/// Memory that is kept for nothing grows like any that is forgotten, but a leak checker has nothing to say of it.
static KEPT: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

fn keep() {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner).push(vec![1; KEPT_BYTES]);
}

pub fn start(fault: Option<Fault>) {
    let grow: fn() = match fault {
        Some(Fault::Memory) => keep,
        Some(Fault::Descriptor) => || std::mem::forget(UdpSocket::bind("127.0.0.1:0")),
        Some(Fault::Byte) | None => return,
    };
    oneloop::spawn(async move {
        let mut ticks = interval(PERIOD);
        loop {
            ticks.tick().await;
            grow();
        }
    });
}

//! Faults on purpose. They show that the program reports growth when there is some. (The servers make
//! the wrong byte.)

use std::net::UdpSocket;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use oneloop::time::interval;

use crate::options::Fault;

const PERIOD: Duration = Duration::from_millis(20);
const KEPT_BYTES: usize = 256 * 1024;

/// Memory that grows like a leak. A leak checker does not report it, because the static still holds it.
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

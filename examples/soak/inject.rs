//! Faults on purpose: a program that says "nothing grew" should be seen to say the opposite. (The wrong byte is the
//! servers'.)

use std::net::UdpSocket;
use std::time::Duration;

use oneloop::time::interval;

use crate::options::Fault;

const PERIOD: Duration = Duration::from_millis(20);
const FORGOTTEN_BYTES: usize = 256 * 1024;

pub fn start(fault: Option<Fault>) {
    let forget: fn() = match fault {
        Some(Fault::Memory) => || std::mem::forget(std::hint::black_box(vec![1_u8; FORGOTTEN_BYTES])),
        Some(Fault::Descriptor) => || std::mem::forget(UdpSocket::bind("127.0.0.1:0")),
        Some(Fault::Byte) | None => return,
    };
    oneloop::spawn(async move {
        let mut ticks = interval(PERIOD);
        loop {
            ticks.tick().await;
            forget();
        }
    });
}

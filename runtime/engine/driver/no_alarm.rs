//! The replacement of `alarm.rs` without a timer descriptor. It is used on systems other than Linux,
//! without the feature `precise-timers`, and where mio falls back to poll(2).

use std::io;
use std::time::Duration;

pub(super) enum Alarm {}

impl Alarm {
    /// Returns `None`, so that time-outs stay unchanged.
    pub(super) fn new(_: &::mio::Registry, _: ::mio::Token) -> io::Result<Option<Alarm>> {
        Ok(None)
    }

    pub(super) fn instead_of(&mut self, _: Option<Duration>) -> Option<Duration> {
        match *self {}
    }

    pub(super) fn has_expired(&mut self) {
        match *self {}
    }
}

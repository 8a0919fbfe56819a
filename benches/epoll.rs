//! A safe wrapper of `epoll` without further functions, for the load generator and for the hand-written
//! server.

use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::time::{Duration, Instant};

use crate::sys::checked;

/// The kernel's report of readiness for the source that was added with the event's token.
pub type Event = libc::epoll_event;

/// Both directions, edge-triggered. One registration serves a connection until the connection closes.
pub const BOTH_EDGES: libc::c_int = libc::EPOLLIN | libc::EPOLLOUT | libc::EPOLLRDHUP | libc::EPOLLET;
/// Input. The registration is level-triggered, unless the caller adds `EPOLLET`.
pub const INPUT: libc::c_int = libc::EPOLLIN;
/// The events that report that the peer has shut down its sending side, or that the connection has
/// ended.
pub const READ_CLOSED: u32 = (libc::EPOLLRDHUP | libc::EPOLLHUP | libc::EPOLLERR) as u32;

/// An epoll instance and its event list.
pub struct Epoll {
    descriptor: OwnedFd,
    events: Vec<Event>,
}

impl Epoll {
    /// The maximum number of events that one wait returns. tokio and mio use the same number.
    const EVENTS_MAX: usize = 1024;

    pub fn new() -> io::Result<Epoll> {
        // SAFETY: the call touches no memory.
        let descriptor = checked(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        // SAFETY: the descriptor is open and has no other owner.
        let descriptor = unsafe { OwnedFd::from_raw_fd(descriptor) };
        Ok(Epoll { descriptor, events: Vec::with_capacity(Self::EVENTS_MAX) })
    }

    /// Watches `source` until it is closed.
    pub fn add(&self, source: &impl AsFd, token: u64, interest: libc::c_int) -> io::Result<()> {
        let mut event = libc::epoll_event { events: interest as u32, u64: token };
        let (epoll, source) = (self.descriptor.as_raw_fd(), source.as_fd().as_raw_fd());
        // SAFETY: both descriptors are open, and the kernel copies the event.
        checked(unsafe { libc::epoll_ctl(epoll, libc::EPOLL_CTL_ADD, source, &mut event) })?;
        Ok(())
    }

    /// Waits until a source is ready or `timeout` has passed. With `None` the wait has no time limit. A
    /// signal ends the wait early, and the call then returns no events.
    pub fn wait(&mut self, timeout: Option<Duration>) -> io::Result<&[Event]> {
        let timeout_ms = timeout.map_or(-1, |timeout| timeout.as_millis() as libc::c_int);
        self.events.clear();
        let (list, room) = (self.events.as_mut_ptr(), Self::EVENTS_MAX as libc::c_int);
        // SAFETY: the list has space for `room` events, and the kernel writes no more than that.
        let count = checked(unsafe { libc::epoll_wait(self.descriptor.as_raw_fd(), list, room, timeout_ms) });
        match count {
            // SAFETY: the kernel has written `count` events.
            Ok(count) => unsafe { self.events.set_len(count as usize) },
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        Ok(&self.events)
    }

    /// Polls without sleeping until an event arrives or `limit` has passed.
    pub fn wait_busily(&mut self, limit: Duration) -> io::Result<&[Event]> {
        let start = Instant::now();
        while self.wait(Some(Duration::ZERO))?.is_empty() && start.elapsed() < limit {}
        Ok(&self.events)
    }
}

//! `epoll`, made safe and nothing more: for the load generator and for the hand-written server.

use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::time::{Duration, Instant};

use crate::sys::checked;

/// Readiness was reported for the source that was added with `token`.
pub type Event = libc::epoll_event;

/// Both directions, edge-triggered: one registration serves a connection for life.
pub const BOTH_EDGES: libc::c_int = libc::EPOLLIN | libc::EPOLLOUT | libc::EPOLLRDHUP | libc::EPOLLET;
/// Input; level-triggered, unless `EPOLLET` is added.
pub const INPUT: libc::c_int = libc::EPOLLIN;
/// The peer will send no more, or the connection is gone.
pub const READ_CLOSED: u32 = (libc::EPOLLRDHUP | libc::EPOLLHUP | libc::EPOLLERR) as u32;

/// An epoll instance and its event list.
pub struct Epoll {
    descriptor: OwnedFd,
    events: Vec<Event>,
}

impl Epoll {
    /// As many events at a time as tokio and mio ask for.
    const EVENTS_MAX: usize = 1024;

    pub fn new() -> io::Result<Epoll> {
        // SAFETY: the call touches no memory.
        let descriptor = checked(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        // SAFETY: the descriptor is open and belongs to nobody else.
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

    /// Waits until something is ready or `timeout` (`None`: never) is over. A signal ends the wait early.
    pub fn wait(&mut self, timeout: Option<Duration>) -> io::Result<&[Event]> {
        let timeout_ms = timeout.map_or(-1, |timeout| timeout.as_millis() as libc::c_int);
        self.events.clear();
        let (list, room) = (self.events.as_mut_ptr(), Self::EVENTS_MAX as libc::c_int);
        // SAFETY: the list has room for as many events as the kernel is told.
        let count = checked(unsafe { libc::epoll_wait(self.descriptor.as_raw_fd(), list, room, timeout_ms) });
        match count {
            // SAFETY: the kernel has written that many events.
            Ok(count) => unsafe { self.events.set_len(count as usize) },
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        Ok(&self.events)
    }

    /// The same without sleeping: asks until there is something, or `limit` is over.
    pub fn wait_busily(&mut self, limit: Duration) -> io::Result<&[Event]> {
        let start = Instant::now();
        while self.wait(Some(Duration::ZERO))?.is_empty() && start.elapsed() < limit {}
        Ok(&self.events)
    }
}

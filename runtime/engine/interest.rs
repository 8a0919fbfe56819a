//! The type `Interest`, which names a direction of an I/O object.

use super::driver::Readiness;

/// A direction of an I/O object whose readiness a task waits for.
///
/// # Examples
///
/// ```ignore-windows
/// # fn main() -> std::io::Result<()> {
/// # use std::os::unix::net::UnixStream;
/// use oneloop::{Interest, Source};
///
/// oneloop::block_on(async {
///     let (ours, _theirs) = UnixStream::pair()?;
///     ours.set_nonblocking(true)?;
///     let ours = Source::new(ours)?;
///     std::future::poll_fn(|cx| ours.poll_ready(cx, Interest::Writable)).await?; // a write may succeed
/// #   Ok(())
/// })
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Interest {
    /// A read or an accept may succeed.
    Readable,
    /// A write may succeed, or a connect has ended.
    Writable,
}

impl Interest {
    pub(crate) fn ready(self) -> Readiness {
        match self {
            Interest::Readable => Readiness::READABLE,
            Interest::Writable => Readiness::WRITABLE,
        }
    }

    pub(crate) fn closed(self) -> Readiness {
        match self {
            Interest::Readable => Readiness::READ_CLOSED,
            Interest::Writable => Readiness::WRITE_CLOSED,
        }
    }
}

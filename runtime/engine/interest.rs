//! `Interest`: a direction of an I/O object.

use super::driver::Readiness;

/// What one waits for at an I/O object.
///
/// # Examples
///
/// ```
/// # #[cfg(unix)]
/// # fn main() -> std::io::Result<()> {
/// # use std::os::unix::net::UnixStream;
/// use oneloop::{Interest, Source};
///
/// oneloop::block_on(async {
///     let (ours, _theirs) = UnixStream::pair()?;
///     ours.set_nonblocking(true)?;
///     let ours = Source::new(ours)?;
///     std::future::poll_fn(|cx| ours.poll_ready(cx, Interest::Writable)).await?; // there is room
/// #   Ok(())
/// })
/// # }
/// # #[cfg(not(unix))]
/// # fn main() {}
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Interest {
    /// That a read, or an accept, may succeed.
    Readable,
    /// That a write may succeed, or that a connect has come to an end.
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

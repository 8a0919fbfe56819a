//! Operations of the program's own on a socket or pipe: system calls on its descriptor that the
//! type has no method for.
//!
//! `own_operations!` adds the methods to a type. The operation goes through mio's own `try_io`: on
//! Windows, and on poll(2), that function watches the object again after a `WouldBlock`. A listener
//! of mio has no `try_io`, and accepting is the only operation that can be tried on it. The
//! short-read rule needs the number of bytes that the operation asks for, so it is not applied.

/// Implements the methods for a type whose `Socket` is `$socket`. `$example` is the documentation
/// of the first method's example.
macro_rules! own_operations {
    ($name:ident, |$this:ident| $socket:expr, $(#[$example:meta])*) => {
        impl $name {
            /// Tries an operation of the program's own, if the object counts as ready for it. The
            /// operation is a system call on the descriptor that the type has no method for. An
            /// operation that a signal interrupts is tried again.
            ///
            /// The operation must not block, and must return `WouldBlock` only if the system does.
            /// The method does not count the bytes that the operation moves.
            ///
            /// # Errors
            ///
            /// `WouldBlock` if the object is not ready, without a call of `operation`. Otherwise
            /// the method returns the operation's result. If that is `WouldBlock`, the object
            /// counts as not ready until the next event.
            ///
            /// # Examples
            ///
            $(#[$example])*
            pub fn try_io<R>(
                &self,
                interest: crate::engine::interest::Interest,
                mut operation: impl FnMut() -> std::io::Result<R>,
            ) -> std::io::Result<R> {
                let $this = self;
                $socket.try_io(interest, |io| io.try_io(&mut operation))
            }

            /// Waits until the object is ready and tries an operation of the program's own, as
            #[doc = concat!("[`try_io`](", stringify!($name), "::try_io),")]
            /// until the result is not `WouldBlock`.
            ///
            #[doc = concat!("[`try_io`](", stringify!($name), "::try_io) has an example.")]
            ///
            /// # Errors
            ///
            /// The error of `operation`, or an error if the object's runtime was dropped.
            ///
            /// # Cancel safety
            ///
            /// The method is cancel safe: once `operation` has succeeded, its result is returned in
            /// the same poll.
            pub async fn async_io<R>(
                &self,
                interest: crate::engine::interest::Interest,
                mut operation: impl FnMut() -> std::io::Result<R>,
            ) -> std::io::Result<R> {
                let $this = self;
                $socket.async_io(interest, |io| io.try_io(&mut operation)).await
            }

            /// Returns `Ready` when the object counts as readable or writable. Until then the task
            /// waits. Several tasks may wait for the same direction, and all are woken.
            /// [`Source::poll_ready`](crate::Source::poll_ready) has an example.
            ///
            /// # Errors
            ///
            /// The method returns the errors of `readable` and `writable`.
            pub fn poll_ready(
                &self,
                cx: &mut std::task::Context<'_>,
                interest: crate::engine::interest::Interest,
            ) -> std::task::Poll<std::io::Result<()>> {
                let $this = self;
                $socket.poll_ready(cx, interest)
            }
        }
    };
}

pub(crate) use own_operations;

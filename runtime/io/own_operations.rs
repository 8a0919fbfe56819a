//! Operations of the program's own on a socket or pipe: a system call that the type has no method
//! for, made over its descriptor.
//!
//! `own_operations!` adds the methods to a type. The operation goes through mio's own `try_io`: on
//! Windows, and on poll(2), it is that which watches the object again after a `WouldBlock`. A
//! listener of mio's has none, and accepting is all that can be tried on it. The short-read rule
//! needs to know what was asked for, and so it is not applied.

/// For a type whose `Socket` is `$socket`. `$example` is the documentation of the first method's
/// example.
macro_rules! own_operations {
    ($name:ident, |$this:ident| $socket:expr, $(#[$example:meta])*) => {
        impl $name {
            /// Tries an operation of the program's own, if the object counts as ready for it: a system
            /// call on the descriptor that there is no method for. One that a signal interrupts is
            /// tried again.
            ///
            /// The operation must not block, and must say `WouldBlock` only if the system does. How
            /// many bytes it moves is not looked at.
            ///
            /// # Errors
            ///
            /// `WouldBlock` if the object is not ready, without calling `operation`; otherwise what
            /// that returns. If it returns `WouldBlock` the object counts as not ready until the next
            /// event.
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
            /// until that says something other than `WouldBlock`.
            ///
            /// # Errors
            ///
            /// What `operation` returns, or that the object's runtime was dropped.
            ///
            /// # Cancel safety
            ///
            /// Cancel safe: once `operation` has succeeded, its result is returned in the same poll.
            ///
            /// # Examples
            ///
            #[doc = concat!("See [`try_io`](", stringify!($name), "::try_io).")]
            pub async fn async_io<R>(
                &self,
                interest: crate::engine::interest::Interest,
                mut operation: impl FnMut() -> std::io::Result<R>,
            ) -> std::io::Result<R> {
                let $this = self;
                $socket.async_io(interest, |io| io.try_io(&mut operation)).await
            }

            /// Ready when the object counts as readable or writable; until then the task waits. Several
            /// tasks may wait for the same direction: all are woken.
            ///
            /// # Errors
            ///
            /// As `readable` and `writable`.
            ///
            /// # Examples
            ///
            /// See [`Source::poll_ready`](crate::Source::poll_ready).
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

//! Calls and drops of foreign code whose panic has no receiver. The functions stop the panic.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Drops a value whose owner no longer exists. A panic of that drop has no receiver. The panic hook has
/// printed the panic.
pub(crate) fn drop_quietly<T>(value: T) {
    call_quietly(|| drop(value));
}

/// Calls a function whose panic has no receiver. The panic hook has printed the panic.
pub(crate) fn call_quietly(call: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(call)) {
        drop_payload(payload);
    }
}

/// Drops the payload of a panic that has no receiver. The panic hook has printed the panic. A payload
/// may be of any type, so its drop may panic again, and the drop of the next payload may panic, too.
/// After four panics in succession the function leaks the last payload. Otherwise the drops might never
/// end.
#[cold]
pub(super) fn drop_payload(mut payload: Box<dyn Any + Send>) {
    for _ in 0..4 {
        match catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            Ok(()) => return,
            Err(next) => payload = next,
        }
    }
    std::mem::forget(payload);
}

//! Foreign code that may panic where nothing is left to tell: it is called, or dropped, and the
//! panic goes no further.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Drops a value whose owner no longer exists. A panic has no receiver then; the panic hook has
/// printed it.
pub(crate) fn drop_quietly<T>(value: T) {
    call_quietly(|| drop(value));
}

/// The same for something to be called.
pub(crate) fn call_quietly(call: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(call)) {
        drop_payload(payload);
    }
}

/// Drops the payload of a panic that has no receiver; the panic hook has printed it. It may be of
/// any type, so its drop may panic again, and that payload's drop likewise. After four in a row the
/// last one is leaked: no end is promised otherwise.
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

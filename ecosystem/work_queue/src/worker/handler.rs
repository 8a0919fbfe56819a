//! Runs a handler for a job within the time limit, and returns its outcome.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use futures_lite::FutureExt;
use oneloop::time::timeout;

use crate::{Failure, Job};

/// The longest stored reason of a failure in bytes.
const REASON_BYTES_MAX: usize = 1024;

type Running = Pin<Box<dyn Future<Output = Result<(), Failure>>>>;

/// A handler with an erased type.
pub(crate) type Handler = Rc<dyn Fn(Job) -> Running>;

/// Runs the handler. A panic and a timeout are failures, too, and both drop the future.
pub(crate) async fn handle(handler: Handler, job: Job, limit: Duration) -> Result<(), Failure> {
    let work = async { timeout(limit, handler(job)).await };
    let outcome = match AssertUnwindSafe(work).catch_unwind().await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_elapsed)) => Err(Failure::new(format!("the handler has not finished within {limit:?}"))),
        Err(payload) => Err(Failure::new(format!("the handler panicked: {}", panic_text(payload)))),
    };
    outcome.map_err(|failure| Failure { reason: shortened(failure.reason), ..failure })
}

fn panic_text(payload: Box<dyn Any + Send>) -> String {
    match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(payload) => match payload.downcast::<&'static str>() {
            Ok(text) => (*text).to_owned(),
            Err(payload) => {
                std::mem::forget(payload); // The drop runs code of the handler, which may panic again.
                "(its payload is not text)".to_owned()
            }
        },
    }
}

fn shortened(mut reason: String) -> String {
    if reason.len() > REASON_BYTES_MAX {
        let end = (0..=REASON_BYTES_MAX).rev().find(|&end| reason.is_char_boundary(end));
        reason.truncate(end.unwrap_or(0));
        reason.push('…');
    }
    reason
}

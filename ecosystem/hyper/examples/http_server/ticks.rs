//! A streaming response: one line at each tick of a timer of the runtime.
//!
//! hyper polls the stream while the client receives the lines. When the client closes its connection,
//! hyper drops the stream. Nothing else ends the stream early, and nothing else is needed.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_lite::stream;
use serde::Deserialize;

use crate::error::{ApiError, Checked};
use crate::figures::{Open, Shared};

const COUNT_MAX: u64 = 1_000_000;

#[derive(Deserialize)]
pub struct Pace {
    #[serde(default = "count")]
    count: u64,
    #[serde(default = "every_ms")]
    every_ms: u64,
}

fn count() -> u64 {
    10
}

fn every_ms() -> u64 {
    1_000
}

/// `GET /ticks?count=10&every_ms=1000`
pub async fn ticks(
    State(figures): State<Shared>,
    Checked(Query(pace)): Checked<Query<Pace>>,
) -> Result<Response, ApiError> {
    if pace.count > COUNT_MAX || pace.every_ms == 0 {
        let rule = format!("count is {COUNT_MAX} at most, every_ms is 1 at least");
        return Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, rule));
    }
    let interval = oneloop::time::interval(Duration::from_millis(pace.every_ms));
    let open = Open::stream(figures);
    let lines = stream::unfold((interval, open, 0), move |(mut interval, open, done)| async move {
        if done == pace.count {
            return None;
        }
        interval.tick().await;
        let line = format!("tick {} of {}\n", done + 1, pace.count);
        Some((Ok::<_, Infallible>(line), (interval, open, done + 1)))
    });
    let kind = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    Ok((kind, Body::from_stream(lines)).into_response())
}

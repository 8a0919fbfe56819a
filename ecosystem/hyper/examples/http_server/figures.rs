//! State that is not `Send`: an `Rc` of `Cell`s, which is enough for a program of one thread.
//!
//! axum requires `Send` and `Sync` of its state, and `Send` of the futures that handlers return. A
//! [`SendWrapper`] has both for every content. It checks the thread while the program runs: an access
//! on a thread other than the one that made the wrapper panics. `oneloop_hyper::serve` stays on its
//! thread.
//!
//! * The state is the `Rc` in a `SendWrapper`, as [`status`] takes it.
//! * A handler that keeps a `!Send` value across an `.await` returns its whole future in a
//!   `SendWrapper`. [`hello`] keeps its `Rc` in this way. Other handlers keep a socket of the runtime.

use std::cell::Cell;
use std::rc::Rc;

use axum::extract::{Json, Path, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use send_wrapper::SendWrapper;
use serde::Serialize;

use crate::error::Checked;

pub type Shared = SendWrapper<Rc<Figures>>;

#[derive(Default)]
pub struct Figures {
    requests: Cell<u64>,
    greetings: Cell<u64>,
    streams_open: Cell<u64>,
    uploads_open: Cell<u64>,
}

/// `GET /status`
#[derive(Serialize)]
pub struct Status {
    requests: u64,
    greetings: u64,
    streams_open: u64,
    uploads_open: u64,
}

pub async fn status(State(figures): State<Shared>) -> Json<Status> {
    Json(Status {
        requests: figures.requests.get(),
        greetings: figures.greetings.get(),
        streams_open: figures.streams_open.get(),
        uploads_open: figures.uploads_open.get(),
    })
}

/// `GET /hello/NAME`
pub fn hello(
    State(figures): State<Shared>,
    Checked(Path(name)): Checked<Path<String>>,
) -> impl Future<Output = String> + Send {
    SendWrapper::new(async move {
        let figures: Rc<Figures> = figures.take();
        let number = increment(&figures.greetings);
        oneloop::yield_now().await; // The `Rc` is kept across this point.
        format!("hello, {name}: greeting {number} of {}\n", figures.greetings.get())
    })
}

/// Counts every request before its handler runs.
pub async fn count(State(figures): State<Shared>, request: Request, next: Next) -> Response {
    increment(&figures.requests);
    next.run(request).await
}

impl Figures {
    pub fn requests(&self) -> u64 {
        self.requests.get()
    }
}

fn increment(count: &Cell<u64>) -> u64 {
    count.set(count.get() + 1);
    count.get()
}

/// Counts an open stream or upload until the value is dropped.
pub struct Open {
    figures: Shared,
    which: fn(&Figures) -> &Cell<u64>,
}

impl Open {
    pub fn stream(figures: Shared) -> Open {
        Open::new(figures, |figures| &figures.streams_open)
    }

    pub fn upload(figures: Shared) -> Open {
        Open::new(figures, |figures| &figures.uploads_open)
    }

    fn new(figures: Shared, which: fn(&Figures) -> &Cell<u64>) -> Open {
        increment(which(&figures));
        Open { figures, which }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let count = (self.which)(&self.figures);
        count.set(count.get() - 1);
    }
}

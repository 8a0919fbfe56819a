//! The routes, and the layers that all of them share.

use std::time::Instant;

use axum::extract::{DefaultBodyLimit, MatchedPath, Request};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Extension, Router};

use crate::error::BodyTimeout;
use crate::figures::{self, Shared};
use crate::folder::Folder;
use crate::notes::{self, Notes};
use crate::process::complain;
use crate::ticks;
use crate::upload::{self, Uploads};
use crate::{error, files};

/// The most bytes of a body that a handler holds in memory as a whole: JSON and forms.
const BODY_BYTES_MAX: usize = 32 * 1024;

const INDEX: &str = "\
GET    /                          this page
GET    /hello/NAME                a path parameter, and state that is not Send
GET    /status                    figures as JSON
GET    /notes?contains=A&limit=9  notes as JSON
POST   /notes                     a new one, from {\"title\":\"…\",\"text\":\"…\"}
POST   /notes/form                a new one, from a form's title=…&text=…
GET    /notes/1                   one note
DELETE /notes/1
GET    /ticks?count=10&every_ms=1000
                                  a response that is sent line by line
GET    /files/PATH                a file of --dir; HEAD, Range, conditions
PUT    /uploads/NAME              a file for --uploads
POST   /uploads                   files for --uploads, from a multipart form
";

pub struct Parts {
    pub figures: Shared,
    pub files: Option<Folder>,
    pub uploads: Uploads,
    pub body_timeout: BodyTimeout,
    pub log: bool,
}

/// Makes the router from groups of routes, each with the state that it needs.
pub fn router(parts: Parts) -> Router {
    let notes = Router::new()
        .route("/notes", get(notes::list).post(notes::create))
        .route("/notes/form", post(notes::create_by_form))
        .route("/notes/{id}", get(notes::read).delete(notes::remove))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(Notes::default());
    let figures = Router::new()
        .route("/hello/{name}", get(figures::hello))
        .route("/status", get(figures::status))
        .route("/ticks", get(ticks::ticks))
        .with_state(parts.figures.clone());
    let all = Router::new()
        .route("/", get(INDEX))
        .merge(notes)
        .merge(figures)
        .merge(files::routes(parts.files))
        .merge(upload::routes(parts.uploads))
        .fallback(error::not_found)
        .method_not_allowed_fallback(error::method_not_allowed)
        .layer(Extension(parts.body_timeout))
        .layer(middleware::from_fn_with_state(parts.figures, figures::count));
    if parts.log { all.layer(middleware::from_fn(log)) } else { all }
}

/// Prints one line for each request, when the head of the response is known.
async fn log(request: Request, next: Next) -> Response {
    let began = Instant::now();
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let route = request.extensions().get::<MatchedPath>().map(|route| route.as_str().to_owned());
    let response = next.run(request).await;
    let status = response.status().as_u16();
    let route = route.as_deref().unwrap_or("no route");
    // `{:?}` escapes line breaks. A path may contain them, and the log must not.
    complain(&format!("{method} {path:?} ({route}) {status} {} µs", began.elapsed().as_micros()));
    response
}

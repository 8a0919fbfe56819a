//! JSON in and out, path and query parameters, a form, and state that is `Send`.
//!
//! axum requires a state that can cross threads. Here the state stays on one thread, so the lock is
//! always free: an `Arc<Mutex<…>>` costs a few nanoseconds. No handler may hold the lock across an
//! `.await`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::{Form, Json, Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::{Deserialize, Serialize};

use crate::error::{ApiError, Checked};

/// The most notes that are stored, so that they take 32 MB at most. The server refuses more.
const NOTES_MAX: usize = 1_000;

/// The most bytes of a title.
const TITLE_BYTES_MAX: usize = 200;

#[derive(Clone, Default)]
pub struct Notes(Arc<Mutex<Table>>);

#[derive(Default)]
struct Table {
    last: u64,
    notes: BTreeMap<u64, Note>,
}

#[derive(Clone, Serialize)]
pub struct Note {
    id: u64,
    #[serde(flatten)]
    draft: Draft,
}

/// A note that has no number yet.
#[derive(Clone, Deserialize, Serialize)]
pub struct Draft {
    title: String,
    #[serde(default)]
    text: String,
}

impl Notes {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, draft: Draft) -> Result<Note, ApiError> {
        if draft.title.is_empty() || draft.title.len() > TITLE_BYTES_MAX {
            let rule = format!("a title has 1 to {TITLE_BYTES_MAX} bytes");
            return Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, rule));
        }
        let mut table = self.table();
        if table.notes.len() == NOTES_MAX {
            let full = format!("{NOTES_MAX} notes are stored, remove one first");
            return Err(ApiError::new(StatusCode::INSUFFICIENT_STORAGE, full));
        }
        table.last += 1;
        let note = Note { id: table.last, draft };
        table.notes.insert(note.id, note.clone());
        Ok(note)
    }
}

#[derive(Deserialize)]
pub struct Search {
    #[serde(default)]
    contains: String,
    #[serde(default = "page")]
    limit: usize,
}

fn page() -> usize {
    100
}

/// `GET /notes?contains=WORD&limit=10`
pub async fn list(
    State(notes): State<Notes>,
    Checked(Query(search)): Checked<Query<Search>>,
) -> Json<Vec<Note>> {
    let table = notes.table();
    let found = table.notes.values().filter(|note| note.draft.title.contains(&search.contains));
    Json(found.take(search.limit).cloned().collect())
}

/// `GET /notes/1`
pub async fn read(
    State(notes): State<Notes>,
    Checked(Path(id)): Checked<Path<u64>>,
) -> Result<Json<Note>, ApiError> {
    notes.table().notes.get(&id).cloned().map(Json).ok_or_else(|| no_note(id))
}

/// `POST /notes` with `{"title":"…","text":"…"}`
pub async fn create(
    State(notes): State<Notes>,
    Checked(Json(draft)): Checked<Json<Draft>>,
) -> Result<Response, ApiError> {
    let note = notes.add(draft)?;
    let location = [(header::LOCATION, format!("/notes/{}", note.id))];
    Ok((StatusCode::CREATED, location, Json(note)).into_response())
}

/// `POST /notes/form` with `title=…&text=…`, as a browser's form sends it.
pub async fn create_by_form(
    State(notes): State<Notes>,
    Checked(Form(draft)): Checked<Form<Draft>>,
) -> Result<Redirect, ApiError> {
    let note = notes.add(draft)?;
    Ok(Redirect::to(&format!("/notes/{}", note.id)))
}

/// `DELETE /notes/1`
pub async fn remove(
    State(notes): State<Notes>,
    Checked(Path(id)): Checked<Path<u64>>,
) -> Result<StatusCode, ApiError> {
    notes.table().notes.remove(&id).map(|_| StatusCode::NO_CONTENT).ok_or_else(|| no_note(id))
}

fn no_note(id: u64) -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, format!("no note has the number {id}"))
}

//! Uploads: bodies that are written to the disk as they arrive.
//!
//! * An upload of any size takes one piece of [`PIECE_BYTES`] in memory. While a thread writes a piece,
//!   the server reads nothing more, so hyper's window closes and the client waits.
//! * The size of an upload is limited, and the time for each piece. A client that sends a single byte
//!   within each of these times stays within the limits, and keeps its connection for a long time.
//! * An incomplete file never has the file's name. On Linux the crate cap-tempfile keeps it without a
//!   name, elsewhere under a name that it removes. The incomplete file is removed when the upload fails
//!   and when the client closes the connection. A complete file replaces an older file of its name. The
//!   server does not sync the file to the disk, so a power failure may lose it.

use std::io::{self, Write};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Json, Multipart, OriginalUri, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{post, put};
use cap_tempfile::TempFile;
use futures_lite::{Stream, StreamExt};
use headers::{ContentLength, HeaderMapExt};
use oneloop::time::timeout;
use serde::Serialize;

use crate::error::{ApiError, Checked};
use crate::figures::{Open, Shared};
use crate::folder::{self, Folder};

/// The number of bytes that the server gathers for one hand-over to a thread.
const PIECE_BYTES: usize = 256 * 1024;

/// The most files in one form. The server refuses more.
const FILES_MAX: usize = 100;

#[derive(Clone)]
pub struct Uploads {
    /// `None` refuses all uploads.
    pub folder: Option<Folder>,
    pub bytes_max: u64,
    /// The time limit for the next piece.
    pub piece_timeout: Duration,
    pub figures: Shared,
}

#[derive(Serialize)]
struct Stored {
    name: String,
    bytes: u64,
}

pub fn routes(uploads: Uploads) -> Router {
    Router::new()
        .route("/uploads", post(form))
        .route("/uploads/{name}", put(one))
        // axum's own limit, 2 MB, is for bodies that an extractor holds in memory.
        .layer(DefaultBodyLimit::disable())
        .with_state(uploads)
}

/// `PUT /uploads/NAME`, as `curl --upload-file` sends it.
async fn one(
    State(uploads): State<Uploads>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let encoded = uri.path().rsplit('/').next().unwrap_or_default();
    let name = folder::name(encoded).ok_or_else(|| bad_name(encoded))?;
    if headers.typed_get::<ContentLength>().is_some_and(|length| length.0 > uploads.bytes_max) {
        return Err(uploads.too_large());
    }
    let bytes = uploads.store(body.into_data_stream(), &name).await?;
    Ok((StatusCode::CREATED, Json(Stored { name, bytes })).into_response())
}

/// `POST /uploads`, as a browser's form and `curl --form` send it. Each file is stored by itself, so
/// the files before a failure stay.
async fn form(
    State(uploads): State<Uploads>,
    Checked(mut form): Checked<Multipart>,
) -> Result<Response, ApiError> {
    let mut stored = Vec::new();
    loop {
        let field =
            timeout(uploads.piece_timeout, form.next_field()).await.map_err(|_| uploads.too_slow())?;
        let Some(field) = field? else { break };
        // A field without a file name is text. The next call skips it, within the time limit for one
        // piece. A file field that the user has left empty is skipped in the same way.
        let Some(name) = field.file_name().map(str::to_owned) else { continue };
        if name.is_empty() {
            continue;
        }
        if !folder::is_plain(&name) {
            return Err(bad_name(&name));
        }
        if stored.len() == FILES_MAX {
            return Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, format!("{FILES_MAX} files at most")));
        }
        let bytes = uploads.store(field, &name).await?;
        stored.push(Stored { name, bytes });
    }
    Ok((StatusCode::CREATED, Json(stored)).into_response())
}

fn bad_name(name: &str) -> ApiError {
    ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, format!("{name:?} can't be the name of an upload"))
}

impl Uploads {
    /// Stores a stream of pieces. Returns its length in bytes.
    async fn store<S, E>(&self, mut pieces: S, name: &str) -> Result<u64, ApiError>
    where
        S: Stream<Item = Result<Bytes, E>> + Unpin,
        E: std::error::Error,
    {
        let folder = self.folder.ok_or_else(|| {
            ApiError::new(StatusCode::FORBIDDEN, "uploads are off: the server was started without --uploads")
        })?;
        let _open = Open::upload(self.figures.clone());
        let mut file = blocking(move || Partial::new(folder)).await?;
        let mut bytes = 0;
        loop {
            let piece = timeout(self.piece_timeout, pieces.next()).await.map_err(|_| self.too_slow())?;
            let Some(piece) = piece else { break };
            let piece = piece.map_err(|error| {
                ApiError::new(StatusCode::BAD_REQUEST, format!("the upload can't be read: {error}"))
            })?;
            bytes += piece.len() as u64;
            if bytes > self.bytes_max {
                return Err(self.too_large());
            }
            file.gathered.extend_from_slice(&piece);
            if file.gathered.len() >= PIECE_BYTES {
                file = blocking(|| file.write()).await?;
            }
        }
        let name = name.to_owned();
        blocking(|| file.write()?.file.replace(name)).await?;
        Ok(bytes)
    }

    fn too_large(&self) -> ApiError {
        let limit = format!("an upload has {} bytes at most", self.bytes_max);
        ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, limit)
    }

    fn too_slow(&self) -> ApiError {
        let limit = format!("nothing more of the upload arrived within {:?}", self.piece_timeout);
        ApiError::new(StatusCode::REQUEST_TIMEOUT, limit)
    }
}

/// An incomplete file. Dropping the value removes the file.
struct Partial {
    file: TempFile<'static>,
    gathered: Vec<u8>,
}

impl Partial {
    fn new(folder: Folder) -> io::Result<Partial> {
        Ok(Partial { file: TempFile::new(folder)?, gathered: Vec::new() })
    }

    /// Writes the gathered bytes. Blocks the thread.
    fn write(mut self) -> io::Result<Partial> {
        self.file.write_all(&self.gathered)?;
        self.gathered.clear();
        Ok(self)
    }
}

/// Runs calls of the file system on a thread. If the client closes the connection meanwhile, the
/// handler is dropped, and the thread drops the result.
async fn blocking<T: Send + 'static>(
    calls: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, ApiError> {
    oneloop::unblock(calls).await.map_err(|error| folder::failure(&error))
}

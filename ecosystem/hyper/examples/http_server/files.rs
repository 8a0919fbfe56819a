//! Static files: types, conditions, ranges, and bodies that other threads read.
//!
//! No system reports that a file is ready, as it does for a socket, so [`oneloop::unblock`] hands the
//! calls to a thread. A hand-over costs some tens of microseconds. A small file needs one hand-over,
//! which opens the file, decides the answer and reads the first piece. A large file needs one more for
//! each further piece, at the speed at which the client receives them. A response holds one piece in
//! memory.
//!
//! tower-http's `ServeDir` reads files on tokio's threads and therefore needs tokio's runtime.

use std::fs::Metadata;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use axum::Router;
use axum::body::Body;
use axum::extract::{OriginalUri, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use cap_std::fs::File;
use futures_lite::stream;
use headers::{
    AcceptRanges, ContentLength, ContentRange, HeaderMapExt, IfModifiedSince, IfRange, LastModified,
};
use http_range_header::{RangeUnsatisfiableError, parse_range_header};

use crate::error::ApiError;
use crate::folder::{self, Folder};

/// The most bytes that one hand-over reads, and that a response holds in memory.
const PIECE_BYTES: u64 = 64 * 1024;

/// The path of the files in URIs.
const PREFIX: &str = "/files/";

pub fn routes(folder: Option<Folder>) -> Router {
    Router::new()
        .route("/files", get(|| async { Redirect::permanent(PREFIX) }))
        .route("/files/", get(file))
        .route("/files/{*path}", get(file))
        .with_state(folder)
}

/// `GET /files/PATH`, and `HEAD`.
async fn file(
    State(folder): State<Option<Folder>>,
    OriginalUri(uri): OriginalUri,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let missing = || ApiError::new(StatusCode::NOT_FOUND, format!("no file is at {}", uri.path()));
    let folder = folder.ok_or_else(missing)?;
    // This is the path as the client has sent it. axum's `Path` would have decoded it.
    let encoded = uri.path().strip_prefix(PREFIX).ok_or_else(missing)?;
    let path = folder::path(encoded).ok_or_else(missing)?;
    let request = Asked { path, as_folder: uri.path().ends_with('/'), head: method == Method::HEAD, headers };
    match oneloop::unblock(move || answer(folder, request)).await {
        Ok(Answer::File(response)) => Ok(response),
        Ok(Answer::Folder) => Ok(Redirect::permanent(&format!("{}/", uri.path())).into_response()),
        Err(error) if is_missing(error.kind()) => Err(missing()),
        Err(error) => Err(folder::failure(&error)),
    }
}

/// Returns whether the answer to an error is "missing". The client gets this answer for a file that
/// does not exist, that is not allowed or that is outside of the folder, and learns no more.
fn is_missing(kind: ErrorKind) -> bool {
    use ErrorKind::{InvalidFilename, InvalidInput, IsADirectory, NotADirectory, NotFound, PermissionDenied};
    let missing = [InvalidFilename, InvalidInput, IsADirectory, NotADirectory, NotFound, PermissionDenied];
    missing.contains(&kind)
}

/// The parts of a request that a thread of the pool needs.
struct Asked {
    path: PathBuf,
    as_folder: bool,
    head: bool,
    headers: HeaderMap,
}

enum Answer {
    File(Response),
    /// The path names a folder and has no slash at its end, so relative links in its index would be
    /// wrong.
    Folder,
}

/// Opens the file and reads its first piece. Blocks the thread.
fn answer(folder: Folder, asked: Asked) -> io::Result<Answer> {
    let mut path = asked.path.clone();
    let mut metadata = folder.metadata(&path)?;
    if metadata.is_dir() {
        if !asked.as_folder {
            return Ok(Answer::Folder);
        }
        path.push("index.html");
        metadata = folder.metadata(&path)?;
    } else if asked.as_folder {
        return Err(ErrorKind::NotADirectory.into());
    }
    // This check comes before the open, because opening a named pipe waits for a writer.
    if !metadata.is_file() {
        return Err(ErrorKind::NotFound.into());
    }
    let file = folder.open(&path)?.into_std();
    let metadata = file.metadata()?;
    let mut file = File::from_std(file);

    let mut headers = kind(&path);
    let modified = modified(&metadata);
    headers.typed_insert(AcceptRanges::bytes());
    if let Some(modified) = modified {
        headers.typed_insert(LastModified::from(modified));
        if is_unchanged(&asked.headers, modified) {
            return Ok(Answer::File((StatusCode::NOT_MODIFIED, headers).into_response()));
        }
    }
    let bytes = metadata.len();
    let mut left = bytes;
    let mut status = StatusCode::OK;
    match range(&asked, modified, bytes) {
        Wanted::All => {}
        Wanted::Part(part) => {
            left = part.end() - part.start() + 1;
            status = StatusCode::PARTIAL_CONTENT;
            file.seek(SeekFrom::Start(*part.start()))?;
            headers.extend(content_range(ContentRange::bytes(part, bytes).ok()));
        }
        Wanted::Nothing => {
            let error = ApiError::new(StatusCode::RANGE_NOT_SATISFIABLE, "the range is outside of the file");
            let headers = content_range(Some(ContentRange::unsatisfied_bytes(bytes)));
            return Ok(Answer::File((headers, error).into_response()));
        }
    }
    headers.typed_insert(ContentLength(left));
    let body = if asked.head { Body::empty() } else { body(file, left)? };
    Ok(Answer::File((status, headers, body).into_response()))
}

/// Makes a body of `left` bytes and reads its first piece.
fn body(file: File, left: u64) -> io::Result<Body> {
    let Some((first, rest)) = piece((file, left))? else { return Ok(Body::empty()) };
    if rest.1 == 0 {
        return Ok(Body::from(first));
    }
    let rest = stream::try_unfold(rest, |rest| oneloop::unblock(move || piece(rest)));
    let first = stream::once(Ok(first));
    Ok(Body::from_stream(futures_lite::StreamExt::chain(first, rest)))
}

/// A file at its next byte, and the number of bytes that are left.
type Rest = (File, u64);

/// Reads the next piece. Returns it with the rest after it, or `None` at the end. Blocks the thread.
fn piece((mut file, left): Rest) -> io::Result<Option<(Vec<u8>, Rest)>> {
    if left == 0 {
        return Ok(None);
    }
    let mut piece = vec![0; left.min(PIECE_BYTES) as usize];
    // A file that has become shorter is an error here. hyper then closes the connection, because the
    // head of the response has promised the length.
    file.read_exact(&mut piece)?;
    let left = left - piece.len() as u64;
    Ok(Some((piece, (file, left))))
}

/// Makes the headers that depend on the name alone.
fn kind(path: &Path) -> HeaderMap {
    let kind = mime_guess::from_path(path).first_or_octet_stream();
    let text = kind.type_() == mime_guess::mime::TEXT;
    let kind = if text { format!("{kind}; charset=utf-8") } else { kind.to_string() };
    let mut headers = HeaderMap::new();
    if let Ok(kind) = HeaderValue::from_str(&kind) {
        headers.insert(header::CONTENT_TYPE, kind);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers
}

/// Returns the time of the last change. A time in the future counts as none, because a client's copy
/// would never become old.
fn modified(metadata: &Metadata) -> Option<SystemTime> {
    metadata.modified().ok().filter(|modified| *modified <= SystemTime::now())
}

/// Returns whether the client's copy is up to date. An entity tag in the request would have precedence.
/// These files have no tags, so a request with a tag gets the file.
fn is_unchanged(headers: &HeaderMap, modified: SystemTime) -> bool {
    let since = headers.typed_get::<IfModifiedSince>();
    !headers.contains_key(header::IF_NONE_MATCH) && since.is_some_and(|since| !since.is_modified(modified))
}

enum Wanted {
    All,
    Part(RangeInclusive<u64>),
    Nothing,
}

/// Reads the header `Range`. The server serves one range. It answers several ranges, and a value that
/// is not a range, with the whole file, as the standard allows.
fn range(asked: &Asked, modified: Option<SystemTime>, bytes: u64) -> Wanted {
    let Some(range) = asked.headers.get(header::RANGE).and_then(|range| range.to_str().ok()) else {
        return Wanted::All;
    };
    let last_modified = modified.map(LastModified::from);
    let if_range = asked.headers.typed_get::<IfRange>();
    let changed = if_range.is_some_and(|condition| condition.is_modified(None, last_modified.as_ref()));
    if asked.head || changed {
        return Wanted::All;
    }
    match parse_range_header(range).and_then(|ranges| ranges.validate(bytes)) {
        Ok(ranges) => match <[_; 1]>::try_from(ranges) {
            Ok([range]) => Wanted::Part(range),
            Err(_) => Wanted::All,
        },
        Err(RangeUnsatisfiableError::Unsatisfiable) => Wanted::Nothing,
        Err(_) => Wanted::All,
    }
}

fn content_range(range: Option<ContentRange>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if let Some(range) = range {
        headers.typed_insert(range);
    }
    headers
}

//! A folder with files that clients name.
//!
//! Two checks protect the file system from a client:
//!
//! * [`path`] refuses, before any system call, everything that is not a plain list of names: `..` in
//!   any spelling, empty names (and so absolute paths), NUL, encoded separators, hidden files.
//! * [`Dir`] of the crate cap-std opens nothing outside the folder, also not through links. The system
//!   itself refuses such a path (`openat2` with `RESOLVE_BENEATH` on Linux), so a link that is made
//!   between a check and the open does not lead out of the folder either.

use std::path::{Component, Path, PathBuf};

use axum::http::StatusCode;
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use percent_encoding::percent_decode_str;

use crate::error::ApiError;

/// A folder that stays open until the program ends, so closures on other threads can use it.
pub type Folder = &'static Dir;

pub fn open(path: &Path) -> Result<Folder, String> {
    let dir = Dir::open_ambient_dir(path, ambient_authority())
        .map_err(|error| format!("cannot open the folder {}: {error}", path.display()))?;
    Ok(Box::leak(Box::new(dir)))
}

/// Returns the path that the encoded path of a URI names, or `None` if that is not a plain list of
/// names. The empty path is the folder itself. A slash at the end is allowed.
pub fn path(encoded: &str) -> Option<PathBuf> {
    let names = encoded.strip_suffix('/').unwrap_or(encoded);
    if names.is_empty() {
        return Some(PathBuf::from("."));
    }
    names.split('/').map(name).collect()
}

/// Decodes a part of a path. Returns `None` if the part is not one plain name.
pub fn name(encoded: &str) -> Option<String> {
    let name = percent_decode_str(encoded).decode_utf8().ok()?;
    is_plain(&name).then(|| name.into_owned())
}

/// Returns whether a decoded name is the name of one file that is not hidden.
pub fn is_plain(name: &str) -> bool {
    // A dot at the beginning hides a file on Unix. `.` and `..` begin with a dot, too. Windows ignores
    // dots and spaces at the end of a name. On Windows a colon names a drive or a stream.
    const SPECIAL: [char; 4] = ['/', '\\', '\0', ':'];
    // The longest name on Linux and macOS, in bytes.
    const BYTES_MAX: usize = 255;
    if name.len() > BYTES_MAX || name.starts_with('.') || name.ends_with(['.', ' ']) || name.contains(SPECIAL)
    {
        return false;
    }
    let mut components = Path::new(name).components();
    let normal = matches!(components.next(), Some(Component::Normal(only)) if only == name);
    normal && components.next().is_none()
}

/// Makes the answer to a failure of the file system. The details are printed to standard error, and the
/// answer has none.
pub fn failure(error: &std::io::Error) -> ApiError {
    use std::io::ErrorKind::{QuotaExceeded, StorageFull};
    if matches!(error.kind(), StorageFull | QuotaExceeded) {
        return ApiError::new(StatusCode::INSUFFICIENT_STORAGE, "no disk space is left");
    }
    crate::process::complain(&format!("a file can't be used: {error}"));
    ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "a file can't be used")
}

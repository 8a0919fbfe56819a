//! A folder whose files clients name.
//!
//! Two checks stand between a client and the file system:
//!
//! * [`path`] refuses, before any call of the system, what is no plain list of names: `..` in any
//!   spelling, empty names (so absolute paths), NUL, separators that were encoded, hidden files.
//! * [`Dir`] of the crate cap-std opens nothing outside the folder, links included. It asks the
//!   system to refuse (`openat2` with `RESOLVE_BENEATH` on Linux), so a link that is made between a
//!   check and the open leads nowhere either.

use std::path::{Component, Path, PathBuf};

use axum::http::StatusCode;
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use percent_encoding::percent_decode_str;

use crate::error::ApiError;

/// A folder that lives as long as the program, so closures on other threads may have it.
pub type Folder = &'static Dir;

pub fn open(path: &Path) -> Result<Folder, String> {
    let dir = Dir::open_ambient_dir(path, ambient_authority())
        .map_err(|error| format!("cannot open the folder {}: {error}", path.display()))?;
    Ok(Box::leak(Box::new(dir)))
}

/// The path that the encoded path of a URI names. `None` if it is not a plain list of names. The
/// empty path is the folder itself, and a slash at the end is allowed.
pub fn path(encoded: &str) -> Option<PathBuf> {
    let names = encoded.strip_suffix('/').unwrap_or(encoded);
    if names.is_empty() {
        return Some(PathBuf::from("."));
    }
    names.split('/').map(name).collect()
}

/// The one name that an encoded part of a path stands for.
pub fn name(encoded: &str) -> Option<String> {
    let name = percent_decode_str(encoded).decode_utf8().ok()?;
    is_plain(&name).then(|| name.into_owned())
}

/// Whether a name, decoded, is that of one file and of no hidden one.
pub fn is_plain(name: &str) -> bool {
    // A dot at the beginning hides a file on Unix, and `.` and `..` have one, too. Windows ignores
    // dots and spaces at the end, and a colon names a drive or a stream.
    const SPECIAL: [char; 4] = ['/', '\\', '\0', ':'];
    // What Linux and macOS allow.
    const BYTES_MAX: usize = 255;
    if name.len() > BYTES_MAX || name.starts_with('.') || name.ends_with(['.', ' ']) || name.contains(SPECIAL)
    {
        return false;
    }
    let mut components = Path::new(name).components();
    let normal = matches!(components.next(), Some(Component::Normal(only)) if only == name);
    normal && components.next().is_none()
}

/// The answer to a failure of the file system. It has no details, the log has.
pub fn failure(error: &std::io::Error) -> ApiError {
    use std::io::ErrorKind::{QuotaExceeded, StorageFull};
    if matches!(error.kind(), StorageFull | QuotaExceeded) {
        return ApiError::new(StatusCode::INSUFFICIENT_STORAGE, "no room is left");
    }
    crate::process::complain(&format!("a file can't be used: {error}"));
    ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "a file can't be used")
}

//! A Unix listener that removes its path when it is dropped.

use std::fs;
use std::io::{self, ErrorKind};
use std::ops::Deref;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use oneloop::net::UnixListener;

pub struct UnixPath {
    listener: UnixListener,
    path: PathBuf,
    identity: Identity,
}

impl UnixPath {
    pub fn bind(path: &Path) -> io::Result<UnixPath> {
        let listener = UnixListener::bind(path).map_err(|error| match error.kind() {
            ErrorKind::AddrInUse => io::Error::new(ErrorKind::AddrInUse, "the path exists already"),
            _ => error,
        })?;
        Ok(UnixPath { listener, path: path.to_owned(), identity: identity(path)? })
    }
}

impl Deref for UnixPath {
    type Target = UnixListener;

    fn deref(&self) -> &UnixListener {
        &self.listener
    }
}

impl Drop for UnixPath {
    fn drop(&mut self) {
        // Another server may have taken the path over; then it isn't ours to remove.
        if identity(&self.path).is_ok_and(|now| now == self.identity) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Device and number: what tells this file from one that has come in its place.
type Identity = (u64, u64);

fn identity(path: &Path) -> io::Result<Identity> {
    fs::symlink_metadata(path).map(|file| (file.dev(), file.ino()))
}

//! A Unix listener that removes its path when it is dropped.

use std::fs;
use std::io::{self, ErrorKind};
use std::ops::Deref;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use oneloop::net::{UnixListener, UnixStream};
use oneloop::time::timeout;

/// The time limit for a test connection. A running server accepts it, or lets it wait in its queue.
const ANSWER: Duration = Duration::from_secs(1);

pub struct UnixPath {
    listener: UnixListener,
    path: PathBuf,
    identity: Identity,
}

impl UnixPath {
    pub async fn bind(path: &Path) -> io::Result<UnixPath> {
        let listener = match UnixListener::bind(path) {
            Err(error) if error.kind() == ErrorKind::AddrInUse => {
                return Err(io::Error::new(ErrorKind::AddrInUse, what_is_there(path).await));
            }
            outcome => outcome?,
        };
        Ok(UnixPath { listener, path: path.to_owned(), identity: identity(path)? })
    }
}

/// Says what the path is. A socket without a listener refuses connections: its server has ended without
/// removing it.
async fn what_is_there(path: &Path) -> &'static str {
    if !fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket()) {
        return "the path exists already and is not a socket";
    }
    match timeout(ANSWER, UnixStream::connect(path)).await {
        Ok(Err(error)) if error.kind() == ErrorKind::ConnectionRefused => {
            "the path is a socket that is left over, and no server listens there: remove it first"
        }
        Ok(Ok(_)) => "another server listens there",
        _ => "the path exists already",
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
        // Another server may have replaced the path. Then this one must not remove it.
        if identity(&self.path).is_ok_and(|now| now == self.identity) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// The device and the inode number. They differ if another file has replaced this one.
type Identity = (u64, u64);

fn identity(path: &Path) -> io::Result<Identity> {
    fs::symlink_metadata(path).map(|file| (file.dev(), file.ino()))
}

//! A file that has its name only when it is complete.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use hyper::Uri;
use oneloop::io::{AsyncWriteExt, Unblock};

/// A file under a temporary name. A thread of the pool makes the calls. Dropping it before
/// [`complete`](Partial::complete) removes it.
pub struct Partial {
    file: Unblock<File>,
    path: Removed,
}

/// The path of a file that is removed at the drop.
struct Removed(PathBuf);

impl Drop for Removed {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0); // one short call: it may as well be made here
    }
}

impl Partial {
    /// Begins a file beside the one that it is to become.
    pub async fn create(complete: &Path) -> io::Result<Partial> {
        let name = complete.file_name().unwrap_or_default().to_string_lossy();
        let path = complete.with_file_name(format!(".{name}.{}.part", std::process::id()));
        let path = Removed(path);
        let (file, path) = oneloop::unblock(move || {
            let file = OpenOptions::new().write(true).create_new(true).open(&path.0);
            (file, path)
        })
        .await;
        Ok(Partial { file: Unblock::new(file?), path })
    }

    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes).await
    }

    /// Gives the file its name. A file of that name is replaced.
    pub async fn complete(self, name: PathBuf) -> io::Result<()> {
        let Partial { mut file, path } = self;
        file.flush().await?; // an error of a write comes out here
        drop(file);
        oneloop::unblock(move || {
            let renamed = fs::rename(&path.0, name);
            if renamed.is_ok() {
                std::mem::forget(path);
            }
            renamed
        })
        .await
    }
}

/// The name of the file for a URL: the last part of its path, with `_` for
/// characters that a file's name should not have.
pub fn name_of(url: &Uri) -> String {
    let last = url.path().rsplit('/').next().unwrap_or_default();
    if matches!(last, "" | "." | "..") {
        return "index.html".to_owned();
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-+~=,@%".contains(c);
    last.chars().map(|c| if plain(c) { c } else { '_' }).collect()
}

//! A file that gets its name when it is complete.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use hyper::Uri;
use oneloop::io::{AsyncWriteExt, Unblock};

/// A file under a temporary name. A thread of the pool makes the system calls. Dropping the value
/// before [`complete`](Partial::complete) removes the file.
pub struct Partial {
    file: Unblock<File>,
    path: Removed,
}

/// The path of a file. Dropping the value removes the file.
struct Removed(PathBuf);

impl Drop for Removed {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0); // one short call, which needs no thread of the pool
    }
}

impl Partial {
    /// Creates a temporary file in the folder of the complete one.
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

    /// Renames the file to its name. Replaces a file of that name.
    pub async fn complete(self, name: PathBuf) -> io::Result<()> {
        let Partial { mut file, path } = self;
        file.flush().await?; // returns the error of an earlier write
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

/// Returns the name of the file for a URL. It is the last part of the URL's path, with `_` in place of
/// characters that a file's name should not have.
pub fn name_of(url: &Uri) -> String {
    let last = url.path().rsplit('/').next().unwrap_or_default();
    if matches!(last, "" | "." | "..") {
        return "index.html".to_owned();
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-+~=,@%".contains(c);
    last.chars().map(|c| if plain(c) { c } else { '_' }).collect()
}

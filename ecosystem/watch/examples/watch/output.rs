//! The record and its page, in a folder.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use oneloop_watch::printable::{count, size};
use oneloop_watch::{Record, write_page};

const LOOK_FOR: &str = "\
look for: the page names a task that holds the loop for long, and the line that
          spawns it; `Show it` goes to that poll, where every connection waits";

/// Makes `folder`, or a new folder among the temporary files. Returns its path.
pub fn folder(folder: Option<&Path>) -> io::Result<PathBuf> {
    match folder {
        Some(folder) => {
            fs::create_dir_all(folder).map_err(|error| named(folder, &error))?;
            Ok(folder.to_owned())
        }
        None => Ok(tempfile::Builder::new().prefix("oneloop-watch-").tempdir()?.keep()),
    }
}

/// Writes the record and the page into `folder`. Returns the text for the user.
pub fn write(bytes: &[u8], folder: &Path) -> io::Result<String> {
    let record = Record::parse(bytes).map_err(io::Error::other)?;
    let path = folder.join("watch.rec");
    fs::write(&path, bytes).map_err(|error| named(&path, &error))?;
    let page = folder.join("watch.html");
    let mut file = File::create(&page).map_err(|error| named(&page, &error))?;
    write_page(&record, "watch.rec", &mut file)?;
    let page = fs::canonicalize(page)?;
    let (bytes, events) = (size(file.metadata()?.len()), count(record.events_count() as u64));
    Ok(format!("page: {}, {bytes}, {events} events\n{LOOK_FOR}", page.display()))
}

/// Adds the name of the file to its error.
fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

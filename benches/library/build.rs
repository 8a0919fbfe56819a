//! The build of one library's echo server, without compiled crates from earlier builds.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use serde_json::Value;

use super::{Library, count};
use crate::machine::used_by_children;
use crate::record::Facts;

/// A directory that is removed when this value is dropped.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        // A directory that cannot be removed only takes disk space.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub fn facts(library: &Library, directory: &Path, jobs: usize) -> Result<Facts, String> {
    let scratch = Scratch(directory.join(format!("facts-{}-{}", std::process::id(), library.name)));
    let place = scratch.0.as_path();
    write_program(library, place).map_err(|error| format!("{}: {error}", place.display()))?;
    // Downloads are not part of the build time. The first command needs no network if all crates are
    // already downloaded.
    cargo(place, &["fetch", "--offline"]).or_else(|_| cargo(place, &["fetch"]))?;
    let message = |error: std::io::Error| error.to_string();
    let (start, start_cpu) = (Instant::now(), used_by_children().map_err(message)?);
    let jobs_word = jobs.to_string();
    let strip = "profile.release.strip=true";
    let build =
        ["build", "--release", "--offline", "--target-dir", "built", "-j", &jobs_word, "--config", strip];
    cargo(place, &build)?;
    let (build_time, build_cpu) = (start.elapsed(), used_by_children().map_err(message)? - start_cpu);
    let binary = std::fs::metadata(place.join("built/release/echo")).map_err(message)?;
    let tree = tree(&cargo(place, &["tree", "--offline", "-e", "normal,build", "--prefix", "none"])?);
    let metadata = cargo(place, &["metadata", "--offline", "--format-version", "1"])?;
    let metadata: Value = serde_json::from_str(&metadata).map_err(|error| error.to_string())?;
    let own: Vec<&(String, String)> = tree.iter().filter(|(name, _)| library.is_own(name)).collect();
    let mut sum = count::Count::default();
    for (name, version) in &own {
        let sources = sources(&metadata, name, version)
            .ok_or_else(|| format!("the sources of {name} were not found"))?;
        let count = count::directory(&sources)?;
        sum.lines += count.lines;
        sum.unsafe_blocks += count.unsafe_blocks;
    }
    let version = own.iter().find(|(name, _)| name == library.name).map(|(_, version)| version.clone());
    let features = library.manifest.lines().find(|line| line.starts_with(library.name));
    Ok(Facts {
        version: version.unwrap_or_default(),
        features: features.unwrap_or_default().into(),
        build_seconds: build_time.as_secs_f64(),
        build_cpu_seconds: build_cpu.as_secs_f64(),
        jobs,
        crates: tree.len(),
        binary_bytes: binary.len(),
        counted: own.iter().map(|(name, version)| format!("{name} {version}")).collect(),
        lines: sum.lines,
        unsafe_blocks: sum.unsafe_blocks,
    })
}

fn write_program(library: &Library, place: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(place)?;
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    std::fs::write(place.join("Cargo.toml"), library.manifest.replace("../../..", root))?;
    std::fs::write(place.join("main.rs"), library.program)?;
    std::fs::write(place.join("Cargo.lock"), include_str!("../../Cargo.lock"))
}

/// Runs Cargo and returns its output.
fn cargo(place: &Path, words: &[&str]) -> Result<String, String> {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(program);
    // A cache of compiled crates would shorten the build.
    command.args(words).current_dir(place).env_remove("RUSTC_WRAPPER").env_remove("CARGO_TARGET_DIR");
    let output = command.output().map_err(|error| format!("cannot run cargo: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    let error = errors.lines().find(|line| line.starts_with("error")).unwrap_or("it printed no error");
    Err(format!("cargo {} failed: {error}", words[0]))
}

/// Returns the names and versions of the crates in the output of `cargo tree`. The first line is the
/// program itself and is not included.
fn tree(text: &str) -> BTreeSet<(String, String)> {
    let package = |line: &str| {
        let mut words = line.split_whitespace();
        let (name, version) = (words.next()?, words.next()?);
        Some((name.to_owned(), version.trim_start_matches('v').to_owned()))
    };
    text.lines().skip(1).filter_map(package).collect()
}

/// Returns the directory of a library's sources.
fn sources(metadata: &Value, name: &str, version: &str) -> Option<PathBuf> {
    let packages = metadata["packages"].as_array()?;
    let package = packages.iter().find(|it| it["name"] == name && it["version"] == version)?;
    let is_library = |target: &&Value| {
        let kinds = target["kind"].as_array();
        kinds.is_some_and(|kinds| kinds.iter().any(|kind| kind == "lib" || kind == "proc-macro"))
    };
    let path = package["targets"].as_array()?.iter().find(is_library)?["src_path"].as_str()?;
    Path::new(path).parent().map(Path::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_has_each_crate_once() {
        let text = "echo v0.0.0 (/x)\nmio v1.2.0\nlibc v0.2.1\nlibc v0.2.1 (*)\npin v1.0.0 (proc-macro)\n";
        let names: Vec<String> = tree(text).into_iter().map(|(name, version)| name + &version).collect();
        assert_eq!(names, ["libc0.2.1", "mio1.2.0", "pin1.0.0"]);
    }
}

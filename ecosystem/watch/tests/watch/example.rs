//! These tests run the example `watch` as a user does.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::tempdir;

/// Returns the example, which Cargo builds beside this test.
fn example() -> Command {
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(Path::parent).unwrap();
    Command::new(profile.join("examples/watch").with_extension(std::env::consts::EXE_EXTENSION))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Returns the place at which the example spawns the task that holds the loop.
fn report_line() -> String {
    let source = include_str!("../../examples/watch/main.rs");
    let line = source.lines().position(|line| line.contains("server::report()")).unwrap() + 1;
    format!("examples/watch/main.rs:{line}:").replace('/', std::path::MAIN_SEPARATOR_STR)
}

/// Returns whether the record's summary names this task first among the slowest polls and the busiest
/// tasks.
#[track_caller]
fn check_summary(folder: &Path) {
    let output = Command::new(env!("CARGO_BIN_EXE_oneloop-watch"))
        .args([folder.join("watch.rec").as_os_str(), "--summary".as_ref()])
        .output()
        .unwrap();
    let summary = text(&output.stdout);
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    for table in ["Slowest polls", "Busiest tasks"] {
        let mut rows = summary.lines().skip_while(|line| !line.starts_with(table));
        let first = rows.nth(2).unwrap();
        assert!(first.contains(" report (") && first.contains(&report_line()), "{table}: {first}");
    }
}

/// Returns the page that the program has named.
#[track_caller]
fn page_of(output: &Output) -> PathBuf {
    let said = text(&output.stdout);
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    assert!(said.contains("look for: "), "{said}");
    let line = said.lines().find_map(|line| line.strip_prefix("page: ")).unwrap();
    PathBuf::from(line.split(", ").next().unwrap())
}

#[test]
fn the_task_that_misbehaves_is_the_slowest_and_has_its_line() {
    let folder = tempdir().unwrap();
    let out = folder.path().join("new/folder");
    let output =
        example().args(["--seconds", "1", "--connections", "10", "--out"]).arg(&out).output().unwrap();
    let page = page_of(&output);
    assert_eq!(page, fs::canonicalize(out.join("watch.html")).unwrap());
    assert!(fs::read_to_string(page).unwrap().starts_with("<!doctype html>"));
    check_summary(&out);
}

/// Returns whether a process has a handler for SIGINT, which is signal 2.
#[cfg(target_os = "linux")]
fn catches_ctrl_c(process: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
    u64::from_str_radix(caught.trim(), 16).unwrap() & 1 << 1 != 0
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_the_load_and_the_page_is_written() {
    let folder = tempdir().unwrap();
    let mut program = example();
    program.args(["--seconds", "600", "--out"]).arg(folder.path()).env("TMPDIR", folder.path());
    let child = program.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn();
    let child = child.unwrap();
    // The signal comes after the load has begun, because Ctrl+C kills a program without a handler.
    #[cfg(target_os = "linux")]
    while !catches_ctrl_c(child.id()) {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    std::thread::sleep(std::time::Duration::from_millis(1_500));
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    page_of(&child.wait_with_output().unwrap());
    check_summary(folder.path());
}

#[test]
fn without_a_folder_it_makes_one_among_the_temporary_files() {
    let folder = tempdir().unwrap();
    let output =
        example().args(["--seconds", "1"]).env("TMPDIR", folder.path()).env("TMP", folder.path()).output();
    let page = page_of(&output.unwrap());
    assert!(page.starts_with(fs::canonicalize(folder.path()).unwrap()), "{}", page.display());
}

#[test]
fn help_and_wrong_arguments() {
    let output = example().arg("--help").output().unwrap();
    assert!(output.status.success() && text(&output.stdout).contains("usage: watch "), "{output:?}");
    for arguments in [["--bogus"].as_slice(), &["--seconds", "0"], &["--seconds"], &["more"]] {
        let output = example().args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        let said = text(&output.stderr);
        assert!(said.starts_with("watch: ") && said.lines().count() == 1, "{said}");
    }
}

#[test]
fn a_folder_that_cannot_be_made_is_status_1_and_named() {
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    let output = example()
        .args(["--seconds", "1", "--connections", "1", "--out"])
        .arg(folder.path().join("file"))
        .output();
    assert_eq!(output.unwrap().status.code(), Some(1));
}

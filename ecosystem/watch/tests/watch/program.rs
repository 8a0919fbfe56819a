//! These tests run the program as a user does.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use crate::common::words::Words;
use crate::hostile_server;

fn watch(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_oneloop-watch")).current_dir(folder).args(arguments).output().unwrap()
}

fn folder(words: &Words) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.rec"), words.record()).unwrap();
    folder
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn fails(output: &Output, code: i32, message: &str) {
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    let errors = text(&output.stderr);
    assert!(errors.contains(message), "{errors}");
    assert!(!errors.contains("panicked"), "{errors}");
}

#[test]
fn the_page_stands_beside_the_record_and_the_program_says_where() {
    let folder = folder(&hostile_server(2_000));
    let output = watch(folder.path(), &["a.rec"]);
    assert!(output.status.success(), "{output:?}");
    let said = text(&output.stdout);
    let page = folder.path().canonicalize().unwrap().join("a.rec.html");
    assert!(said.starts_with(&format!("page: {}, ", page.display())), "{said}");
    assert!(said.contains(" kB, 2,") && said.ends_with(" events\n"), "{said}");
    assert!(fs::read_to_string(page).unwrap().contains("<title>a.rec</title>"));
}

#[test]
fn each_output_is_made_on_request_alone() {
    let folder = folder(&hostile_server(2_000));
    let output = watch(folder.path(), &["a.rec", "--summary", "--json", "b.json"]);
    assert!(output.status.success(), "{output:?}");
    assert!(text(&output.stdout).contains("Slowest polls"));
    assert!(folder.path().join("b.json").exists());
    assert!(!folder.path().join("a.rec.html").exists());
}

#[test]
fn a_name_reaches_the_terminal_without_control_characters() {
    let folder = folder(&hostile_server(2_000));
    let output = watch(folder.path(), &["a.rec", "--summary"]);
    let said = text(&output.stdout);
    assert!(!said.contains(|character: char| character.is_control() && character != '\n'));
}

#[test]
fn the_page_goes_to_standard_output_alone_if_asked_to() {
    let folder = folder(&hostile_server(2_000));
    let output = watch(folder.path(), &["a.rec", "-o", "-"]);
    assert!(output.status.success() && text(&output.stdout).starts_with("<!doctype html>"), "{output:?}");
    assert!(output.stderr.is_empty());
}

#[test]
fn a_reader_that_closes_standard_output_ends_the_program_quietly() {
    let folder = folder(&hostile_server(20_000));
    for arguments in [["a.rec", "-o", "-"], ["a.rec", "--json", "-"]] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_oneloop-watch"))
            .current_dir(folder.path())
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    }
}

#[test]
fn the_record_is_never_overwritten() {
    let folder = folder(&hostile_server(100));
    let record = folder.path().join("a.rec");
    let before = fs::read(&record).unwrap();
    fs::hard_link(&record, folder.path().join("link")).unwrap();
    for arguments in [["a.rec", "-o", "a.rec"], ["a.rec", "-o", "link"], ["a.rec", "--json", "./a.rec"]] {
        fails(&watch(folder.path(), &arguments), 1, "is the record itself, which is not overwritten");
    }
    assert!(fs::read(&record).unwrap() == before);
}

#[test]
fn wrong_arguments_are_status_2_and_name_the_argument() {
    let folder = folder(&hostile_server(100));
    let cases: [(&[&str], &str); 7] = [
        (&[], "FILE is missing"),
        (&["a.rec", "--frobnicate"], "--frobnicate"),
        (&["a.rec", "b.rec"], "b.rec"),
        (&["a.rec", "-o"], "-o"),
        (&["a.rec", "-o", "x", "-o", "y"], "-o"),
        (&["a.rec", "-o", "x", "--json", "x"], "the same file"),
        (&["a.rec", "-o", "-", "--summary"], "standard output"),
    ];
    for (arguments, message) in cases {
        fails(&watch(folder.path(), arguments), 2, message);
    }
}

#[test]
fn files_that_cannot_be_read_or_written_are_status_1_and_named() {
    let folder = folder(&hostile_server(100));
    fs::write(folder.path().join("text"), "no record at all").unwrap();
    fails(&watch(folder.path(), &["missing"]), 1, "missing: ");
    fails(&watch(folder.path(), &["."]), 1, ".: ");
    fails(&watch(folder.path(), &["text"]), 1, "text: is not a record of oneloop: ");
    fails(&watch(folder.path(), &["a.rec", "-o", "no/folder"]), 1, "no/folder: ");
}

#[test]
fn a_record_that_is_cut_off_is_shown_and_said() {
    let folder = folder(&hostile_server(2_000));
    let record = folder.path().join("a.rec");
    let bytes = fs::read(&record).unwrap();
    fs::write(&record, &bytes[..bytes.len() - 3]).unwrap();
    let output = watch(folder.path(), &["a.rec"]);
    assert!(output.status.success());
    assert_eq!(
        text(&output.stderr),
        "oneloop-watch: a.rec: The end of the file is missing: its last entry is not complete.\n"
    );
}

#[test]
fn help_is_on_standard_output() {
    let output = watch(Path::new("."), &["-h"]);
    assert!(output.status.success() && text(&output.stdout).contains("usage: oneloop-watch FILE"));
}

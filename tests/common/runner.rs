//! Where the tests' own programs run: by themselves, or under an emulator, valgrind or a sanitizer, as the environment says.
//!
//! The files beside this one take it in; test files find it there.

#![allow(dead_code, reason = "each test binary uses its own part of it")]

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

/// The words of a command that runs a program of ours. `ONELOOP_TEST_RUNNER` comes before it: an emulator that runs this test
/// can't start another program of its kind, because the system doesn't know that kind.
pub fn words(program: &Path) -> Vec<OsString> {
    let runner = std::env::var("ONELOOP_TEST_RUNNER").unwrap_or_default();
    let before = runner.split_whitespace().map(OsString::from);
    before.chain([program.as_os_str().to_owned()]).collect()
}

pub fn command(program: &Path) -> Command {
    let words = words(program);
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]);
    command
}

/// `ONELOOP_TEST_INSTRUMENTED` says that most of the memory and processor time that the system counts is not the program's, but
/// that of what watches or emulates it.
pub fn instrumented() -> bool {
    std::env::var_os("ONELOOP_TEST_INSTRUMENTED").is_some()
}

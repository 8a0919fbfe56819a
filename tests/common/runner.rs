//! Where the tests' own programs run: by themselves, or under an emulator, valgrind or a sanitizer, as the environment says.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, ExitStatus};

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

/// Lets this process, and what it starts, have as many descriptors as the system allows, and fails if a test needs more.
#[track_caller]
pub fn need_descriptors(needed: u64) {
    #[cfg(unix)]
    {
        let limit = rlimit::increase_nofile_limit(rlimit::INFINITY)
            .expect("the limit can be raised to the hard limit");
        assert!(
            limit >= needed,
            "this test needs {needed} descriptors, and only {limit} are allowed here (`ulimit -Hn`)"
        );
    }
    #[cfg(not(unix))]
    let _ = needed; // nothing limits them
}

/// Says that a test can't run here and what it would need. The gate's machine (`CI=true`) must have all of it, so there that is a failure:
/// a promise that nothing checks any more would go unnoticed otherwise.
pub fn skip(test: &str, missing: &str, remedy: &str) {
    let text = format!("{test} is skipped: {missing}; {remedy}");
    assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{text}");
    eprintln!("{text}");
}

/// Runs a test's body in a process of its own: for what concerns the whole process (limits, signals,
/// the number of open descriptors). `test` is the test's name; that test does nothing but call this.
pub fn in_child(test: &str, body: impl FnOnce()) {
    in_child_with(test, &[], body);
}

/// Like `in_child`, with environment variables.
pub fn in_child_with(test: &str, vars: &[(&str, &str)], body: impl FnOnce()) {
    let Some((status, text)) = child(test, vars, body) else { return };
    assert!(status.success(), "{test} in its own process: {status}\n{text}");
    let one_ran = text.contains(" 1 passed");
    assert!(one_ran, "{test} must be the name of one test, and no other's beginning:\n{text}");
}

/// Like `in_child`, for a body that a signal must end.
#[cfg(unix)]
pub fn in_child_ended_by(signal: i32, test: &str, body: impl FnOnce()) {
    use std::os::unix::process::ExitStatusExt;
    let Some((status, text)) = child(test, &[], body) else { return };
    assert_eq!(status.signal(), Some(signal), "{test} in its own process: {status}\n{text}");
}

/// Starts this test program again for one test, and returns how it ended and what it wrote. In the
/// program that is started, runs the body instead and returns `None`.
fn child(test: &str, vars: &[(&str, &str)], body: impl FnOnce()) -> Option<(ExitStatus, String)> {
    let output = again(test, body)?
        .envs(vars.iter().copied())
        .output()
        .expect("the test program can be started again");
    let [stdout, stderr] =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    Some((output.status, stdout + &stderr))
}

/// A command that starts this test program again for one test, with streams of the caller's choice. In the
/// program that is started, runs the body instead and returns `None`.
pub fn again(test: &str, body: impl FnOnce()) -> Option<Command> {
    const MARK: &str = "ONELOOP_TEST_CHILD";
    if std::env::var(MARK).is_ok_and(|name| name == test) {
        body();
        return None;
    }
    let this = std::env::current_exe().expect("the test program knows its path");
    let mut command = command(&this);
    command.args([&format!("::{test}"), "--nocapture", "--test-threads=1"]).env(MARK, test);
    Some(command)
}

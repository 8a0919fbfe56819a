//! Runs the example as a program.

use common::examples::{Program, assert_fails, command, run};

use crate::support::Redis;

#[test]
fn it_works_with_nothing_installed() {
    let (code, stdout, stderr) = run("work_queue", &["--work", "1", "--pause", "5"]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""), "{stdout}");
    assert!(stdout.contains("18 done, 4 failed and tried again, 2 dead, 0 claimed"), "{stdout}");
    for line in ["backlog    0", "in flight  0", "scheduled  0", "dead       2"] {
        assert!(stdout.lines().any(|text| text == line), "{line}: {stdout}");
    }
}

#[test]
fn ctrl_c_and_sigterm_end_it_in_order() {
    for signal in [2, 15] {
        let mut program = Program::start(command("work_queue").args(["--stay", "--work", "1"])).unwrap();
        program.stdout.wait_for("waiting for Ctrl+C");
        program.signal(signal);
        assert_eq!(program.wait().code(), Some(0));
        assert!(program.stdout.so_far().contains(" done, "), "{}", program.stdout.so_far());
        assert_eq!(program.stderr.so_far().lines().count(), 1, "{}", program.stderr.so_far());
    }
}

#[test]
fn bad_arguments_are_one_line_and_exit_code_2() {
    let cases: [(&[&str], &[&str]); 9] = [
        (&["--nonsense"], &["--nonsense", "--help"]),
        (&["--jobs", "many"], &["many", "--help"]),
        (&["--workers", "0", "--redis", "redis://localhost"], &["0"]),
        (&["status"], &["--redis is missing"]),
        (&["--workers", "2"], &["--redis is missing"]),
        (&["jump", "--redis", "redis://localhost"], &["\"jump\""]),
        (&["--redis", "rediss://user:secret@localhost", "status"], &["rediss://", "not supported"]),
        (&["--redis", "localhost:6379", "status"], &["URL", "redis://"]),
        (&["--queue", "a b"], &["\"a b\" of a queue"]),
    ];
    for (arguments, parts) in cases {
        assert_fails("work_queue", arguments, 2, parts);
    }
    let (_, stdout, stderr) = run("work_queue", &["--redis", "rediss://user:secret@localhost", "status"]);
    assert!(!format!("{stdout}{stderr}").contains("secret"));
}

#[test]
fn worker_processes_share_a_broker_and_status_shows_it() {
    let Some(redis) = Redis::start("worker_processes_share_a_broker_and_status_shows_it") else { return };
    let url = redis.url();
    let base = ["--redis", &url, "--queue", "test"];
    let mut program =
        Program::start(command("work_queue").args(base).args(["--workers", "2", "--stay", "--work", "1"]))
            .unwrap();
    program.stdout.wait_for("waiting for Ctrl+C");
    common::examples::until("the queue has two workers and no jobs", || {
        let (code, stdout, stderr) = run("work_queue", &[&base[..], &["status"]].concat());
        assert_eq!((code, stderr.as_str()), (Some(0), ""));
        let has = |line: &str| stdout.lines().any(|text| text == line);
        (has("workers    2") && has("backlog    0") && has("scheduled  0") && has("in flight  0"))
            .then_some(())
    });
    let (_, letters, _) = run("work_queue", &[&base[..], &["dead"]].concat());
    let mut letters: Vec<&str> =
        letters.lines().filter_map(|line| line.split_once('-')).map(|parts| parts.1).collect();
    letters.sort();
    let expected = ["14 after 3 attempts: job 14 never succeeds", "7 after 3 attempts: job 7 never succeeds"];
    assert_eq!(letters, expected);
    program.signal(2);
    assert_eq!(program.wait().code(), Some(0));
    let (_, stdout, _) = run("work_queue", &[&base[..], &["status"]].concat());
    assert!(stdout.contains("workers    0"), "{stdout}");
}

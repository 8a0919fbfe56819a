//! The examples with child processes and signals, run as a user would run them.

#![cfg(feature = "process")]

use common::examples::{Program, command, runner, show};

/// The process id of a line of the article.
#[track_caller]
fn id(line: &str, before: &str) -> u32 {
    line.strip_prefix(before).and_then(|id| id.parse().ok()).unwrap_or_else(|| panic!("{line}"))
}

/// Where something watches the program, its threads are counted with the program's own.
#[test]
fn the_process_says_its_id_its_threads_and_the_thread_that_runs() {
    let mut program = Program::start(&mut command("interleaving")).unwrap();
    assert_eq!(program.wait().code(), Some(0));
    let text = program.stdout.so_far();
    let line = text.lines().next().unwrap();
    let rest = line.strip_prefix("process running with id: ").expect(line);
    let (id, rest) = rest.split_once(" with ").expect(line);
    let threads = rest.strip_suffix(" active threads running. Current thread: main").expect(line);
    let counted = cfg!(any(target_os = "linux", target_os = "macos", target_os = "freebsd"));
    match threads.parse::<u32>() {
        Ok(threads) => assert!(threads == 1 || runner::instrumented(), "{line}"),
        Err(_) => assert!(!counted && threads == "an unknown number of", "{line}"),
    }
    // An emulator has a process of its own only where it is one.
    assert!(id == program.id().to_string() || runner::instrumented(), "{line}");
}

#[test]
fn two_threads_count_and_spell_and_a_child_says_hello_beside_its_parent() {
    let text = show("interleaving");
    let lines: Vec<&str> = text.lines().collect();
    let said_by = |is_his: fn(&char) -> bool| -> Vec<&str> {
        lines[1..16].iter().copied().filter(|word| is_his(&word.chars().next().unwrap())).collect()
    };
    assert_eq!(said_by(char::is_ascii_digit), ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"]);
    assert_eq!(said_by(char::is_ascii_alphabetic), ["a", "b", "c", "d", "e"]);
    let parent = id(lines[16], "Hello from parent process ");
    let child = id(lines[17], "Hello from child process ");
    assert_ne!(parent, child);
    assert!(lines[18].starts_with("  the child has ended: exit"), "{}", lines[18]);
}

#[test]
fn tasks_interleave_in_the_same_order_every_time() {
    let last = "  as two tasks, in the same order each time: 1 a 2 b 3 c 4 d 5 e 6 7 8 9 10";
    for _ in 0..3 {
        let text = show("interleaving");
        assert_eq!(text.lines().last(), Some(last));
        assert_eq!(text.lines().count(), 20);
    }
}

#[test]
fn the_pair_is_added_and_subtracted_in_four_models() {
    let text = show("add_and_subtract");
    let lines: Vec<&str> = text.lines().collect();
    let values = ["Addition value: 55", "Subtraction Value: -5"];
    assert_eq!(lines[1..4], ["  in sequence", values[0], values[1]]);
    assert_eq!(lines[4], "  in two threads");
    let mut threads = lines[5..7].to_vec();
    threads.sort_unstable(); // their order is the system's
    assert_eq!(threads, values);
    assert_eq!(lines[7], "  in two processes");
    let ids = [
        id(lines[8], "  main process: "),
        child_id(lines[9], ", waiting 10 seconds in add"),
        child_id(lines[10], ", waiting 20 seconds in sub"),
    ];
    assert_eq!(std::collections::BTreeSet::from(ids).len(), 3, "{text}");
    // A machine may stand still for the hundred milliseconds in between.
    let mut processes = lines[11..13].to_vec();
    processes.sort_unstable();
    assert_eq!(processes, values);
    assert_eq!(lines[13..16], ["  as two tasks", "Inside add function", "Waiting for 20 seconds in add"]);
    assert_eq!(lines.last(), Some(&"Complete"));
    assert_eq!(lines.len(), 21);
}

#[track_caller]
fn child_id(line: &str, after: &str) -> u32 {
    id(line.strip_suffix(after).unwrap_or_else(|| panic!("{line}")), "  child process: ")
}

/// While the children wait, the processes that are listed are there: the article looks at them with another program.
#[cfg(target_os = "linux")]
#[test]
fn the_children_that_are_listed_wait() {
    let mut program = Program::start_in_a_group(command("add_and_subtract").arg("--slow")).unwrap();
    program.stdout.wait_for(" seconds in sub\n");
    let text = program.stdout.so_far();
    let parent = program.id().to_string();
    for (line, after) in
        text.lines().skip(9).zip([", waiting 10 seconds in add", ", waiting 20 seconds in sub"])
    {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", child_id(line, after))).unwrap();
        // After the name, which is in brackets, come the state and the parent's number.
        let its_parent = stat.rsplit_once(')').unwrap().1.split_whitespace().nth(1);
        assert!(its_parent == Some(&parent) || runner::instrumented(), "{stat}");
    }
    program.signal_the_group(libc::SIGTERM); // a shell's background job ignores SIGINT
    assert_eq!(program.wait().code(), None);
    assert_eq!(program.stderr.so_far(), "");
}

#[test]
fn each_point_of_asyncios_list_is_done() {
    let mut expected = vec![
        "run coroutines concurrently: [2, 4, 6]; a long sleep: the time-out has elapsed",
        "perform network I/O: sent \"ping\", received \"PING\"",
    ];
    if cfg!(unix) {
        expected.push("perform IPC: \"through a pipe\"");
    }
    expected.extend([
        "control subprocesses: the child counted 3 words",
        "distribute tasks via queues: three workers' sums are 5050 together",
        "synchronize concurrent code: ten tasks counted to 10",
        "and files: \"kept in a file\"",
    ]);
    assert_eq!(show("asyncio_tour").lines().collect::<Vec<_>>(), expected);
}

#[cfg(unix)]
#[test]
fn signals_and_children_are_awaited_by_the_loop() {
    let text = show("signals_and_children");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[..4],
        [
            "a child sends this process SIGUSR1, twice:",
            "  delivery 1: both listeners received it; the child has ended: exit status: 0",
            "  delivery 2: both listeners received it; the child has ended: exit status: 0",
            "ten children that sleep for 100 ms:",
        ]
    );
    assert!(lines[4].starts_with("  exit codes [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], all after "), "{}", lines[4]);
    assert_eq!(
        lines[5..11],
        [
            "a child's standard input and output are streams:",
            "  tr says \"HELLO FROM THE LOOP\", and ended with exit status: 0",
            "a child that would take a minute gets 50 ms:",
            "  the time-out has elapsed; its handle is dropped, which kills and reaps it",
            "operations that can't work return the reason:",
            "  `no-such-program` can't be started: No such file or directory (os error 2)",
        ]
    );
    assert_eq!(lines[11..], ["  SIGKILL can't be listened for", "  `false` has ended: exit status: 1"]);
}

//! The examples with child processes and signals, run as a user would run them.

#![cfg(feature = "process")]

use common::examples::show;

#[test]
fn tasks_interleave_in_the_same_order_every_time_beside_a_child() {
    let text = show("interleaving");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "two tasks: 1 a 2 b 3 c 4 d 5 e 6 7 8 9 10");
    let threads: Vec<&str> = lines[1].strip_prefix("two threads: ").unwrap().split(' ').collect();
    let said_by = |is_his: fn(&char) -> bool| -> Vec<&str> {
        threads.iter().copied().filter(|word| is_his(&word.chars().next().unwrap())).collect()
    };
    assert_eq!(said_by(char::is_ascii_digit), ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"]);
    assert_eq!(said_by(char::is_ascii_alphabetic), ["a", "b", "c", "d", "e"]);
    let parent: u32 = lines[2].strip_prefix("Hello from parent process ").unwrap().parse().unwrap();
    let child: u32 = lines[3].strip_prefix("Hello from child process ").unwrap().parse().unwrap();
    assert_ne!(parent, child);
    assert_eq!(lines[4..].len(), 1);
    assert!(lines[4].starts_with("the child has ended: exit"), "{}", lines[4]);
}

#[test]
fn each_point_of_asyncios_list_is_done() {
    let mut expected = vec![
        "run coroutines concurrently: [2, 4, 6]; one that takes a minute: Some(\"the time-out has elapsed\")",
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
            "  delivery 1: both listeners heard it; the child has ended: exit status: 0",
            "  delivery 2: both listeners heard it; the child has ended: exit status: 0",
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
            "what can't work says why:",
            "  `no-such-program` can't be started: No such file or directory (os error 2)",
        ]
    );
    assert_eq!(lines[11..], ["  SIGKILL can't be listened for", "  `false` has ended: exit status: 1"]);
}

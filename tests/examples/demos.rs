//! What every small demonstration promises, whatever it shows: it explains itself, refuses what it doesn't know in one line,
//! and panics neither without a loop nor without a reader.

use std::process::Stdio;

use common::examples::{assert_fails, assert_fits, command, run};

/// Those that this build has; true for those that take `--slow`. (`event_queue` ends only when it is told to; see
/// `event_queue.rs`.)
const DEMOS: &[(&str, bool)] = &[
    #[cfg(all(feature = "event-loop", feature = "signal"))]
    ("callbacks", false),
    ("callbacks_and_futures", false),
    ("cooperative_yield", false),
    #[cfg(feature = "event-loop")]
    ("event_queue_tasks", false),
    #[cfg(feature = "event-loop")]
    ("failing_handlers", false),
    ("framed_messages", false),
    ("overlapping_requests", true),
    ("producer_and_workers", false),
    ("second_finishes_first", true),
    #[cfg(feature = "unblock")]
    ("pool_of_squares", false),
    #[cfg(feature = "process")]
    ("add_and_subtract", true),
    #[cfg(feature = "process")]
    ("asyncio_tour", false),
    #[cfg(feature = "process")]
    ("count_up_and_down", false),
    #[cfg(feature = "process")]
    ("interleaving", false),
    #[cfg(all(unix, feature = "process"))]
    ("signals_and_children", false),
    #[cfg(feature = "process")]
    ("sleep_or_crunch", true),
];

#[test]
fn help_explains_each() {
    for &(name, timed) in DEMOS {
        let (code, stdout, stderr) = run(name, &["--help"]);
        assert_eq!((code, stderr.as_str()), (Some(0), ""), "{name}");
        assert!(stdout.contains(&format!("usage: {name}")), "{stdout}");
        assert_eq!(stdout.contains("--slow"), timed, "{stdout}");
    }
}

/// `show` looks at the output of each.
#[test]
fn help_fits_into_the_columns_of_a_terminal() {
    let others: &[&str] = &[
        #[cfg(all(feature = "event-loop", feature = "signal"))]
        "event_queue",
        #[cfg(all(feature = "event-loop", feature = "signal"))]
        "event_queue_echo",
        #[cfg(feature = "signal")]
        "echo",
        #[cfg(feature = "signal")]
        "load",
        #[cfg(all(feature = "event-loop", feature = "signal"))]
        "soak",
    ];
    for name in DEMOS.iter().map(|demo| demo.0).chain(others.iter().copied()) {
        assert_fits(&run(name, &["--help"]).1);
    }
}

#[test]
fn unknown_arguments_are_one_line_and_exit_code_2() {
    for &(name, timed) in DEMOS {
        assert_fails(name, &["--bogus"], 2, &["--bogus"]);
        assert_fails(name, &["nonsense"], 2, &["nonsense"]);
        if !timed {
            assert_fails(name, &["--slow"], 2, &["--slow"]);
        }
    }
}

#[test]
fn without_a_loop_they_end_with_one_line() {
    for name in DEMOS.iter().map(|demo| demo.0) {
        let mut command = command(name);
        let output = command.env("ONELOOP_DRIVER", "none").output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), stderr.lines().count()), (Some(1), 1), "{name}: {stderr}");
        assert!(stderr.starts_with(&format!("{name}: ")) && stderr.contains("ONELOOP_DRIVER"), "{stderr}");
    }
}

#[test]
fn nothing_panics_when_the_output_has_no_reader() {
    for &(name, _) in DEMOS {
        let mut command = command(name);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(
            (output.status.code(), &*String::from_utf8_lossy(&output.stderr)),
            (Some(0), ""),
            "{name}"
        );
    }
}

//! The example `soak` does all its kinds of work without an error, and finds the faults that it is there to find.

#![cfg(all(feature = "event-loop", feature = "signal"))]

#[path = "../../examples/soak/bar.rs"]
mod bar;
#[path = "../../examples/soak/check.rs"]
mod check;
#[path = "../../examples/soak/verdict.rs"]
mod verdict;

use check::{Check, MESSAGE_BYTES_MAX, Pattern};
#[cfg(unix)]
use common::examples::{Program, binary, command, runner};
use common::examples::{assert_fails, assert_fits, run};
use fastrand::Rng;
use indicatif::{InMemoryTerm, ProgressBar, ProgressDrawTarget};
use verdict::{Tolerance, Verdict};

/// The kinds of work that this build has.
fn kinds() -> Vec<&'static str> {
    let mut kinds = vec!["echo, TCP", "churn, TCP", "UDP", "timers", "time-outs"];
    kinds.extend(["tasks cancelled", "yielding tasks", "other threads", "event loop"]);
    if cfg!(unix) {
        kinds.extend(["echo, Unix sockets", "churn, Unix sockets"]);
    }
    if cfg!(feature = "unblock") {
        kinds.push("unblock");
    }
    if cfg!(feature = "process") {
        kinds.push("child processes");
    }
    kinds
}

/// Operations, bytes and errors of a line of the table.
#[track_caller]
fn line(stdout: &str, kind: &str) -> [u64; 3] {
    let line = stdout.lines().find_map(|line| line.strip_prefix(kind)?.strip_prefix("  "));
    let line = line.unwrap_or_else(|| panic!("`{kind}` is not in: {stdout}"));
    let values: Vec<u64> =
        line.split_whitespace().map(|value| value.replace(',', "").parse().unwrap()).collect();
    values.try_into().unwrap()
}

/// The verdict on a line of what is held at rest.
#[track_caller]
fn verdict_on<'a>(stdout: &'a str, what: &str) -> &'a str {
    let line = stdout.lines().find(|line| line.starts_with(what));
    let line = line.unwrap_or_else(|| panic!("`{what}` is not in: {stdout}"));
    ["flat", "grew", "unknown"].into_iter().find(|verdict| line.contains(verdict)).expect("a verdict")
}

#[track_caller]
fn assert_well(arguments: &[&str]) -> String {
    let (code, stdout, stderr) = run("soak", arguments);
    assert_eq!((code, stderr.as_str()), (Some(0), ""), "{stdout}");
    assert_fits(&stdout);
    let mut all = [0; 3];
    for kind in kinds() {
        let [operations, bytes, errors] = line(&stdout, kind);
        assert!(operations > 0 && errors == 0, "{kind}: {stdout}");
        all = [all[0] + operations, all[1] + bytes, all[2] + errors];
    }
    assert_eq!(line(&stdout, "all"), all, "{stdout}");
    for kind in ["echo, TCP", "churn, TCP", "UDP", "time-outs", "event loop"] {
        assert!(line(&stdout, kind)[1] > 0, "{kind}: {stdout}");
    }
    assert_eq!(verdict_on(&stdout, "memory, allocated"), "flat");
    assert_eq!(verdict_on(&stdout, "connections served"), "flat");
    if cfg!(target_os = "linux") {
        assert_eq!(verdict_on(&stdout, "descriptors"), "flat");
    }
    stdout
}

#[test]
fn all_kinds_of_work_are_done_without_an_error_and_nothing_grows() {
    let stdout = assert_well(&["--seconds", "2", "--seed", "42"]);
    let driver = std::env::var("ONELOOP_DRIVER").unwrap_or("mio".to_owned());
    for part in [&format!("driver {driver}"), "50 connections", "--seed 42", " s] ", "\n0 errors in "] {
        assert!(stdout.contains(part), "`{part}` is not in: {stdout}");
    }
}

#[cfg(unix)]
fn with_400_descriptors_command(arguments: &[&str]) -> std::process::Command {
    let mut command = std::process::Command::new("sh");
    command.args(["-c", "ulimit -n 400 && exec \"$0\" \"$@\""]).args(runner::words(&binary("soak")));
    command.args(arguments);
    command
}

#[cfg(unix)]
fn with_400_descriptors(arguments: &[&str]) -> Program {
    Program::start(&mut with_400_descriptors_command(arguments)).unwrap()
}

/// The servers move to a process of their own.
#[cfg(unix)]
#[test]
fn with_fewer_descriptors_than_both_ends_need_the_servers_run_apart() {
    let mut program = with_400_descriptors(&["--seconds", "0.5", "--connections", "150", "--seed", "1"]);
    assert_eq!(program.wait().code(), Some(0));
    let stdout = program.stdout.so_far();
    assert!(stdout.contains("a process of their own") && stdout.contains("servers' process "), "{stdout}");
    assert!(line(&stdout, "echo, TCP")[0] > 0);
    assert!(line(&stdout, "echo, Unix sockets")[0] > 0);
}

#[cfg(unix)]
#[test]
fn more_connections_than_descriptors_are_refused_by_name_and_reason() {
    let mut program = with_400_descriptors(&["--connections", "300"]);
    assert_eq!(program.wait().code(), Some(2));
    let stderr = program.stderr.so_far();
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    for part in ["--connections 300", "500 descriptors", "allows 400", "ulimit -Hn"] {
        assert!(stderr.contains(part), "`{part}` is not in: {stderr}");
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_it_early_with_the_table_of_what_was_done() {
    let mut program = Program::start_in_a_group(command("soak").args(["--seconds", "10"])).unwrap();
    // After the first line of progress, which comes after a tenth of the time: work is under way.
    program.stdout.wait_for(" s] ");
    // As a terminal does: its child processes are not to be ended by it.
    program.signal_the_group(libc::SIGINT);
    assert_eq!(program.wait().code(), Some(0));
    let (stdout, stderr) = (program.stdout.so_far(), program.stderr.so_far());
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(stderr.contains("asked to end"), "{stderr}");
    for kind in kinds() {
        assert_eq!(line(&stdout, kind)[2], 0, "{kind}: {stdout}");
    }
    assert!(line(&stdout, "all")[0] > 0);
    // It was warming up, most likely: then there is nothing to compare with, and the last line says so.
    let last = stdout.lines().last().unwrap();
    match verdict_on(&stdout, "memory, allocated") {
        "unknown" => assert!(last.contains("; too early to see growth; "), "{stdout}"),
        verdict => assert!(verdict == "flat" && last.contains("; nothing grew; "), "{stdout}"),
    }
}

/// Each moment may be one in which a child is between its fork and its own group.
#[cfg(unix)]
#[test]
fn ctrl_c_at_any_moment_is_no_error() {
    for moment in 0..4 {
        let mut program = Program::start_in_a_group(command("soak").args(["--seconds", "10"])).unwrap();
        program.stdout.wait_for("--seed ");
        std::thread::sleep(std::time::Duration::from_millis(40 * moment));
        program.signal_the_group(if moment % 2 == 0 { libc::SIGINT } else { libc::SIGTERM });
        let (code, stderr) = (program.wait().code(), program.stderr.so_far());
        assert_eq!((code, stderr.lines().count()), (Some(0), 1), "{stderr}");
        assert!(program.stdout.so_far().contains("\n0 errors in "));
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_both_processes_if_the_servers_run_apart() {
    let mut command = with_400_descriptors_command(&["--seconds", "10", "--connections", "150"]);
    let mut program = Program::start_in_a_group(&mut command).unwrap();
    program.stdout.wait_for(" s] ");
    program.signal_the_group(libc::SIGINT);
    let (code, stderr) = (program.wait().code(), program.stderr.so_far());
    assert_eq!((code, stderr.lines().count()), (Some(0), 1), "{stderr}");
    assert_eq!(line(&program.stdout.so_far(), "all")[2], 0);
}

#[test]
fn a_wrong_byte_is_found_and_named() {
    let (code, stdout, stderr) = run("soak", &["--seconds", "1", "--seed", "1", "--inject", "byte"]);
    assert_eq!(code, Some(1), "{stdout}");
    assert!(line(&stdout, "echo, TCP")[2] > 0, "{stdout}");
    assert!(stderr.contains("echo, TCP: worker "), "{stderr}");
    assert!(stderr.contains("wrong byte: number "), "{stderr}");
    // Nobody else is to blame.
    assert_eq!(line(&stdout, "event loop")[2], 0, "{stdout}");
}

#[test]
fn memory_that_is_forgotten_is_found() {
    let (code, stdout, stderr) = run("soak", &["--seconds", "2", "--seed", "1", "--inject", "memory"]);
    assert_eq!((code, stderr.as_str()), (Some(1), ""), "{stdout}");
    assert_eq!(verdict_on(&stdout, "memory, allocated"), "grew");
    assert_eq!(line(&stdout, "all")[2], 0, "{stdout}");
}

#[cfg(target_os = "linux")]
#[test]
fn descriptors_that_are_forgotten_are_found() {
    let (code, stdout, _) = run("soak", &["--seconds", "1", "--seed", "1", "--inject", "descriptor"]);
    assert_eq!(code, Some(1), "{stdout}");
    assert_eq!(verdict_on(&stdout, "descriptors"), "grew");
}

#[test]
fn the_bar_is_one_line_however_narrow_the_terminal_is() {
    for columns in [20, 40, 60, 80, 85, 200] {
        let terminal = InMemoryTerm::new(10, columns);
        let target = ProgressDrawTarget::term_like(Box::new(terminal.clone()));
        let bar = ProgressBar::with_draw_target(Some(100), target).with_style(bar::style());
        bar.set_position(50);
        bar.set_message("0 errors, 1,000,000,000 operations, 1,000.00 GiB checked, 1,000.00 MiB of memory");
        let text = terminal.contents();
        assert!(text.starts_with("[") && text.contains("] 50% 0"), "{columns}: {text}");
        assert_eq!(text.lines().count(), 1, "{columns}: {text}");
    }
}

#[test]
fn bad_arguments_are_one_line_and_exit_code_2() {
    let refused = |arguments: &[&str], parts: &[&str]| assert_fails("soak", arguments, 2, parts);
    refused(&["nonsense"], &["nonsense"]);
    refused(&["--bogus"], &["--bogus"]);
    refused(&["--seconds", "0"], &["--seconds", "`0`", "0.001"]);
    refused(&["--minutes", "-1"], &["--minutes", "`-1`"]);
    refused(&["--hours", "nan"], &["--hours", "`nan`"]);
    refused(&["--connections", "0"], &["--connections", "`0`"]);
    refused(&["--connections"], &["--connections"]);
    refused(&["--seed", "x"], &["--seed", "`x`"]);
    refused(&["--inject", "nothing"], &["--inject", "`nothing`", "`descriptor`"]);
}

#[test]
fn help_explains_everything() {
    let (code, stdout, stderr) = run("soak", &["--help"]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    for part in ["--seconds", "--minutes", "--hours", "--connections", "--seed", "--inject", "exit codes"] {
        assert!(stdout.contains(part), "{part}");
    }
}

#[test]
fn the_check_finds_every_way_in_which_bytes_go_wrong() {
    let pattern = Pattern::new(1);
    let message = pattern.cut(&mut Rng::with_seed(2), 1_000);
    let check = |pieces: &[&[u8]]| {
        let mut check = Check::new(message);
        pieces.iter().try_for_each(|piece| check.take(piece))?;
        check.end()
    };
    assert_eq!(check(&[&message[..400], &message[400..]]), Ok(1_000));
    for place in [0, 1, 399, 400, 999] {
        let mut wrong = message.to_vec();
        wrong[place] ^= 0x80;
        let reason = check(&[&wrong[..400], &wrong[400..]]).unwrap_err();
        assert!(
            reason.contains(&format!("wrong byte: number {place} of 1000 is {:#04x}", wrong[place])),
            "{reason}"
        );
    }
    let missing = check(&[&message[..999]]).unwrap_err();
    assert!(missing.contains("1 of 1000 bytes missing"), "{missing}");
    let surplus = check(&[message, &[7]]).unwrap_err();
    assert!(surplus.contains("1001 bytes came back of the 1000"), "{surplus}");
    // Lost in the middle, doubled, swapped.
    assert!(check(&[&message[..400], &message[401..]]).unwrap_err().contains("wrong byte"));
    assert!(check(&[&message[..400], &message[399..]]).unwrap_err().contains("wrong byte"));
    assert!(check(&[&message[400..], &message[..400]]).unwrap_err().contains("wrong byte"));
}

#[test]
fn messages_have_every_length_and_depend_on_the_seed_alone() {
    let (pattern, again) = (Pattern::new(1), Pattern::new(1));
    let (mut rng, mut same) = (Rng::with_seed(3), Rng::with_seed(3));
    let (mut short, mut long) = (0, 0);
    for _ in 0..1_000 {
        let message = pattern.message(&mut rng, MESSAGE_BYTES_MAX);
        assert!((1..=MESSAGE_BYTES_MAX).contains(&message.len()));
        assert!(message == again.message(&mut same, MESSAGE_BYTES_MAX));
        short += usize::from(message.len() < 100);
        long += usize::from(message.len() > 100_000);
    }
    assert!(short > 100 && long > 50, "{short} short, {long} long");
}

#[test]
fn more_than_is_allowed_has_grown_and_not_a_byte_less() {
    let tolerance = Tolerance { percent: 10, plus: 50 };
    let verdict = |start, end| Verdict::of(start, end, tolerance);
    assert_eq!(verdict(Some(1_000), Some(1_150)), Verdict::Flat);
    assert_eq!(verdict(Some(1_000), Some(1_151)), Verdict::Grew);
    assert_eq!(verdict(Some(1_000), Some(10)), Verdict::Flat);
    assert_eq!(Verdict::of(Some(7), Some(8), verdict::NONE), Verdict::Grew);
    // One forgotten block; what 10,000 connections may have in buffers.
    assert_eq!(Verdict::of(Some(1 << 20), Some((1 << 20) + (256 << 10)), verdict::heap(50)), Verdict::Grew);
    assert_eq!(Verdict::of(Some(20 << 20), Some(90 << 20), verdict::resident(50)), Verdict::Grew);
    assert_eq!(Verdict::of(Some(20 << 20), Some(90 << 20), verdict::resident(10_000)), Verdict::Flat);
    assert_eq!(verdict(None, Some(10)), Verdict::Unknown);
    assert_eq!(verdict(Some(10), None), Verdict::Unknown);
}

//! These tests cover the promises of the example `with_tokio`.

use common::examples::{assert_fails, run};

#[test]
fn each_way_is_measured() {
    let (code, stdout, stderr) = run("with_tokio", &["--requests", "95"]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""), "{stdout}");
    assert!(stdout.starts_with("10 rounds of 10 requests to a server"), "{stdout}");
    for way in ["reqwest, awaited on the loop", "reqwest, in one task of tokio", "hyper on oneloop"] {
        let line = stdout.lines().find_map(|line| line.strip_prefix(way)).expect(way);
        let figures: Vec<f64> = line.split_whitespace().map(|figure| figure.parse().unwrap()).collect();
        let [median, least, most] = figures[..] else { panic!("{line}") };
        assert!(0.0 < least && least <= median && median <= most, "{line}");
    }
    let last = stdout.lines().last().unwrap();
    assert!(last.starts_with("the side thread costs "), "{last}");
}

#[test]
fn help_explains_everything() {
    let (code, stdout, stderr) = run("with_tokio", &["--help"]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    for part in ["--requests N", "--help", "Ctrl+C", "exit codes"] {
        assert!(stdout.contains(part), "{part}");
    }
}

#[test]
fn bad_arguments_are_one_line_and_exit_code_2() {
    assert_fails("with_tokio", &["--bogus"], 2, &["--bogus", "--help"]);
    assert_fails("with_tokio", &["--requests"], 2, &["--requests"]);
    assert_fails("with_tokio", &["--requests", "0"], 2, &["0", "zero"]);
    assert_fails("with_tokio", &["here"], 2, &["here"]);
}

#[cfg(unix)]
#[test]
fn a_signal_ends_it() {
    use common::examples::{Program, command};
    use oneloop::signal::SignalKind;
    for (signal, code) in [(SignalKind::INTERRUPT, 130), (SignalKind::TERMINATE, 143)] {
        let mut program = Program::start(command("with_tokio").args(["--requests", "4000000000"])).unwrap();
        program.stdout.wait_for("rounds of");
        program.signal(signal.number());
        assert_eq!(program.wait().code(), Some(code));
    }
}

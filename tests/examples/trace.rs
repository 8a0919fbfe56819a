//! `--trace FILE` of the examples that the articles' readers start with.

use common::examples::{assert_fails, run};

const TRACED: [&str; 2] = ["cooperative_yield", "second_finishes_first"];

#[test]
fn help_names_the_flag_and_the_flag_needs_a_file() {
    for name in TRACED
        .into_iter()
        .chain(cfg!(all(feature = "event-loop", feature = "signal")).then_some("event_queue"))
    {
        let (code, stdout, _) = run(name, &["--help"]);
        assert!(code == Some(0) && stdout.contains("[--trace FILE]"), "{stdout}");
        assert_fails(name, &["--trace"], 2, &["--trace", "file"]);
    }
}

#[cfg(not(feature = "trace"))]
#[test]
fn without_the_feature_the_flag_names_it() {
    for name in TRACED {
        let command = format!("cargo run --release --example {name} --features trace -- --trace FILE");
        assert_fails(name, &["--trace", "record"], 2, &["the feature `trace`", &command]);
    }
}

#[cfg(feature = "trace")]
mod with_the_feature {
    use super::{TRACED, run};

    fn file(name: &str) -> std::path::PathBuf {
        std::env::temp_dir().join(format!("oneloop-{name}-{}.rec", std::process::id()))
    }

    #[track_caller]
    fn check(file: &std::path::Path, stderr: &str) {
        let record = std::fs::read(file).unwrap();
        std::fs::remove_file(file).unwrap();
        assert!(record.starts_with(b"oneloop\0") && record.len() > 500, "{} bytes", record.len());
        assert!(stderr.contains("the record is in ") && stderr.lines().count() == 1, "{stderr}");
    }

    #[test]
    fn the_record_is_written_and_the_output_is_the_same() {
        for name in TRACED {
            let file = file(name);
            let (code, stdout, stderr) = run(name, &["--trace", file.to_str().unwrap()]);
            assert_eq!(code, Some(0), "{stderr}");
            check(&file, &stderr);
            let (_, plain, _) = run(name, &[]);
            assert_eq!(stdout.lines().count(), plain.lines().count());
        }
    }

    #[cfg(all(unix, feature = "event-loop", feature = "signal"))]
    #[test]
    fn ctrl_c_ends_the_event_queue_and_its_record_is_written() {
        use common::examples::{Program, command};
        let file = file("event_queue");
        let mut program = Program::start(command("event_queue").arg("--trace").arg(&file)).unwrap();
        program.stdout.wait_for("event_4\n");
        program.signal(libc::SIGINT);
        assert_eq!(program.wait().code(), Some(0));
        check(&file, &program.stderr.so_far());
    }

    #[test]
    fn a_file_that_cannot_be_written_is_status_1_and_named() {
        let (code, _, stderr) = run("second_finishes_first", &["--trace", "no/such/folder/file"]);
        assert!(code == Some(1) && stderr.contains("no/such/folder/file"), "{stderr}");
    }
}

//! Reports on stderr of what holds the loop, and forks under a watchdog.

use std::io::Write;
use std::time::{Duration, Instant};

use oneloop::{Runtime, task, yield_now};

use common::examples::{Program, until};
use common::runner::again;
#[cfg(target_os = "linux")]
use common::runner::in_child_with;

/// What the test's process has written to stderr: the lines of this library.
fn lines(test: &str, body: impl FnOnce()) -> Option<Vec<String>> {
    let output = again(test, body)?.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stderr).unwrap();
    Some(text.lines().filter(|line| line.contains("oneloop: ")).map(String::from).collect())
}

/// Every poll is reported as slow. All of these come within a second, or some of them do.
#[test]
fn at_most_ten_lines_a_second_and_the_rest_is_counted() {
    const POLLS: usize = 300;
    let body = || {
        let begin = Instant::now();
        let runtime = Runtime::builder().report_slow_polls(Duration::ZERO).build().unwrap();
        let guard = runtime.enter();
        let task = task::Builder::new().name("yields\n").spawn(async {
            for _ in 1..POLLS {
                yield_now().await;
            }
        });
        drop(guard);
        runtime.block_on(task).unwrap();
        runtime.block_on(oneloop::time::sleep(Duration::from_millis(1100)));
        drop(runtime);
        eprintln!("\nit took {} oneloop: ", begin.elapsed().as_secs());
    };
    let Some(lines) = lines("at_most_ten_lines_a_second_and_the_rest_is_counted", body) else { return };
    let (took, lines) = lines.split_last().unwrap();
    let seconds: usize = took.split(' ').nth(2).unwrap().parse().unwrap();
    assert!(lines.len() <= 10 * (seconds + 1) + 1, "{lines:?}");
    assert!(lines.iter().any(|line| line.contains("\"yields\\n\" (spawned at ")), "{lines:?}");
    assert!(lines[0].starts_with("oneloop: ") && lines[0].contains(" held the loop for "), "{lines:?}");
    let more: usize = lines.iter().filter_map(|line| number(line)).sum();
    let reported = lines.iter().filter(|line| line.contains(" held the loop ")).count();
    assert!(reported + more >= POLLS, "{lines:?}");
}

/// How many reports a line says were left out before it.
fn number(line: &str) -> Option<usize> {
    let words: Vec<_> = line.split(' ').collect();
    let at = words.iter().position(|word| *word == "more")?;
    words[at - 1].parse().ok()
}

/// The task blocks until the line has come, however slow the machine is.
#[test]
fn the_watchdog_writes_to_stderr_what_is_stuck_and_that_it_goes_on() {
    let await_input = || assert!(std::io::stdin().read_line(&mut String::new()).unwrap() > 0);
    let body = || {
        let runtime = Runtime::builder().watchdog(Duration::from_millis(50)).build().unwrap();
        let blocks = async move { await_input() };
        runtime.block_on(async { task::Builder::new().name("blocks").spawn(blocks).await.unwrap() });
        await_input(); // The thread of the watchdog writes its last line meanwhile.
    };
    let test = "the_watchdog_writes_to_stderr_what_is_stuck_and_that_it_goes_on";
    let Some(mut command) = again(test, body) else { return };
    let mut program = Program::start_fed(&mut command).unwrap();
    let mut input = program.input();
    for said in [" has held the loop for ", "the loop goes on"] {
        // On a busy machine another unit may be reported, too.
        until("a line about the task", || {
            let text = program.stderr.so_far();
            let about = text.lines().rfind(|line| line.contains("\"blocks\""));
            about.is_some_and(|line| line.contains(said)).then_some(())
        });
        input.write_all(b"\n").unwrap();
    }
    assert!(program.wait().success());
}

/// The watchdog's thread takes its lock all the time, so that some of the forks come while it is held. A
/// child that returns into the parent's loop ends with the panic that says so, and without a report.
#[cfg(target_os = "linux")]
#[test]
fn a_fork_under_a_watchdog_neither_hangs_nor_reports() {
    let vars = [("RUST_BACKTRACE", "0")]; // each child panics
    in_child_with("a_fork_under_a_watchdog_neither_hangs_nor_reports", &vars, || {
        let mine = std::process::id();
        let report = move |pid: u32| assert_eq!(pid, mine, "a child reports");
        let runtime = Runtime::builder()
            .watchdog_with(Duration::from_millis(1), move |_| report(std::process::id()))
            .slow_poll(Duration::ZERO, move |_| {
                if std::process::id() != mine {
                    // SAFETY: it ends the child at once.
                    unsafe { libc::_exit(3) }
                }
            })
            .build()
            .unwrap();
        for _ in 0..200 {
            // SAFETY: the child ends below; the watchdog's thread holds no lock that it needs.
            let forks = async { unsafe { libc::fork() } };
            let forked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                runtime.block_on(async {
                    let id = oneloop::future::or(forks, std::future::pending()).await;
                    if id == 0 {
                        drop(oneloop::spawn(async { yield_now().await }));
                        std::future::pending::<()>().await;
                    }
                    id
                })
            }));
            let Ok(id) = forked else {
                let dropped = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(runtime)));
                let new = Runtime::builder().watchdog(Duration::from_secs(1)).build();
                let works = new.is_ok_and(|new| new.block_on(async { true }));
                // SAFETY: it ends the child at once.
                unsafe { libc::_exit(i32::from(dropped.is_err() || !works)) }
            };
            await_child(id);
        }
    });
}

/// Waits for a child that must end well.
#[cfg(target_os = "linux")]
#[track_caller]
fn await_child(id: i32) {
    let mut status = 0;
    for _ in 0..90_000 {
        // SAFETY: `status` lives as long as the call.
        match unsafe { libc::waitpid(id, &raw mut status, libc::WNOHANG) } {
            0 => std::thread::sleep(Duration::from_millis(1)),
            -1 if std::io::Error::last_os_error().kind() == std::io::ErrorKind::Interrupted => {}
            ended => {
                assert_eq!((ended, status), (id, 0));
                return;
            }
        }
    }
    // SAFETY: the child was not waited for, so its number is still its own.
    unsafe { libc::kill(id, libc::SIGKILL) };
    panic!("the child hangs");
}

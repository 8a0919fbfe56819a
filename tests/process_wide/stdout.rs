//! `io::stdout` and `io::stderr`: bytes come out in order and whole, a flush means that they have left, and a reader that doesn't
//! read holds up neither the loop nor the end of the process. Each test is a process of its own.
#![cfg(feature = "unblock")]

use std::io::{ErrorKind, PipeReader, Read};
use std::process::{Child, ChildStderr, ExitStatus, Stdio};
use std::time::Duration;

use oneloop::io::{AsyncWriteExt, stderr, stdout};
use oneloop::spawn;
use oneloop::time::{sleep, timeout};

use common::examples::until;
use common::runner::again;
use common::sockets::{pattern, run, within};

/// A test's process. Dropping it kills it.
struct Program {
    child: Child,
    /// The pipe that it writes into.
    output: PipeReader,
    stderr: ChildStderr,
}

impl Program {
    fn start(test: &str, body: impl FnOnce()) -> Option<Program> {
        let mut command = again(test, body)?;
        let (output, theirs) = std::io::pipe().unwrap();
        command.stdin(Stdio::null()).stdout(theirs).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stderr = child.stderr.take().unwrap();
        Some(Program { child, output, stderr })
    }

    /// Waits until it has said something.
    fn receive(&mut self) -> String {
        let mut text = Vec::new();
        let mut byte = [0];
        while text.last() != Some(&b'>') {
            self.stderr.read_exact(&mut byte).expect("it says something");
            text.push(byte[0]);
        }
        String::from_utf8(text).unwrap()
    }

    fn wait(&mut self) -> ExitStatus {
        until("the program's end", || self.child.try_wait().unwrap())
    }

    /// What it has written, all of it.
    fn output(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.output.read_to_end(&mut bytes).unwrap();
        bytes
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let mut text = String::new();
            let _ = self.stderr.read_to_string(&mut text);
            eprintln!("its stderr:\n{text}");
        }
    }
}

fn say(text: &str) {
    eprint!("<{text}>");
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[test]
fn flushed_bytes_are_written_however_the_process_ends() {
    let body = || {
        run(async {
            let mut output = stdout();
            output.write_all(b"a line\nand ").await.unwrap();
            output.write_all(b"no line").await.unwrap();
            within(output.flush()).await.unwrap();
            std::process::abort();
        });
    };
    let Some(mut program) = Program::start("flushed_bytes_are_written_however_the_process_ends", body) else {
        return;
    };
    assert!(contains(&program.output(), b"a line\nand no line"));
    assert!(!program.wait().success());
}

#[test]
fn a_flush_of_a_new_handle_waits_for_what_was_written_before() {
    let body = || {
        run(async {
            stdout().write_all(&pattern(20_000, 9)).await.unwrap();
            within(stdout().close()).await.unwrap();
            stdout().write_all(b"closing closes nothing").await.unwrap();
            within(stdout().flush()).await.unwrap();
            std::process::abort();
        });
    };
    let test = "a_flush_of_a_new_handle_waits_for_what_was_written_before";
    let Some(mut program) = Program::start(test, body) else { return };
    let expected = [pattern(20_000, 9), b"closing closes nothing".to_vec()].concat();
    assert!(program.output().ends_with(&expected));
}

#[test]
fn lines_of_many_writers_come_out_whole_and_each_ones_in_order() {
    const WRITERS: usize = 8;
    const LINES: usize = 300;
    fn line(writer: usize, number: usize) -> String {
        format!("<{writer} {number} {}>\n", "x".repeat(writer * number))
    }
    let body = || {
        let std_too = std::thread::spawn(|| {
            (0..LINES).for_each(|number| print!("{}", line(0, number)));
        });
        run(async {
            let write = |writer| async move {
                let mut output = stdout();
                for number in 0..LINES {
                    within(output.write_all(line(writer, number).as_bytes())).await.unwrap();
                }
                within(output.flush()).await.unwrap();
            };
            let tasks: Vec<_> = (1..WRITERS).map(|writer| spawn(write(writer))).collect();
            for task in tasks {
                task.await.unwrap();
            }
        });
        std_too.join().unwrap();
    };
    let test = "lines_of_many_writers_come_out_whole_and_each_ones_in_order";
    let Some(mut program) = Program::start(test, body) else { return };
    let text = String::from_utf8(program.output()).unwrap();
    let mut next = [0; WRITERS];
    for part in text.split_inclusive('\n').filter_map(|text| text.find('<').map(|begin| &text[begin..])) {
        let writer: usize = part[1..2].parse().unwrap();
        assert_eq!(part, line(writer, next[writer]));
        next[writer] += 1;
    }
    assert_eq!(next, [LINES; WRITERS]);
    assert!(program.wait().success());
}

#[test]
fn a_print_after_a_flush_comes_after_it() {
    let body = || {
        run(async {
            let mut output = stdout();
            for n in 0..50 {
                output.write_all(format!("<{}>", 2 * n).as_bytes()).await.unwrap();
                within(output.flush()).await.unwrap();
                print!("<{}>", 2 * n + 1);
            }
        });
    };
    let Some(mut program) = Program::start("a_print_after_a_flush_comes_after_it", body) else { return };
    let expected: String = (0..100).map(|n| format!("<{n}>")).collect();
    assert!(contains(&program.output(), expected.as_bytes()));
    assert!(program.wait().success());
}

#[test]
fn a_reader_that_does_not_read_holds_up_the_writer_and_not_the_loop() {
    let body = || {
        run(async {
            let writing = spawn(async {
                let mut output = stdout();
                output.write_all(&pattern(1_000_000, 4)).await?;
                output.flush().await
            });
            for _ in 0..50 {
                sleep(Duration::from_millis(1)).await;
            }
            assert!(!writing.is_finished());
            say("the loop goes on");
            within(writing).await.unwrap().unwrap();
            say("written");
        });
    };
    let test = "a_reader_that_does_not_read_holds_up_the_writer_and_not_the_loop";
    let Some(mut program) = Program::start(test, body) else { return };
    assert!(program.receive().ends_with("<the loop goes on>"));
    assert!(contains(&program.output(), &pattern(1_000_000, 4)));
    assert!(program.wait().success());
}

/// Writes pieces, each with its number, until the pipe and the buffer are full; returns how many were taken.
async fn fill() -> usize {
    let mut output = stdout();
    for number in 0.. {
        let piece = format!("{number:1024}");
        match timeout(Duration::from_millis(100), output.write(piece.as_bytes())).await {
            Ok(length) => assert_eq!(length.unwrap(), piece.len(), "a small write is taken whole"),
            Err(_) => return number,
        }
    }
    unreachable!("pipes are finite")
}

#[test]
fn a_write_that_is_dropped_has_written_nothing() {
    let body = || {
        run(async {
            say(&fill().await.to_string());
            let mut output = stdout();
            within(output.write_all(b"<the end>")).await.unwrap();
            within(output.flush()).await.unwrap();
        });
    };
    let Some(mut program) = Program::start("a_write_that_is_dropped_has_written_nothing", body) else {
        return;
    };
    let received = program.receive();
    let taken: usize = received.rsplit_once('<').unwrap().1.trim_end_matches('>').parse().unwrap();
    assert!(taken >= 64, "the buffer alone holds so many");
    let mut expected: String = (0..taken).map(|number| format!("{number:1024}")).collect();
    expected += "<the end>";
    assert!(contains(&program.output(), expected.as_bytes()));
    assert!(program.wait().success());
}

#[test]
fn a_write_that_blocks_does_not_keep_the_process_alive() {
    let body = || {
        run(async {
            fill().await;
            let mut output = stdout();
            assert!(timeout(Duration::from_millis(10), output.flush()).await.is_err());
        });
        // Not by returning: the harness has to say something, too.
        std::process::exit(0);
    };
    let test = "a_write_that_blocks_does_not_keep_the_process_alive";
    let Some(mut program) = Program::start(test, body) else { return };
    assert!(program.wait().success(), "and no program has read");
}

#[test]
fn a_pipe_without_a_reader_is_an_error_and_no_signal() {
    let body = || {
        run(async {
            say("close it");
            let mut output = stdout();
            let broken = async {
                loop {
                    let written = match output.write_all(b"x").await {
                        Ok(()) => output.flush().await,
                        error => error,
                    };
                    if let Err(error) = written {
                        return error;
                    }
                }
            };
            assert_eq!(within(broken).await.kind(), ErrorKind::BrokenPipe);
            // Each attempt is one of its own.
            within(output.flush()).await.unwrap();
            within(output.write_all(b"y")).await.unwrap();
            assert_eq!(within(output.flush()).await.unwrap_err().kind(), ErrorKind::BrokenPipe);
            within(output.write_all(b"z")).await.unwrap();
            let reported_by_a_write = async {
                loop {
                    if let Err(error) = output.write(b"z").await {
                        return error;
                    }
                    sleep(Duration::from_millis(1)).await;
                }
            };
            assert_eq!(within(reported_by_a_write).await.kind(), ErrorKind::BrokenPipe);
        });
        std::process::exit(0); // the harness would fail, as no program reads
    };
    let Some(mut program) = Program::start("a_pipe_without_a_reader_is_an_error_and_no_signal", body) else {
        return;
    };
    program.receive();
    drop(std::mem::replace(&mut program.output, std::io::pipe().unwrap().0));
    assert!(program.wait().success());
}

#[cfg(target_os = "linux")]
#[test]
fn an_error_is_reported_to_each_handle_and_to_the_next_if_none_has_reported_it() {
    let body = || {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        // SAFETY: a call without pointers.
        assert_eq!(unsafe { libc::dup2(std::os::fd::AsRawFd::as_raw_fd(&full), 1) }, 1);
        run(async {
            let (mut first, mut second) = (stdout(), stdout());
            within(first.write_all(b"lost")).await.unwrap();
            let error = within(first.flush()).await.unwrap_err();
            assert_eq!((error.kind(), error.raw_os_error()), (ErrorKind::StorageFull, Some(libc::ENOSPC)));
            assert_eq!(within(second.write_all(b"x")).await.unwrap_err().kind(), ErrorKind::StorageFull);
            within(second.flush()).await.unwrap();
            within(first.flush()).await.unwrap();
            within(stdout().flush()).await.unwrap();

            // Handles that live for one operation.
            within(stdout().write_all(b"lost")).await.unwrap();
            assert_eq!(within(stdout().flush()).await.unwrap_err().kind(), ErrorKind::StorageFull);
            within(stdout().flush()).await.unwrap();

            // And once there is room again.
            let null = std::fs::OpenOptions::new().write(true).open("/dev/null").unwrap();
            // SAFETY: a call without pointers.
            assert_eq!(unsafe { libc::dup2(std::os::fd::AsRawFd::as_raw_fd(&null), 1) }, 1);
            within(first.write_all(b"well")).await.unwrap_err();
            within(first.write_all(b"well")).await.unwrap();
            within(first.flush()).await.unwrap();
        });
    };
    let test = "an_error_is_reported_to_each_handle_and_to_the_next_if_none_has_reported_it";
    let Some(mut program) = Program::start(test, body) else { return };
    assert!(program.wait().success());
}

#[cfg(unix)]
#[test]
fn the_open_file_of_the_output_stays_blocking() {
    let is_blocking = |pipe: &std::io::PipeWriter| {
        // SAFETY: a call without pointers.
        let flags = unsafe { libc::fcntl(std::os::fd::AsRawFd::as_raw_fd(pipe), libc::F_GETFL) };
        assert!(flags >= 0);
        flags & libc::O_NONBLOCK == 0
    };
    let body = || {
        run(async {
            stdout().write_all(b"a line\n").await.unwrap();
            within(stdout().flush()).await.unwrap();
            say("written");
            spawn(fill()).await.unwrap();
            say("full");
        });
        std::process::exit(0);
    };
    let Some(mut command) = again("the_open_file_of_the_output_stays_blocking", body) else { return };
    let (output, theirs) = std::io::pipe().unwrap();
    command.stdin(Stdio::null()).stdout(theirs.try_clone().unwrap()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let stderr = child.stderr.take().unwrap();
    let mut program = Program { child, output, stderr };
    for _ in 0..2 {
        program.receive();
        assert!(is_blocking(&theirs));
    }
    assert!(program.wait().success());
    assert!(is_blocking(&theirs));
}

#[test]
fn standard_error_keeps_the_same_promises() {
    let body = || {
        run(async {
            let mut errors = stderr();
            errors.write_all(b"<one>").await.unwrap();
            within(errors.flush()).await.unwrap();
            eprint!("<two>");
            errors.write_all(b"<three>").await.unwrap();
            within(errors.close()).await.unwrap();
            std::process::abort();
        });
    };
    let Some(mut program) = Program::start("standard_error_keeps_the_same_promises", body) else { return };
    let mut text = String::new();
    program.stderr.read_to_string(&mut text).unwrap();
    assert!(text.contains("<one><two><three>"), "{text}");
}

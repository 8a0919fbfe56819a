//! Children on Windows, where a status is a number and nothing else, and the streams are a thread's to move.
#![cfg(all(windows, feature = "process"))]

use std::io::ErrorKind;
use std::time::Duration;

use oneloop::io::{AsyncReadExt, AsyncWriteExt};
use oneloop::net::{TcpListener, TcpStream};
use oneloop::process::{Child, Command, Stdio};

use common::sockets::{self, Outcome, pattern, run, within};

const ROLE: &str = "ONELOOP_TEST_ROLE";

/// No test, but the child of the others: this program once more. It speaks on standard error, because the harness prints
/// to standard output.
#[test]
fn the_child_of_the_other_tests() {
    match std::env::var(ROLE).as_deref() {
        Ok("copies") => drop(std::io::copy(&mut std::io::stdin(), &mut std::io::stderr())),
        Ok("sleeps") => std::thread::sleep(Duration::from_secs(600)),
        _ => {}
    }
}

fn child_that(role: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("a test knows its own program"));
    command.args(["::the_child_of_the_other_tests", "--nocapture"]).env(ROLE, role);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

fn copier() -> std::io::Result<Child> {
    child_that("copies").stdin(Stdio::piped()).spawn()
}

async fn exit_with(code: &str) -> std::io::Result<std::process::ExitStatus> {
    Command::new("cmd").args(["/c", "exit", code]).status().await
}

#[test]
fn the_status_is_the_exit_code_and_also_says_so_of_a_child_that_was_killed() -> Outcome {
    run(async {
        assert!(exit_with("0").await?.success());
        assert_eq!(exit_with("7").await?.code(), Some(7));
        let mut child = child_that("sleeps").spawn()?;
        child.start_kill()?;
        // There is no signal to be named: `TerminateProcess` is told the code that the child ends with.
        assert_eq!(child.wait().await?.code(), Some(1));
        assert_eq!(child.wait().await?.code(), Some(1));
        assert_eq!(child.id(), None);
        child.kill().await // of one that has ended is harmless
    })
}

/// A child that lives longer than what it has inherited would keep it open.
#[test]
fn children_inherit_no_sockets() -> Outcome {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let mut ours = TcpStream::connect(address).await?;
        let (mut theirs, _) = listener.accept().await?;
        let mut child = child_that("sleeps").spawn()?;
        drop(listener);
        let refused = within(TcpStream::connect(address)).await.map(|_| "connected");
        assert_eq!(refused.map_err(|error| error.kind()), Err(ErrorKind::ConnectionRefused));
        if sockets::on_wine() {
            // There an accepted socket doesn't take after its listener.
            drop(ours);
            assert_eq!(within(theirs.read(&mut [0; 8])).await?, 0);
        } else {
            drop(theirs);
            assert_eq!(within(ours.read(&mut [0; 8])).await?, 0);
        }
        child.kill().await
    })
}

#[test]
fn written_bytes_arrive_although_the_input_is_dropped_at_once() -> Outcome {
    run(async {
        for seed in 0..5 {
            let text = pattern(1000, seed);
            let mut child = copier()?;
            child.stdin.take().expect("it is piped").write_all(&text).await?;
            assert!(child.wait_with_output().await?.stderr == text);
        }
        Ok(())
    })
}

#[test]
fn much_goes_through_a_child_and_comes_back() -> Outcome {
    run(async {
        let text = pattern(1 << 20, 3);
        let mut child = copier()?;
        let (mut stdin, mut stderr) = (child.stdin.take().unwrap(), child.stderr.take().unwrap());
        let ours = text.clone();
        let writing = oneloop::spawn(async move {
            stdin.write_all(&ours).await?;
            stdin.close().await?;
            stdin.write_all(b"more").await
        });
        let mut back = Vec::new();
        stderr.read_to_end(&mut back).await?;
        assert!(back == text);
        assert_eq!(writing.await.unwrap().unwrap_err().kind(), ErrorKind::BrokenPipe);
        assert!(child.wait().await?.success());
        Ok(())
    })
}

#[test]
fn writing_to_a_child_that_has_ended_is_an_error() -> Outcome {
    run(async {
        let mut child = child_that("nothing").stdin(Stdio::piped()).spawn()?;
        let mut stdin = child.stdin.take().unwrap();
        assert!(child.wait().await?.success());
        let error = loop {
            // The thread's error comes with the flush, or with a later write.
            if let Err(error) = stdin.write_all(&[0; 4096]).await {
                break error;
            }
            if let Err(error) = stdin.flush().await {
                break error;
            }
        };
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        Ok(())
    })
}

#[test]
fn a_child_is_killed_with_its_handle_if_that_was_asked_for() -> Outcome {
    run(async {
        let mut child = child_that("sleeps").kill_on_drop(true).spawn()?;
        let mut stderr = child.stderr.take().unwrap();
        drop(child);
        let mut text = Vec::new();
        within(stderr.read_to_end(&mut text)).await?; // ends with the last who could write to it
        Ok(())
    })
}

#[test]
fn a_stream_goes_to_another_child_unless_it_was_used() -> Outcome {
    run(async {
        let text = pattern(5000, 4);
        let mut first = copier()?;
        let between = Stdio::try_from(first.stderr.take().unwrap())?;
        let second = child_that("copies").stdin(between).spawn()?;
        first.stdin.take().unwrap().write_all(&text).await?;
        assert!(second.wait_with_output().await?.stderr == text);
        assert!(first.wait().await?.success());

        let mut child = copier()?;
        child.stdin.as_mut().unwrap().write_all(b"x").await?;
        child.stdin.as_mut().unwrap().flush().await?;
        let mut used = child.stderr.take().unwrap();
        used.read_exact(&mut [0]).await?;
        let refused = Stdio::try_from(used).expect_err("a thread reads it");
        assert_eq!(refused.kind(), ErrorKind::WouldBlock);
        child.kill().await
    })
}

#[test]
fn a_program_that_can_not_be_started_is_an_error() -> Outcome {
    run(async {
        let error = Command::new("no-such-program").spawn().expect_err("there is none");
        assert_eq!(error.kind(), ErrorKind::NotFound);
        Ok(())
    })
}

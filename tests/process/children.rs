//! Children: every end wakes the task that waits for it, and every byte arrives.
//!
//! On Linux a wait is by the child's own descriptor. Built with `--cfg oneloop_wait_by_signal` it is by
//! `SIGCHLD`, as on the other Unix systems, and children of other tests cause that signal at any time.
#![cfg(all(unix, feature = "process"))]

use std::io::ErrorKind;
use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use futures::FutureExt;
use oneloop::Runtime;
use oneloop::io::{AsyncReadExt, AsyncWriteExt};
use oneloop::pipe::{PipeReader, PipeWriter};
use oneloop::process::{Command, Stdio};
use oneloop::signal::{Signal, SignalKind};
use oneloop::time::timeout;

use common::children::{
    cat, exists, pid_of, sh, wait_until_ended, wait_until_reaped_without_a_loop, waits_by_signal,
};
use common::sockets::{self, Outcome, SocketPath, pattern, run, within};

/// More than any pipe holds.
const MUCH: usize = 1 << 20;

#[test]
fn the_status_says_how_a_child_ended() -> Outcome {
    run(async {
        assert!(Command::new("true").status().await?.success());
        assert_eq!(sh("exit 7").status().await?.code(), Some(7));
        let killed = sh("kill -TERM $$").status().await?;
        assert_eq!((killed.code(), killed.signal()), (None, Some(libc::SIGTERM)));
        Ok(())
    })
}

#[test]
fn much_output_on_both_pipes_is_collected_whole() -> Outcome {
    run(async {
        // One after the other: who reads only one of them waits for ever.
        let mut script =
            sh("head -c 1200000 /dev/zero | tr '\\0' e >&2; head -c 1300000 /dev/zero | tr '\\0' o; exit 3");
        let output = script.output().await?;
        assert_eq!(output.status.code(), Some(3));
        assert!(output.stderr.len() == 1_200_000 && output.stderr.iter().all(|&byte| byte == b'e'));
        assert!(output.stdout.len() == 1_300_000 && output.stdout.iter().all(|&byte| byte == b'o'));
        Ok(())
    })
}

#[test]
fn output_uses_pipes_only_where_nothing_else_was_chosen() -> Outcome {
    run(async {
        let mut script = sh("cat; echo out; echo err >&2");
        let output = script.output().await?; // and `cat` finds its input empty
        assert_eq!((&output.stdout[..], &output.stderr[..]), (&b"out\n"[..], &b"err\n"[..]));
        let output = script.stderr(Stdio::null()).output().await?;
        assert_eq!((&output.stdout[..], &output.stderr[..]), (&b"out\n"[..], &b""[..]));
        // It leaves nothing behind for the next child.
        let child = script.stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
        assert!(child.stdin.is_none() && child.stdout.is_none() && child.stderr.is_none());
        let mut plain = Command::new("true");
        plain.output().await?;
        let child = plain.spawn()?;
        assert!(child.stdin.is_none() && child.stdout.is_none() && child.stderr.is_none());
        Ok(())
    })
}

#[test]
fn status_is_not_delayed_by_pipes_that_are_not_read() -> Outcome {
    run(async {
        let mut script = sh("head -c 300000 /dev/zero; head -c 300000 /dev/zero >&2; cat; exit 4");
        script.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        assert_eq!(script.status().await?.code(), Some(4));

        // Nor by a grandchild that keeps them open.
        let path = SocketPath::default();
        let mut script = sh("sleep 1000 & echo $! > \"$0\"");
        script.arg(path.as_ref()).stdout(Stdio::piped());
        assert!(within(script.status()).await?.success());
        let sleeper = std::fs::read_to_string(&path)?.trim().parse().expect("a number");
        // SAFETY: a call without pointers, to a process that sleeps for long.
        assert_eq!(unsafe { libc::kill(sleeper, libc::SIGKILL) }, 0);
        Ok(())
    })
}

#[test]
fn much_goes_through_a_child_and_comes_back() -> Outcome {
    run(async {
        let mut cat = cat().spawn()?;
        let (mut stdin, mut stdout) = (cat.stdin.take().unwrap(), cat.stdout.take().unwrap());
        let bytes = pattern(MUCH, 2);
        let write = async {
            stdin.write_all(&bytes).await?;
            stdin.close().await?;
            let after = stdin.write(b"x").await.unwrap_err();
            assert_eq!(after.kind(), ErrorKind::BrokenPipe);
            Outcome::Ok(())
        };
        let mut all = Vec::new();
        let (written, read) = futures::join!(write, stdout.read_to_end(&mut all));
        written?;
        read?;
        assert!(all == bytes);
        assert!(cat.wait().await?.success());
        Ok(())
    })
}

#[test]
fn writing_to_a_child_that_has_ended_is_an_error_and_no_signal() -> Outcome {
    run(async {
        let mut child = Command::new("true").stdin(Stdio::piped()).spawn()?;
        let mut stdin = child.stdin.take().unwrap();
        child.wait().await?;
        // Not at once, if another test starts a child now: that has a copy until it runs its program.
        let error = loop {
            match within(stdin.write(b"x")).await {
                Ok(n) => assert_eq!(n, 1),
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        Ok(())
    })
}

#[test]
fn wait_closes_the_input_first() -> Outcome {
    run(async {
        let mut child = cat().spawn()?;
        assert!(within(child.wait()).await?.success());
        assert!(child.stdin.is_none());
        let output = within(cat().spawn()?.wait_with_output()).await?;
        assert!(output.status.success() && output.stdout.is_empty());
        Ok(())
    })
}

#[test]
fn waiting_again_gives_the_same_and_the_number_is_given_up() -> Outcome {
    run(async {
        let mut child = sh("exit 5").spawn()?;
        assert!(exists(pid_of(&child)));
        let status = child.wait().await?;
        assert_eq!(child.id(), None);
        assert_eq!(child.wait().await?, status);
        assert_eq!(child.try_wait()?, Some(status));
        assert_eq!(child.wait_with_output().await?.status, status);
        Ok(())
    })
}

#[test]
fn a_wait_that_is_cancelled_can_be_called_again() -> Outcome {
    run(async {
        let mut child = sh("read line; exit 6").stdin(Stdio::piped()).spawn()?;
        let stdin = child.stdin.take(); // `wait` would close it
        for _ in 0..3 {
            assert!(child.wait().now_or_never().is_none());
            assert!(timeout(Duration::from_millis(1), child.wait()).await.is_err());
            assert_eq!(child.try_wait()?, None);
        }
        drop(stdin);
        assert_eq!(within(child.wait()).await?.code(), Some(6));
        Ok(())
    })
}

#[test]
fn a_child_that_ended_before_the_wait_is_reported() -> Outcome {
    run(async {
        let mut child = sh("exit 8").spawn()?;
        wait_until_ended(pid_of(&child));
        assert_eq!(within(child.wait()).await?.code(), Some(8));
        // Without asking first.
        let mut child = sh("exit 8").spawn()?;
        wait_until_ended(pid_of(&child));
        assert_eq!(child.try_wait()?.and_then(|status| status.code()), Some(8));
        Ok(())
    })
}

#[test]
fn a_child_that_is_killed_is_waited_for() -> Outcome {
    run(async {
        let mut child = Command::new("sleep").arg("1000").spawn()?;
        child.start_kill()?;
        assert_eq!(within(child.wait()).await?.signal(), Some(libc::SIGKILL));

        let mut child = Command::new("sleep").arg("1000").spawn()?;
        within(child.kill()).await?;
        assert_eq!(child.id(), None);
        assert_eq!(child.wait().await?.signal(), Some(libc::SIGKILL));
        Ok(())
    })
}

#[test]
fn killing_a_child_that_has_ended_is_harmless() -> Outcome {
    run(async {
        let mut child = Command::new("true").spawn()?;
        wait_until_ended(pid_of(&child));
        child.start_kill()?; // a zombie
        assert!(child.wait().await?.success());
        child.start_kill()?; // reaches no process: the number may belong to another one
        child.kill().await
    })
}

#[cfg(target_os = "linux")]
#[test]
fn children_inherit_none_of_our_descriptors() -> Outcome {
    // What this process was given itself, and what a child has of its own, is in both lists.
    let mut ls = std::process::Command::new("ls");
    ls.arg("/proc/self/fd");
    let expected = ls.output()?.stdout;
    run(async {
        let listener = oneloop::net::TcpListener::bind("127.0.0.1:0").await?;
        let udp = oneloop::net::UdpSocket::bind("127.0.0.1:0").await?;
        let stream = oneloop::net::TcpStream::connect(listener.local_addr()?).await?;
        let pair = oneloop::net::UnixStream::pair()?;
        let pipe = oneloop::pipe::pipe()?;
        let signal = Signal::new(SignalKind::CHILD)?;
        let waiting = [(); 2].map(|()| {
            let mut child = cat().spawn().unwrap();
            let stdin = child.stdin.take();
            (stdin, oneloop::spawn(async move { child.wait().await }))
        });
        sockets::settle().await;
        let output = Command::from(ls).output().await?;
        assert_eq!(String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&expected));
        drop((listener, udp, stream, pair, pipe, signal));
        for (stdin, ended) in waiting {
            drop(stdin);
            assert!(ended.await.unwrap()?.success());
        }
        Ok(())
    })
}

#[test]
fn a_program_that_can_not_be_started_is_named_in_the_error() -> Outcome {
    run(async {
        let missing = Command::new("no-such-program").spawn().unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::NotFound);
        assert!(missing.to_string().starts_with("`no-such-program` can't be started: "), "{missing}");

        let path = SocketPath::default();
        std::fs::write(&path, "not a program")?;
        let path = path.as_ref().to_str().unwrap();
        let not_executable = Command::new(path).output().await.unwrap_err();
        assert_eq!(not_executable.kind(), ErrorKind::PermissionDenied);
        assert!(not_executable.to_string().contains(path), "{not_executable}");

        let no_directory = Command::new("true").current_dir("/no/such/place").status().await.unwrap_err();
        assert_eq!(no_directory.kind(), ErrorKind::NotFound);
        let text = no_directory.to_string();
        assert!(
            text.contains("`true`") && text.contains("`/no/such/place`, which is not a directory"),
            "{text}"
        );
        let no_directory = Command::new("true").current_dir(path).status().await.unwrap_err();
        assert!(no_directory.to_string().contains("which is not a directory"), "{no_directory}");
        Ok(())
    })
}

#[test]
fn children_are_piped_into_each_other() -> Outcome {
    run(async {
        // Forwards: the first one's output is the second one's input.
        let mut first = sh("head -c 300000 /dev/zero").stdout(Stdio::piped()).spawn()?;
        let stdout = first.stdout.take().unwrap();
        let second = sh("wc -c").stdin(Stdio::try_from(stdout)?).output().await?;
        assert_eq!(String::from_utf8_lossy(&second.stdout).trim(), "300000");
        assert!(first.wait().await?.success());

        // Backwards: the second one's input is the first one's output.
        let mut second = sh("wc -c").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let stdin = second.stdin.take().unwrap();
        let mut first = sh("head -c 300000 /dev/zero");
        assert!(first.stdout(Stdio::try_from(stdin)?).status().await?.success());
        drop(first); // which holds the pipe's end, too
        let output = second.wait_with_output().await?;
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "300000");

        // A pipe of ours between us and a child.
        let (reader, mut writer) = oneloop::pipe::pipe()?;
        let mut cat = Command::new("cat");
        cat.stdin(Stdio::try_from(reader)?).stdout(Stdio::piped());
        let child = cat.spawn()?;
        writer.write_all(b"hello").await?;
        drop(writer);
        assert_eq!(child.wait_with_output().await?.stdout, b"hello");
        Ok(())
    })
}

#[test]
fn a_childs_streams_are_pipes() -> Outcome {
    run(async {
        let mut cat = cat().spawn()?;
        let (stdin, stdout) = (cat.stdin.take().unwrap(), cat.stdout.take().unwrap());
        let (writer, reader) = (PipeWriter::from(stdin), PipeReader::from(stdout));
        writer.writable().await?;
        assert_eq!(writer.try_write(b"hello")?, 5);
        within(reader.readable()).await?;
        let mut buf = [0; 8];
        assert_eq!(within((&reader).read(&mut buf)).await?, 5);
        drop(writer);
        assert!(cat.wait().await?.success());
        Ok(())
    })
}

#[test]
fn environment_and_directory_are_as_they_were_set() -> Outcome {
    run(async {
        let mut env = Command::new("/usr/bin/env");
        env.env("LOST", "1").env_clear().env("A", "1").envs([("B", "2"), ("C", "3")]).env_remove("B");
        assert_eq!(env.output().await?.stdout, b"A=1\nC=3\n");
        assert_eq!(Command::new("pwd").current_dir("/").output().await?.stdout, b"/\n");
        let mut std = std::process::Command::new("echo");
        std.arg("one");
        let mut echo = Command::from(std);
        echo.as_std_mut().arg("two");
        assert_eq!(echo.as_std().get_args().count(), 2);
        assert_eq!(echo.arg("three").output().await?.stdout, b"one two three\n");
        Ok(())
    })
}

#[test]
fn a_listener_for_sigchld_and_children_that_are_awaited_do_not_disturb_each_other() -> Outcome {
    run(async {
        let mut listener = Signal::new(SignalKind::CHILD)?;
        let child = cat().spawn()?;
        assert!(within(child.wait_with_output()).await?.status.success());
        within(listener.recv()).await?; // this child's end, or one of another test's
        Ok(())
    })
}

#[cfg(target_os = "linux")]
#[test]
fn a_wait_holds_the_childs_descriptor_or_the_two_of_a_signals_pipe() {
    let name = "a_wait_holds_the_childs_descriptor_or_the_two_of_a_signals_pipe";
    sockets::in_child(name, || {
        run(async {
            let mut child = cat().spawn().unwrap();
            let stdin = child.stdin.take();
            let before = sockets::open_descriptors();
            assert!(timeout(Duration::from_millis(1), child.wait()).await.is_err());
            assert_eq!(sockets::open_descriptors(), before, "a wait that is given up holds none");
            let waiting = oneloop::spawn(async move { child.wait().await });
            sockets::settle().await;
            assert_eq!(sockets::open_descriptors(), before + if waits_by_signal() { 2 } else { 1 });
            drop(stdin);
            assert!(within(waiting).await.unwrap().unwrap().success());
        });
    });
}

#[test]
fn children_on_two_loops_in_two_threads_are_both_reported() -> Outcome {
    let threads = [(); 2].map(|()| {
        std::thread::spawn(move || {
            run(async {
                for code in 0..20 {
                    let mut child = sh("exit $CODE").env("CODE", code.to_string()).spawn()?;
                    assert_eq!(within(child.wait()).await?.code(), Some(code));
                }
                Outcome::Ok(())
            })
        })
    });
    threads.into_iter().try_for_each(|thread| thread.join().expect("a thread with children"))
}

#[test]
fn a_child_outside_a_runtime_says_so_and_is_not_started() {
    let path = SocketPath::default();
    let panic = std::panic::catch_unwind(|| {
        let _ = Command::new("touch").arg(path.as_ref()).spawn();
    });
    let message = *panic.unwrap_err().downcast::<String>().expect("a message");
    assert!(message.starts_with("a oneloop child was spawned outside a oneloop runtime"), "{message}");
    assert!(!path.as_ref().exists());
}

#[test]
fn output_outside_a_runtime_leaves_no_pipes_that_the_program_did_not_choose() -> Outcome {
    let mut command = Command::new("cat");
    let asked =
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| command.output().now_or_never().is_some()));
    assert!(asked.is_err());
    run(async {
        let mut child = command.stdin(Stdio::null()).spawn()?;
        assert!(child.stdout.is_none() && child.stderr.is_none());
        assert!(child.wait().await?.success());
        Ok(())
    })
}

#[test]
fn a_child_that_still_runs_is_not_waited_for_outside_a_runtime() -> Outcome {
    let runtime = Runtime::new()?;
    let mut child = runtime.block_on(async { cat().spawn() })?;
    let stdin = child.stdin.take();
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| child.wait().now_or_never()));
    let message = *panic.unwrap_err().downcast::<String>().expect("a message");
    assert!(message.starts_with("a oneloop child was waited for outside a oneloop runtime"), "{message}");
    drop(stdin);
    wait_until_ended(pid_of(&child));
    // Once it has ended there is nothing to wait for.
    assert!(child.wait().now_or_never().expect("no waiting")?.success());
    Ok(())
}

#[test]
fn a_child_whose_status_other_code_has_taken_is_lost_and_its_number_is_not_used_again() {
    sockets::in_child(
        "a_child_whose_status_other_code_has_taken_is_lost_and_its_number_is_not_used_again",
        || {
            // SAFETY: no handler is set, and this process is this test's own. The system keeps no status of a child from here on.
            unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
            oneloop::block_on(async {
                let mut child = Command::new("true").kill_on_drop(true).spawn().unwrap();
                assert!(child.id().is_some());
                if waits_by_signal() {
                    // The listener of a wait sets a handler; from then on the system keeps each child's status.
                    wait_until_reaped_without_a_loop(pid_of(&child));
                }
                let error = child.wait().await.unwrap_err();
                assert!(error.to_string().contains("another part of this program"), "{error}");
                assert_eq!(child.id(), None);
                child.start_kill().unwrap();
                assert!(!child.signal(SignalKind::TERMINATE).unwrap());
                assert!(child.try_wait().is_err());
            });
            // SAFETY: as above. The leak sanitizer has a child of its own at the end and waits for it.
            unsafe { libc::signal(libc::SIGCHLD, libc::SIG_DFL) };
        },
    );
}

#[test]
fn a_signal_reaches_the_child_and_after_its_end_no_process() {
    oneloop::block_on(async {
        let mut child = Command::new("sleep").arg("1000").spawn().unwrap();
        assert_eq!(child.signal(SignalKind::from(-1)).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert!(child.signal(SignalKind::TERMINATE).unwrap());
        assert_eq!(child.wait().await.unwrap().signal(), Some(libc::SIGTERM));
        assert!(!child.signal(SignalKind::TERMINATE).unwrap());
    });
}

//! Children whose handle, or whose runtime, is dropped: no zombie stays, and no thread waits but in the last resort.
#![cfg(all(unix, feature = "process"))]

use std::time::Duration;

use oneloop::Runtime;
use oneloop::process::Command;
use oneloop::time::timeout;

#[cfg(target_os = "linux")]
use common::children::sh;
use common::children::{
    cat, exists, pid_of, wait_until_ended, wait_until_reaped, wait_until_reaped_without_a_loop,
};
use common::sockets::{Outcome, run, settle};

#[test]
fn a_child_is_killed_with_its_handle_if_that_was_asked_for() -> Outcome {
    run(async {
        let child = Command::new("sleep").arg("1000").kill_on_drop(true).spawn()?;
        let pid = pid_of(&child);
        drop(child);
        wait_until_reaped(pid).await;

        // Also inside a future that is cancelled.
        let mut sleeper = Command::new("sleep");
        sleeper.arg("1000").kill_on_drop(true);
        let child = sleeper.spawn()?;
        let pid = pid_of(&child);
        assert!(timeout(Duration::from_millis(1), child.wait_with_output()).await.is_err());
        wait_until_reaped(pid).await;
        Ok(())
    })
}

#[test]
fn a_handle_that_is_dropped_leaves_no_zombie_while_the_loop_goes_on() -> Outcome {
    run(async {
        let mut child = cat().spawn()?;
        let stdin = child.stdin.take();
        let pid = pid_of(&child);
        drop(child);
        settle().await;
        assert!(exists(pid), "it was not asked to end");
        drop(stdin);
        wait_until_reaped(pid).await;
        Ok(())
    })
}

#[test]
fn a_handle_that_is_dropped_after_the_end_leaves_no_zombie() -> Outcome {
    run(async {
        let child = Command::new("true").spawn()?;
        let pid = pid_of(&child);
        wait_until_ended(pid);
        assert!(exists(pid));
        drop(child);
        assert!(!exists(pid), "it was asked at once");
        Ok(())
    })
}

#[test]
fn a_runtime_that_is_dropped_leaves_no_zombies() -> Outcome {
    let runtime = Runtime::new()?;
    let (stdins, pids, outlives) = runtime.block_on(async {
        let mut children = Vec::new();
        for _ in 0..3 {
            children.push(cat().spawn()?);
        }
        let stdins: Vec<_> = children
            .iter_mut()
            .map(|child| std::process::Stdio::try_from(child.stdin.take().unwrap()))
            .collect();
        let pids: Vec<_> = children.iter().map(pid_of).collect();
        let outlives = children.pop().unwrap();
        drop(children.pop()); // the reaper's
        let mut owned = children.pop().unwrap();
        oneloop::spawn(async move { owned.wait().await }); // a task's
        settle().await;
        std::io::Result::Ok((stdins, pids, outlives))
    })?;
    drop(runtime);
    drop(outlives); // without a runtime
    assert!(pids.iter().all(|&pid| exists(pid)));
    drop(stdins);
    pids.into_iter().for_each(wait_until_reaped_without_a_loop);
    Ok(())
}

#[test]
fn a_child_whose_runtime_is_dropped_is_killed_if_that_was_asked_for() -> Outcome {
    let runtime = Runtime::new()?;
    let pid = runtime.block_on(async {
        let mut child = Command::new("sleep").arg("1000").kill_on_drop(true).spawn()?;
        let pid = pid_of(&child);
        oneloop::spawn(async move { child.wait().await });
        settle().await;
        std::io::Result::Ok(pid)
    })?;
    drop(runtime);
    wait_until_reaped_without_a_loop(pid);
    Ok(())
}

#[test]
fn a_child_of_a_stopped_loop_is_reaped_when_the_loop_runs_again() -> Outcome {
    let runtime = Runtime::new()?;
    let child = runtime.block_on(async { Command::new("sleep").arg("1000").spawn() })?;
    let pid = pid_of(&child);
    drop(child);
    // SAFETY: a call without pointers, to a child that was not asked for its status.
    assert_eq!(unsafe { libc::kill(pid, libc::SIGKILL) }, 0);
    wait_until_ended(pid);
    assert!(exists(pid));
    runtime.block_on(wait_until_reaped(pid));
    Ok(())
}

#[cfg(target_os = "linux")]
#[test]
fn a_hundred_children_are_awaited_by_one_thread() {
    use oneloop::io::AsyncWriteExt;

    fn threads() -> usize {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find(|line| line.starts_with("Threads:")).unwrap();
        line["Threads:".len()..].trim().parse().unwrap()
    }

    common::sockets::in_child("a_hundred_children_are_awaited_by_one_thread", || {
        run(async {
            let before = (threads(), common::sockets::open_descriptors());
            let mut children = Vec::new();
            for number in 0..100 {
                let mut child =
                    sh("read code; exit $code").stdin(oneloop::process::Stdio::piped()).spawn().unwrap();
                let stdin = child.stdin.take().unwrap();
                children.push((number, stdin, oneloop::spawn(async move { child.wait().await })));
            }
            settle().await;
            assert_eq!(threads(), before.0);
            for (number, stdin, _) in &mut children {
                stdin.write_all(format!("{number}\n").as_bytes()).await.unwrap();
            }
            for (number, _, ended) in children {
                assert_eq!(ended.await.unwrap().unwrap().code(), Some(number));
            }
            assert_eq!((threads(), common::sockets::open_descriptors()), before);
        });
    });
}

/// Then the loop has no descriptor to wait with, neither the child's own nor a signal's pipe.
#[cfg(target_os = "linux")]
#[test]
fn out_of_descriptors_a_wait_is_an_error_and_no_child_is_lost() {
    common::sockets::in_child("out_of_descriptors_a_wait_is_an_error_and_no_child_is_lost", || {
        run(async {
            let mut child = cat().spawn().unwrap();
            let mut dropped = cat().spawn().unwrap();
            // Closing these would make room.
            let kept = (child.stdin.take(), dropped.stdin.take(), dropped.stdout.take());
            let dropped_pid = pid_of(&dropped);
            let (_, hard) = rlimit::Resource::NOFILE.get().unwrap();
            rlimit::Resource::NOFILE.set(100, hard).unwrap();
            let mut files = Vec::new();
            while let Ok(file) = std::fs::File::open("/dev/null") {
                files.push(file);
            }

            let error = common::sockets::within(child.wait()).await.unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::EMFILE));
            drop(dropped);
            settle().await; // its task has failed, too, and a thread waits

            drop(files);
            drop(kept);
            assert!(common::sockets::within(child.wait()).await.unwrap().success());
            wait_until_reaped(dropped_pid).await;
        });
    });
}

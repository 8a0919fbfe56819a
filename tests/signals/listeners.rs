//! Signals: every listener on every loop receives every delivery at least once.
//!
//! The tests of one program run in several threads, and a signal is for the whole process: each test has
//! signals of its own.
#![cfg(all(unix, feature = "signal"))]

use std::io::ErrorKind;
use std::sync::mpsc;

use oneloop::signal::{Signal, SignalKind, ctrl_c, hangup, terminate};

use common::sockets::{LIMIT, Outcome, run, settle, within};

/// Delivers a signal to this thread; its handler has run when this returns.
fn raise(number: i32) {
    // SAFETY: a call without pointers. The signal has a handler: each test listens before it raises.
    assert_eq!(unsafe { libc::raise(number) }, 0);
}

/// Sends a signal to a thread of this process: the handler runs there, whatever that thread waits for. (One that is sent to the
/// process would go to the main thread, which runs no test.)
fn interrupt(thread: usize, number: i32) {
    // SAFETY: the thread lives: it waits for the one that calls this.
    assert_eq!(unsafe { libc::pthread_kill(thread as libc::pthread_t, number) }, 0);
}

#[test]
fn ctrl_c_is_received() -> Outcome {
    run(async {
        for _ in 0..3 {
            let mut pressed = Box::pin(ctrl_c());
            assert!(futures::poll!(&mut pressed).is_pending());
            raise(libc::SIGINT);
            pressed.await?;
        }
        Ok(())
    })
}

#[test]
fn terminate_and_hangup_are_received() -> Outcome {
    run(async {
        let (mut terminated, mut hung_up) = (Box::pin(terminate()), Box::pin(hangup()));
        assert!(futures::poll!(&mut terminated).is_pending());
        assert!(futures::poll!(&mut hung_up).is_pending());
        raise(libc::SIGTERM);
        terminated.await?;
        assert!(futures::poll!(&mut hung_up).is_pending());
        raise(libc::SIGHUP);
        hung_up.await
    })
}

#[test]
fn several_listeners_of_one_signal_all_receive_each_delivery() -> Outcome {
    run(async {
        let mut listeners = Vec::new();
        for _ in 0..4 {
            listeners.push(Signal::new(SignalKind::USER1)?);
        }
        for _ in 0..5 {
            raise(libc::SIGUSR1);
            for listener in &mut listeners {
                listener.recv().await?;
                assert!(futures::poll!(Box::pin(listener.recv())).is_pending());
            }
            listeners.pop(); // the others go on
            if listeners.is_empty() {
                break;
            }
        }
        Ok(())
    })
}

#[test]
fn a_delivery_between_two_calls_is_reported_by_the_next() -> Outcome {
    run(async {
        let mut listener = Signal::new(SignalKind::USER2)?;
        raise(libc::SIGUSR2);
        let mut cancelled = Box::pin(listener.recv());
        drop(futures::poll!(&mut cancelled));
        drop(cancelled);
        raise(libc::SIGUSR2);
        settle().await;
        listener.recv().await?;
        assert_eq!(listener.kind(), SignalKind::USER2);
        Ok(())
    })
}

#[test]
fn listeners_on_two_loops_in_two_threads_both_receive() -> Outcome {
    let (ready, wait_ready) = mpsc::channel();
    let threads = [(); 2].map(|()| {
        let ready = ready.clone();
        std::thread::spawn(move || {
            run(async {
                let mut listener = Signal::new(SignalKind::from(libc::SIGURG))?;
                ready.send(()).unwrap();
                for _ in 0..3 {
                    listener.recv().await?;
                    ready.send(()).unwrap();
                }
                Outcome::Ok(())
            })
        })
    });
    for _ in 0..4 {
        for _ in &threads {
            wait_ready.recv_timeout(LIMIT).expect("both listen, or have received");
        }
        raise(libc::SIGURG); // neither of the two threads runs the handler
    }
    threads.into_iter().try_for_each(|thread| thread.join().expect("a listening thread"))
}

#[test]
fn a_delivery_while_no_loop_runs_is_received_by_every_listener_when_its_loop_does() -> Outcome {
    let number = libc::SIGXCPU;
    let loops = [oneloop::Runtime::new()?, oneloop::Runtime::new()?];
    let mut listeners = Vec::new();
    for runtime in &loops {
        listeners.push(runtime.block_on(async { Signal::new(number.into()) })?);
    }
    for _ in 0..3 {
        raise(number);
        for (runtime, listener) in loops.iter().zip(&mut listeners) {
            runtime.block_on(within(listener.recv()))?;
        }
    }
    Ok(())
}

#[test]
fn a_signal_interrupts_the_loops_own_sleep_and_is_received() -> Outcome {
    run(async {
        let mut listener = Signal::new(SignalKind::WINDOW_CHANGE)?;
        // SAFETY: a call without arguments. (A number, because some systems' type may not cross threads.)
        let this_thread = unsafe { libc::pthread_self() } as usize;
        for _ in 0..20 {
            let helper = std::thread::spawn(move || interrupt(this_thread, libc::SIGWINCH));
            listener.recv().await?;
            helper.join().expect("the interrupting thread");
            // A second handler's run can't be told from the first's: what is left is for the next round.
        }
        Ok(())
    })
}

/// A pipe holds a few hundred; the handler must neither wait nor lose the last.
#[test]
fn more_deliveries_than_the_pipe_holds_do_no_harm() -> Outcome {
    run(async {
        let mut listener = Signal::new(SignalKind::QUIT)?;
        for _ in 0..3000 {
            raise(libc::SIGQUIT);
        }
        let mut heard = 0;
        while futures::poll!(Box::pin(listener.recv())).is_ready() {
            heard += 1;
        }
        settle().await;
        while futures::poll!(Box::pin(listener.recv())).is_ready() {
            heard += 1;
        }
        assert!(heard >= 1);
        raise(libc::SIGQUIT);
        listener.recv().await
    })
}

#[test]
fn a_signal_without_a_remaining_listener_does_nothing() -> Outcome {
    run(async {
        let number = libc::SIGALRM; // whose default action ends the process
        let listener = Signal::new(number.into())?;
        drop(listener);
        raise(number);
        let mut listener = Signal::new(number.into())?;
        assert!(futures::poll!(Box::pin(listener.recv())).is_pending(), "that was before our time");
        raise(number);
        listener.recv().await
    })
}

#[test]
fn a_listener_that_waits_can_be_aborted_and_the_others_still_receive() -> Outcome {
    run(async {
        let number = libc::SIGVTALRM;
        let mut other = Signal::new(number.into())?;
        let waiting = oneloop::spawn(async move { Signal::new(number.into())?.recv().await });
        settle().await;
        waiting.abort();
        assert!(waiting.await.unwrap_err().is_cancelled());
        raise(number);
        within(other.recv()).await
    })
}

#[test]
fn a_listener_outlives_its_runtime_without_harm() -> Outcome {
    let runtime = oneloop::Runtime::new()?;
    let number = libc::SIGPROF;
    let mut listener = runtime.block_on(async { Signal::new(number.into()) })?;
    drop(runtime);
    raise(number);
    run(async {
        // What has been delivered may still be read; waiting for more is an error.
        while listener.recv().await.is_ok() {}
    });
    drop(listener);
    raise(number);
    Ok(())
}

#[test]
fn signals_that_can_not_be_listened_for_are_named_in_the_error() {
    run(async {
        for (number, name) in [
            (libc::SIGKILL, "SIGKILL"),
            (libc::SIGSTOP, "SIGSTOP"),
            (libc::SIGSEGV, "SIGSEGV"),
            (libc::SIGILL, "SIGILL"),
            (libc::SIGFPE, "SIGFPE"),
            (0, "signal 0"),
            (-1, "signal -1"),
            (9999, "signal 9999"),
        ] {
            let error = Signal::new(number.into()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{name}");
            assert!(error.to_string().contains(name), "{error}");
        }
    });
}

#[cfg(target_os = "linux")]
#[test]
fn listeners_give_their_descriptors_back() {
    common::sockets::in_child("listeners_give_their_descriptors_back", || {
        run(async {
            drop(Signal::new(SignalKind::USER1).unwrap());
            let before = common::sockets::open_descriptors();
            for _ in 0..50 {
                drop(Signal::new(SignalKind::USER1).unwrap());
                Signal::new(SignalKind::from(9999)).unwrap_err();
                Signal::new(SignalKind::from(libc::SIGKILL)).unwrap_err();
                let mut waiting = Box::pin(ctrl_c());
                assert!(futures::poll!(&mut waiting).is_pending());
            }
            assert_eq!(common::sockets::open_descriptors(), before);
        });
    });
}

#[test]
fn kinds_have_names_and_numbers() {
    assert_eq!(SignalKind::INTERRUPT.number(), libc::SIGINT);
    assert_eq!(SignalKind::from(libc::SIGTERM), SignalKind::TERMINATE);
    assert_eq!(format!("{:?}", SignalKind::HANGUP), "SIGHUP");
    assert_eq!(format!("{:?}", SignalKind::from(9999)), "signal 9999");
}

/// Between fork and exec a child has the parent's handlers.
#[test]
fn a_signal_that_a_child_receives_before_it_executes_its_program_is_none_of_its_parent() -> Outcome {
    use std::os::unix::process::CommandExt;
    run(async {
        let mut ours = Signal::new(SignalKind::from(libc::SIGIO))?;
        let mut child = std::process::Command::new("true");
        let raise_in_the_child = || {
            raise(libc::SIGIO);
            Ok(())
        };
        // SAFETY: the closure makes one system call.
        unsafe { child.pre_exec(raise_in_the_child) };
        for _ in 0..10 {
            assert!(child.status()?.success());
            settle().await;
            assert!(futures::poll!(Box::pin(ours.recv())).is_pending(), "the child's signal");
        }
        raise(libc::SIGIO);
        within(ours.recv()).await
    })
}

//! Programs that fork by themselves: the child makes a runtime of its own, and leaves the one that it has inherited alone.
//!
//! A test forks in a process of its own. The other threads of that process wait and hold nothing, as POSIX asks for: those of
//! the harness, of `unblock`, and of the tests' `Watchdog`, which has started before a test forks.

use std::io::{self, ErrorKind, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use oneloop::dump::DumpError;
use oneloop::event_loop::{Event, EventLoop, PostError};
use oneloop::io::{AsyncReadExt, AsyncWriteExt};
use oneloop::net::{TcpListener, TcpStream, UnixStream};
use oneloop::{Interest, Runtime, Source, spawn, time};

use common::executor::*;

/// Runs `child` in a fork of this process, which ends right after it, and waits for that end.
#[track_caller]
fn forked(child: impl FnOnce()) {
    // SAFETY: the child goes on on a copy of this thread; the harness's other thread holds no lock
    // while it waits for this test.
    let id = unsafe { libc::fork() };
    if id == 0 {
        let status = i32::from(catch_unwind(AssertUnwindSafe(child)).is_err());
        // SAFETY: it ends the process at once.
        unsafe { libc::_exit(status) }
    }
    assert!(id > 0, "{}", io::Error::last_os_error());
    let mut status = 0;
    for _ in 0..9000 {
        // SAFETY: `status` lives as long as the call.
        match unsafe { libc::waitpid(id, &raw mut status, libc::WNOHANG) } {
            0 => std::thread::sleep(Duration::from_millis(10)),
            ended => {
                assert_eq!(ended, id);
                assert_eq!(status, 0, "the child failed: its panic is above");
                return;
            }
        }
    }
    // SAFETY: the child was not waited for, so its number is still its own.
    unsafe { libc::kill(id, libc::SIGKILL) };
    panic!("the child hangs");
}

/// What a fork must leave alone in the parent: a connection that is served before and after it.
async fn echo_once(listener: &TcpListener) {
    let (client, accepted) =
        futures::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
    let (mut client, mut server) = (client.unwrap(), accepted.unwrap().0);
    client.write_all(b"ping").await.unwrap();
    let mut buf = [0; 4];
    server.read_exact(&mut buf).await.unwrap();
    server.write_all(&buf).await.unwrap();
    client.read_exact(&mut buf).await.unwrap();
    assert_eq!(&buf, b"ping");
}

async fn a_little_of_everything() {
    echo_once(&TcpListener::bind("127.0.0.1:0").await.unwrap()).await;
    time::sleep(Duration::from_millis(5)).await;
    assert_eq!(spawn(async { 1 }).await.unwrap(), 1);
    #[cfg(feature = "unblock")]
    assert_eq!(oneloop::unblock(|| 2).await, 2);
}

#[test]
fn a_new_runtime_in_the_child_does_all_that_the_parents_did() {
    // The pool has one thread, which ends half a second after its last job. So it waits in each fork.
    let vars = [("ONELOOP_UNBLOCK_THREADS", "1")];
    in_child_with("a_new_runtime_in_the_child_does_all_that_the_parents_did", &vars, || {
        let runtime = Runtime::new().unwrap();
        let with_pool = || finish_on(&runtime, a_little_of_everything());
        with_pool();
        forked(|| finish(a_little_of_everything()));
        with_pool();
        // A child of a child, and one that forks out of a loop of its own.
        forked(|| forked(|| finish(a_little_of_everything())));
        with_pool();
        forked(|| finish(async { forked(|| finish(a_little_of_everything())) }));
        with_pool();
        finish_on(&runtime, async { forked(|| finish(a_little_of_everything())) });
        with_pool();
    });
}

#[cfg(feature = "process")]
#[test]
fn children_and_signals_work_in_the_child_and_the_parent() {
    in_child("children_and_signals_work_in_the_child_and_the_parent", || {
        let both = async || {
            let mut user = oneloop::signal::Signal::new(oneloop::signal::SignalKind::USER1).unwrap();
            let script = format!("kill -USR1 {}", std::process::id());
            let status = oneloop::process::Command::new("sh").arg("-c").arg(script).status().await.unwrap();
            assert!(status.success());
            user.recv().await.unwrap();
        };
        let runtime = Runtime::new().unwrap();
        finish_on(&runtime, both());
        forked(|| finish(both()));
        finish_on(&runtime, both());
    });
}

#[test]
fn an_inherited_runtime_says_so_and_the_parents_goes_on() {
    in_child("an_inherited_runtime_says_so_and_the_parents_goes_on", || {
        let runtime = Runtime::new().unwrap();
        let handle = runtime.handle();
        let mut events = EventLoop::<u8>::new().unwrap();
        let sender = events.sender();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        forked(|| {
            assert!(panic_of(|| runtime.block_on(async {})).contains("fork"));
            assert!(panic_of(|| runtime.run()).contains("fork"));
            assert!(
                panic_of(|| {
                    runtime.turn();
                })
                .contains("fork")
            );
            assert!(events.take(Some(Duration::ZERO)).unwrap_err().to_string().contains("fork"));
            let ran = events.run(|_, _| Ok::<(), io::Error>(()), |_| panic!("no handler failed"));
            assert!(ran.unwrap_err().to_string().contains("fork"));
            assert_eq!(sender.post(1), Err(PostError::Closed(1)));
            assert!(finish(handle.spawn(async {})).unwrap_err().is_cancelled());
            let request = handle.dump();
            assert!(matches!(request.diagnose(), DumpError::Inherited));
            assert!(matches!(finish(request), Err(DumpError::Inherited)));
        });
        finish_on(&runtime, echo_once(&listener));
        sender.post(2).unwrap();
        assert!(matches!(events.take(None), Ok(Event::Message(2))));
    });
}

#[test]
fn a_child_that_returns_into_the_parents_loop_panics_there() {
    in_child("a_child_that_returns_into_the_parents_loop_panics_there", || {
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        // SAFETY: as in `forked`, and the child ends below.
        let forks = async { unsafe { libc::fork() } };
        let in_task = catch_unwind(AssertUnwindSafe(|| {
            runtime.block_on(async {
                let id = forks.await;
                if id == 0 {
                    listener.accept().await.map(drop).unwrap_err(); // it waits, and says why it can't
                    std::future::pending::<()>().await;
                }
                id
            })
        }));
        match in_task {
            Err(payload) => {
                let ended_well = text_of(&*payload).contains("fork");
                // SAFETY: it ends the child at once.
                unsafe { libc::_exit(i32::from(!ended_well)) }
            }
            Ok(id) => {
                let mut status = 0;
                let ended = loop {
                    // SAFETY: `status` lives as long as the call.
                    let ended = unsafe { libc::waitpid(id, &raw mut status, 0) };
                    if ended != -1 || io::Error::last_os_error().kind() != ErrorKind::Interrupted {
                        break ended;
                    }
                };
                assert_eq!(ended, id);
                assert_eq!(status, 0, "the child did not panic with a text that names the fork");
            }
        }
        finish_on(&runtime, echo_once(&listener));
    });
}

/// The child closes its copies, drops its sources, and takes a socket over into a loop of its own: the parent's watches stay.
#[test]
fn sockets_that_the_child_drops_or_takes_over_are_still_watched_in_the_parent() {
    in_child("sockets_that_the_child_drops_or_takes_over_are_still_watched_in_the_parent", || {
        let runtime = Runtime::new().unwrap();
        finish_on(&runtime, async {
            let (mut ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
            theirs.set_nonblocking(true).unwrap();
            let source = Source::new(theirs).unwrap();
            let (mut stream, mut peer) = UnixStream::pair().unwrap();
            let mut inherited = Some((source, stream));
            forked(|| {
                let (source, mut stream) = inherited.take().unwrap();
                finish(async {
                    let error = stream.read(&mut [0; 1]).await.unwrap_err();
                    assert!(error.to_string().contains("fork"), "{error}");
                });
                drop((source.into_inner().unwrap(), stream));
            });
            let (source, returned) = inherited.take().unwrap();
            stream = returned;
            ours.write_all(b"a").unwrap();
            source.async_io(Interest::Readable, |mut io| io.read(&mut [0; 1])).await.unwrap();
            let reading = spawn(async move { stream.read(&mut [0; 1]).await });
            settle().await;
            peer.write_all(b"b").await.unwrap();
            assert_eq!(reading.await.unwrap().unwrap(), 1);
        });
    });
}

#[test]
fn sockets_of_the_parent_are_refused_a_watch_in_the_child() {
    in_child("sockets_of_the_parent_are_refused_a_watch_in_the_child", || {
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let _client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        forked(|| {
            // A connection is there, but it would be watched by the parent's loop.
            let error = finish(listener.accept()).unwrap_err();
            assert!(error.to_string().contains("fork"), "{error}");
            assert_ne!(error.kind(), ErrorKind::WouldBlock);
        });
        finish_on(&runtime, echo_once(&listener));
    });
}

#[cfg(feature = "unblock")]
#[test]
fn handles_of_the_standard_streams_have_a_new_state_in_the_child() {
    in_child("handles_of_the_standard_streams_have_a_new_state_in_the_child", || {
        let runtime = Runtime::new().unwrap();
        let mut out = Some(oneloop::io::stdout());
        finish_on(&runtime, async {
            let out = out.as_mut().unwrap();
            out.write_all(b"from the parent\n").await.unwrap();
            out.flush().await.unwrap();
        });
        forked(|| {
            let mut out = out.take().unwrap();
            finish(async {
                out.flush().await.unwrap(); // nothing of its own is on the way
                out.write_all(b"from the child\n").await.unwrap();
                out.flush().await.unwrap();
            });
        });
        finish_on(&runtime, async { out.as_mut().unwrap().flush().await.unwrap() });
    });
}

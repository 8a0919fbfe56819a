//! Bugs that were found, each with the program that showed it. (Those found while the suite was written, or because it was run on
//! another system, are pinned in the file of the type that they belong to; those of the event loop in `event_loop/regressions.rs`.)

use std::cell::{Cell, RefCell};
use std::future::{Future, pending};
use std::io::{IoSlice, IoSliceMut, Read, Write};
use std::panic::panic_any;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use oneloop::Runtime;
use oneloop::io::{AsyncReadExt, AsyncWriteExt};
use oneloop::net::{TcpListener, TcpStream, UdpSocket};
use oneloop::time::sleep_until;

/// The loop counted polls only, and a poll may hold 128 operations: one task that was busy with I/O kept every socket and
/// timer waiting for 256 × 128 system calls, a tenth of a second.
#[test]
fn a_task_that_is_busy_with_io_keeps_others_waiting_for_few_operations_only() {
    oneloop::block_on(async {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let server = TcpStream::try_from(listener.accept().unwrap().0).unwrap();

        // Datagrams that are not read, so sending them never waits.
        let operations = Rc::new(Cell::new(0));
        let count = operations.clone();
        let busy = oneloop::spawn(async move {
            let sink = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
            let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            socket.connect(sink.local_addr().unwrap()).await.unwrap();
            loop {
                socket.send(b"x").await.unwrap();
                count.set(count.get() + 1);
            }
        });

        for _ in 0..20 {
            assert_eq!(server.try_read(&mut [0; 8]).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
            client.write_all(b"x").unwrap();
            let before = operations.get();
            server.readable().await.unwrap();
            let meanwhile = operations.get() - before;
            assert!(
                meanwhile <= 1024,
                "{meanwhile} operations of another task before a socket was looked at"
            );
            assert_eq!(server.try_read(&mut [0; 8]).unwrap(), 1);
        }
        busy.abort();
    });
}

/// Each call of `block_on` began the count of polls anew and returned before the driver was asked: who drove the loop in
/// small steps kept every socket and timer waiting for ever.
#[test]
fn a_loop_that_is_driven_in_small_steps_still_fires_timers() {
    let runtime = Runtime::new().unwrap();
    let due = runtime.spawn(sleep_until(Instant::now() + Duration::from_millis(1)));
    let mut steps = 0;
    let start = Instant::now();
    while !due.is_finished() {
        assert!(start.elapsed() < Duration::from_secs(20), "not after {steps} steps");
        runtime.block_on(async {
            oneloop::yield_now().await;
            oneloop::yield_now().await;
        });
        steps += 1;
    }
}

/// An abort that comes to nothing, because its task has finished since, let one other task run before the aborts behind it.
#[test]
fn an_abort_that_comes_too_late_does_not_delay_the_one_behind_it() {
    struct SetOnDrop(Rc<Cell<bool>>);
    impl Drop for SetOnDrop {
        fn drop(&mut self) {
            self.0.set(true);
        }
    }

    let runtime = Runtime::new().unwrap();
    let own_abort = Rc::new(RefCell::new(None::<oneloop::AbortHandle>));
    let dropped = Rc::new(Cell::new(false));
    let guard = SetOnDrop(dropped.clone());
    let victim = runtime.spawn(async move {
        let _guard = guard;
        pending::<()>().await;
    });
    let (abort, victims) = (own_abort.clone(), victim.abort_handle());
    let first = runtime.spawn(async move {
        oneloop::yield_now().await; // until the victim waits
        abort.take().unwrap().abort(); // itself, in the poll in which it completes
        victims.abort();
    });
    own_abort.replace(Some(first.abort_handle()));
    let seen = runtime.spawn(async move {
        oneloop::yield_now().await;
        dropped.get()
    });
    assert!(runtime.block_on(seen).unwrap(), "a task ran before one that was aborted was dropped");
    assert!(first.is_finished() && victim.is_finished());
}

/// The second panic took the first one's place in the poll, and the join handle said that the task was cancelled.
#[test]
fn a_remote_task_whose_future_and_output_both_panic_in_their_drops_has_panicked() {
    struct Unwinds(&'static str);
    impl Drop for Unwinds {
        fn drop(&mut self) {
            std::panic::resume_unwind(Box::new(self.0)); // as a panic does, and prints nothing
        }
    }
    struct Quick(#[expect(dead_code, reason = "it is there to be dropped")] Unwinds);
    impl Future for Quick {
        type Output = Unwinds;
        fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Unwinds> {
            Poll::Ready(Unwinds("the output"))
        }
    }

    let runtime = Runtime::new().unwrap();
    let remote = runtime.handle().spawn(Quick(Unwinds("the future")));
    let Err(error) = runtime.block_on(remote) else { panic!("its future panicked") };
    assert!(error.is_panic(), "{error}");
    assert_eq!(error.into_panic().downcast_ref(), Some(&"the future"));
}

/// It belonged to the runtime that was current, and died with it.
#[test]
fn an_accepted_connection_belongs_to_its_listeners_runtime() {
    let (ours, other) = (Runtime::new().unwrap(), Runtime::new().unwrap());
    let listener = ours.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let addr = listener.local_addr().unwrap();
    let mut client = std::net::TcpStream::connect(addr).unwrap();
    let (mut stream, _) = other.block_on(listener.accept()).unwrap();
    drop(other);
    client.write_all(b"x").unwrap();
    assert_eq!(ours.block_on(stream.read(&mut [0; 8])).unwrap(), 1);

    // Outside of all runtimes it panicked, and the connection was lost.
    let _second = std::net::TcpStream::connect(addr).unwrap();
    let accepted = pin!(listener.accept()).poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(accepted, Poll::Ready(Ok(_)) | Poll::Pending), "{accepted:?}");
}

struct Count;

impl Wake for Count {
    fn wake(self: Arc<Self>) {}
}

/// The crowd that they waited in was forgotten, not dropped.
#[test]
fn wakers_of_a_join_handle_go_when_it_is_dropped() {
    oneloop::block_on(async {
        let kept = Arc::new(Count);
        for _ in 0..100 {
            let mut task = oneloop::spawn(oneloop::yield_now());
            let waker = Waker::from(kept.clone());
            assert!(Pin::new(&mut task).poll(&mut Context::from_waker(&waker)).is_pending());
        }
        assert_eq!(Arc::strong_count(&kept), 1);
    });
}

struct PanicsWhenDropped;

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic!("in a drop");
        }
    }
}

/// It came out of `block_on`, and all that was posted behind it was lost.
#[test]
fn a_panic_in_what_another_thread_posted_loses_nothing_behind_it() {
    let runtime = Runtime::new().unwrap();
    let handle = runtime.handle();
    drop(handle.spawn_with(|| -> std::future::Ready<()> { panic_any(PanicsWhenDropped) }));
    let behind = handle.spawn(async { 7 });
    assert_eq!(runtime.block_on(behind).unwrap(), 7);
}

/// The remote handle said "cancelled", the local one what had happened.
#[test]
fn a_panic_in_the_drop_at_shutdown_reaches_the_remote_handle_too() {
    let runtime = Runtime::new().unwrap();
    let remote = runtime.handle().spawn(async {
        let _kept = PanicsWhenDropped;
        pending::<()>().await;
    });
    runtime.block_on(async { oneloop::yield_now().await });
    drop(runtime);
    assert!(oneloop::block_on(remote).unwrap_err().is_panic());
}

/// It kept its place in the queue, behind ten thousand others.
#[test]
fn an_aborted_task_is_dropped_before_any_other_task_runs() {
    struct Dropped(Rc<Cell<bool>>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.set(true);
        }
    }
    oneloop::block_on(async {
        let dropped = Rc::new(Cell::new(false));
        let token = Dropped(dropped.clone());
        let victim = oneloop::spawn(async move {
            let _token = token;
            pending::<()>().await;
        });
        oneloop::yield_now().await;
        let others: Vec<_> = (0..10_000)
            .map(|_| {
                let dropped = dropped.clone();
                oneloop::spawn(async move { dropped.get() })
            })
            .collect();
        victim.abort();
        for other in others {
            assert!(other.await.unwrap(), "another task ran first");
        }
    });
}

/// Those in a combinator came after those that tasks await.
#[test]
fn overdue_timers_keep_their_order_for_tasks_and_combinators() {
    oneloop::block_on(async {
        let start = Instant::now();
        let log = Rc::new(RefCell::new(Vec::new()));
        let tasks: Vec<_> = (1..9u32)
            .map(|n| {
                let log = log.clone();
                let sleep = sleep_until(start + Duration::from_millis(1) * n);
                oneloop::spawn(async move {
                    if n % 2 == 0 {
                        sleep.await;
                    } else {
                        FuturesUnordered::from_iter([sleep]).next().await;
                    }
                    log.borrow_mut().push(n);
                })
            })
            .collect();
        oneloop::yield_now().await;
        oneloop::yield_now().await;
        std::thread::sleep(Duration::from_millis(12));
        for task in tasks {
            task.await.unwrap();
        }
        assert!(log.borrow().is_sorted(), "{:?}", log.borrow());
    });
}

/// Sixteen empty buffers in front made a read of nothing, which looks like the end of the stream.
#[test]
fn vectored_reads_and_writes_pass_over_empty_buffers() {
    oneloop::block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        client.write_all(b"hello").unwrap();
        let mut room = [0; 8];
        let mut empty: [[u8; 0]; 20] = [[]; 20];
        let mut bufs: Vec<_> = empty.iter_mut().map(|e| IoSliceMut::new(e)).collect();
        bufs.push(IoSliceMut::new(&mut room));
        assert_eq!(server.read_vectored(&mut bufs).await.unwrap(), 5);

        let mut bufs = vec![IoSlice::new(b""); 20];
        bufs.push(IoSlice::new(b"hi"));
        assert_eq!(server.write_vectored(&bufs).await.unwrap(), 2);
        let mut text = [0; 2];
        client.read_exact(&mut text).unwrap();
        assert_eq!(&text, b"hi");
    });
}

/// The message named a line of the library's, not the caller's.
#[test]
fn a_panic_outside_a_runtime_names_the_callers_place() {
    // The hook is the whole process's, so it only notes what this thread panics with.
    let (place, thread) = (Arc::new(std::sync::Mutex::new(String::new())), std::thread::current().id());
    let seen = place.clone();
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if std::thread::current().id() == thread {
            *seen.lock().unwrap() = info.location().unwrap().file().to_owned();
        } else {
            before(info);
        }
    }));
    for misuse in [|| drop(oneloop::spawn(async {})), || drop(oneloop::Handle::current())] {
        place.lock().unwrap().clear();
        assert!(std::panic::catch_unwind(misuse).is_err());
        assert!(place.lock().unwrap().ends_with("regressions.rs"), "{place:?}");
    }
}

/// The file was made first, and the next attempt found its path taken.
#[cfg(unix)]
#[test]
fn binding_outside_a_runtime_leaves_no_file() {
    use oneloop::net::{UnixDatagram, UnixListener};
    let path = std::env::temp_dir().join(format!("oneloop-outside-{}", std::process::id()));
    assert!(std::panic::catch_unwind(|| UnixListener::bind(&path).map(drop)).is_err());
    assert!(!path.exists());
    assert!(std::panic::catch_unwind(|| UnixDatagram::bind(&path).map(drop)).is_err());
    assert!(!path.exists());
}

/// The pool's crate ended the process at a panic in one of three drops: of a result that was not taken, of another panic's
/// payload, and of the captures of a closure that never ran.
#[cfg(feature = "unblock")]
#[test]
fn a_panic_in_the_drop_of_a_result_or_capture_of_unblocked_work_is_caught() {
    use std::sync::mpsc;
    oneloop::block_on(async {
        for panics in [false, true] {
            let (begun, has_begun) = mpsc::channel();
            let (go_on, may_go_on) = mpsc::channel::<()>();
            let mut running = oneloop::unblock(move || {
                begun.send(()).unwrap();
                may_go_on.recv().unwrap();
                if panics {
                    std::panic::resume_unwind(Box::new(PanicsWhenDropped));
                }
                PanicsWhenDropped
            });
            assert!(futures::poll!(&mut running).is_pending());
            has_begun.recv().unwrap();
            drop(running);
            go_on.send(()).unwrap();
        }
        for _ in 0..50 {
            let captured = PanicsWhenDropped;
            drop(oneloop::unblock(move || std::mem::forget(captured))); // most of these never run
        }
        assert_eq!(oneloop::unblock(|| 7).await, 7);
    });
}

/// It came out of the drop, or of the next poll, of the timer that the waker had been left with; of those that waited for a
/// socket or a task it did not.
#[test]
fn a_foreign_waker_that_panics_when_it_is_dropped_is_no_business_of_the_timers_owner() {
    struct Bad(PanicsWhenDropped);
    impl Wake for Bad {
        fn wake(self: Arc<Self>) {
            let Bad(_held) = &*self;
        }
    }
    oneloop::block_on(async {
        let leave = |sleep: Pin<&mut oneloop::time::Sleep>| {
            let waker = Waker::from(Arc::new(Bad(PanicsWhenDropped)));
            assert!(sleep.poll(&mut Context::from_waker(&waker)).is_pending());
        };
        leave(pin!(oneloop::time::sleep(Duration::from_secs(1000))));
        let mut polled_on = pin!(oneloop::time::sleep(Duration::from_millis(1)));
        leave(polled_on.as_mut());
        polled_on.await;
    });
}

/// Panics when it is polled and when it is dropped.
struct PanicsWith(Arc<()>);

impl Future for PanicsWith {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        panic_any(self.0.clone())
    }
}

impl Drop for PanicsWith {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic_any(self.0.clone())
        }
    }
}

/// The payload was leaked, so that a program in which such panics recur grew for ever.
#[test]
fn the_payload_of_a_panic_is_dropped_although_it_is_not_reported() {
    let runtime = Runtime::new().unwrap();
    let kept = Arc::new(());
    let [posted, unwanted, local, remote] = std::array::from_fn(|_| kept.clone());
    let (unwanted, local, remote) = (PanicsWith(unwanted), PanicsWith(local), PanicsWith(remote));
    drop(runtime.handle().spawn_with(move || -> std::future::Ready<()> { panic_any(posted) }));
    drop(runtime.spawn(async { (unwanted,) }));
    drop(runtime.spawn(local)); // panics twice: when it is polled and when it is dropped for that
    let last = runtime.handle().spawn(remote);
    assert!(runtime.block_on(last).unwrap_err().is_panic());
    assert_eq!(Arc::strong_count(&kept), 1);
}

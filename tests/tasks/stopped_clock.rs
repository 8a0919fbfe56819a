//! A clock that stands still: times are exact, and nothing waits for real time.

use std::cell::RefCell;
use std::rc::Rc;

use futures::future::{FutureExt, join_all};
use oneloop::io::{AsyncReadExt, AsyncWriteExt};
use oneloop::net::{TcpListener, TcpStream};
use oneloop::time::{
    Duration, Instant, MissedTickBehavior, advance, interval, interval_at, now, pause, resume, sleep,
    sleep_until, timeout,
};
use oneloop::{Runtime, spawn, yield_now};

use common::executor::*;

const HOUR: Duration = Duration::from_secs(3600);

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A runtime whose clock stands still; a test on it that waits for real time hangs or takes an hour.
fn stopped() -> Runtime {
    Runtime::builder().start_paused(true).build().unwrap()
}

fn finish_stopped<T>(test: impl Future<Output = T>) -> T {
    let _watchdog = Watchdog::start();
    stopped().block_on(test)
}

#[test]
fn a_loop_that_has_nothing_else_to_do_jumps_to_the_next_deadline() {
    let real = Instant::now();
    finish_stopped(async {
        let start = now();
        let log = Rc::new(RefCell::new(Vec::new()));
        let sleepers = [3, 1, 2].map(|hours| {
            let log = log.clone();
            spawn(async move {
                sleep(hours * HOUR).await;
                log.borrow_mut().push((hours, now() - start));
            })
        });
        join_all(sleepers).await;
        assert_eq!(*log.borrow(), [1, 2, 3].map(|hours| (hours, hours * HOUR)));
        assert_eq!(now() - start, 3 * HOUR);
        assert!(timeout(HOUR, std::future::pending::<()>()).await.is_err());
        assert_eq!(now() - start, 4 * HOUR);
    });
    assert!(real.elapsed() < HOUR);
}

#[test]
fn the_clock_stands_still_while_tasks_are_ready() {
    finish_stopped(async {
        let start = now();
        drop(spawn(sleep(seconds(1))));
        for _ in 0..1000 {
            yield_now().await;
            std::thread::sleep(Duration::from_micros(10));
            assert_eq!(now(), start);
        }
    });
}

#[test]
fn advance_fires_in_the_order_of_deadlines_and_the_tasks_have_run_when_it_returns() {
    finish_stopped(async {
        let start = now();
        let order = Rc::new(RefCell::new(Vec::new()));
        for number in [5, 2, 9, 1] {
            let order = order.clone();
            drop(spawn(async move {
                sleep(seconds(number)).await;
                order.borrow_mut().push(number);
            }));
        }
        advance(seconds(5)).await;
        assert_eq!(*order.borrow(), [1, 2, 5]);
        assert_eq!(now() - start, seconds(5));
        advance(Duration::from_nanos(3_999_999_999)).await;
        assert_eq!(order.borrow().len(), 3, "one nanosecond early");
        advance(Duration::from_nanos(1)).await;
        assert_eq!(order.borrow().len(), 4);
    });
}

#[test]
fn sockets_of_one_loop_are_served_before_the_clock_jumps() {
    finish_stopped(async {
        let start = now();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let server = spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut buf = [0; 4];
            for _ in 0..200 {
                stream.read_exact(&mut buf).await.unwrap();
                stream.write_all(&buf).await.unwrap();
            }
        });
        let mut client = timeout(seconds(1), TcpStream::connect(addr)).await.unwrap().unwrap();
        for _ in 0..200 {
            client.write_all(b"ping").await.unwrap();
            timeout(seconds(1), client.read_exact(&mut [0; 4])).await.unwrap().unwrap();
        }
        server.await.unwrap();
        assert_eq!(now(), start);
    });
}

#[cfg(feature = "unblock")]
#[test]
fn work_on_other_threads_holds_the_clock() {
    finish_stopped(async {
        let start = now();
        let work = oneloop::unblock(|| std::thread::sleep(Duration::from_millis(30)));
        timeout(seconds(1), work).await.expect("the clock jumped over it");
        assert_eq!(now(), start);
        // A look-up of a name, too.
        timeout(seconds(1), TcpStream::connect("localhost:1"))
            .await
            .expect("it jumped over a look-up")
            .unwrap_err();
        assert_eq!(now(), start);
        sleep(seconds(1)).await;
        assert_eq!(now() - start, seconds(1), "and then it jumps again");
    });
}

#[cfg(feature = "unblock")]
#[test]
fn work_that_has_ended_holds_the_clock_no_longer_although_its_future_was_not_polled() {
    finish_stopped(async {
        let start = now();
        let work = oneloop::unblock(|| 42);
        sleep(seconds(1)).await;
        assert_eq!((work.await, now() - start), (42, seconds(1)));

        // A read that was dropped goes on, and ends.
        let (sender, messages) = std::sync::mpsc::channel::<u8>();
        struct Messages(std::sync::mpsc::Receiver<u8>);
        impl std::io::Read for Messages {
            fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
                buf[0] = self.0.recv().unwrap();
                Ok(1)
            }
        }
        let mut reader = oneloop::io::Unblock::new(Messages(messages));
        assert!(reader.read(&mut [0]).now_or_never().is_none());
        sender.send(1).unwrap();
        sleep(seconds(1)).await;
        assert_eq!(now() - start, seconds(2));
    });
}

#[cfg(all(unix, feature = "process"))]
#[test]
fn a_child_whose_handle_was_dropped_does_not_hold_the_clock() {
    let real = Instant::now();
    finish_stopped(async {
        let mut sleeper = oneloop::process::Command::new("sleep").arg("20").spawn().unwrap();
        let id = sleeper.id().unwrap();
        assert!(sleeper.wait().now_or_never().is_none());
        drop(sleeper);
        sleep(seconds(1)).await;
        // SAFETY: it is our child, and its handle's task has not received its status.
        unsafe { libc::kill(id as i32, libc::SIGKILL) };
    });
    assert!(real.elapsed() < seconds(20));
}

/// The events of one poll of the driver are a batch, of 1,024 at most.
#[test]
fn the_clock_waits_for_events_behind_the_first_batch() {
    need_descriptors(1600);
    finish_stopped(async {
        let start = now();
        let sender = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut others = Vec::new();
        for _ in 0..1300 {
            let socket = oneloop::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
            assert!(socket.recv(&mut [0; 4]).now_or_never().is_none()); // known to be empty
            sender.send_to(b"x", socket.local_addr().unwrap()).unwrap();
            others.push(socket);
        }
        let last = oneloop::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let mut buf = [0; 4];
        let mut receiving = Box::pin(timeout(seconds(1), last.recv(&mut buf)));
        assert!(futures::poll!(&mut receiving).is_pending());
        sender.send_to(b"last", last.local_addr().unwrap()).unwrap();
        assert_eq!(receiving.await.expect("the clock jumped over it").unwrap(), 4);
        assert_eq!(now(), start);
    });
}

/// What holds the clock may be dropped anywhere; the loop that sleeps meanwhile must find out.
#[cfg(feature = "unblock")]
#[test]
fn work_that_is_dropped_on_another_thread_holds_the_clock_no_longer() {
    finish_stopped(async {
        let start = now();
        let (go_on, may_go_on) = std::sync::mpsc::channel::<()>();
        let work = oneloop::unblock(move || may_go_on.recv());
        let dropper = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(20));
            drop(work);
        });
        sleep(seconds(5)).await;
        assert_eq!(now() - start, seconds(5));
        dropper.join().unwrap();
        drop(go_on);
    });
}

#[cfg(all(unix, feature = "process"))]
#[test]
fn a_child_that_is_awaited_holds_the_clock() {
    finish_stopped(async {
        let start = now();
        let mut child = oneloop::process::Command::new("sleep").arg("0.03").spawn().unwrap();
        assert!(
            timeout(seconds(1), child.wait()).await.expect("the clock jumped over it").unwrap().success()
        );
        assert_eq!(now(), start);
    });
}

#[test]
fn without_auto_advance_only_the_program_moves_the_clock() {
    let runtime = Runtime::builder().start_paused(true).auto_advance(false).build().unwrap();
    finish_on_real(&runtime, async {
        let start = now();
        let task = spawn(sleep(seconds(1)));
        // A peer outside of the loop has the time that it needs.
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let peer = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(30));
            drop(std::net::TcpStream::connect(addr).unwrap());
        });
        timeout(seconds(1), listener.accept()).await.unwrap().unwrap();
        peer.join().unwrap();
        assert_eq!(now(), start);
        assert!(!task.is_finished());
        advance(seconds(1)).await;
        assert!(task.is_finished());
    });
}

fn finish_on_real<T>(runtime: &Runtime, test: impl Future<Output = T>) -> T {
    let _watchdog = Watchdog::start();
    runtime.block_on(test)
}

#[test]
fn a_wake_from_another_thread_reaches_a_loop_whose_clock_stands_still() {
    finish_stopped(async {
        let (sender, receiver) = async_channel::bounded(1);
        let thread = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(20));
            sender.send_blocking(7).unwrap();
        });
        assert_eq!(receiver.recv().await, Ok(7)); // no timer: there is nothing to jump to
        thread.join().unwrap();
    });
}

#[test]
fn pause_and_resume_keep_the_time_that_the_clock_shows() {
    finish_on_real(&Runtime::new().unwrap(), async {
        let before = Instant::now();
        pause();
        let stopped_at = now();
        assert!(stopped_at >= before);
        sleep(seconds(100)).await;
        resume();
        let lead = now() - Instant::now();
        assert!(lead + before.elapsed() >= seconds(100), "{lead:?}");
        let start = now();
        sleep(Duration::from_millis(3)).await;
        assert!(now() - start >= Duration::from_millis(3));
        pause();
        assert!(now() >= start);
        sleep(seconds(1)).await;
        resume();
    });
}

#[test]
fn a_sleep_from_outside_keeps_the_deadline_of_the_systems_clock() {
    let outside = sleep(seconds(10));
    let real_deadline = outside.deadline().unwrap();
    let runtime = stopped();
    runtime.block_on(async {
        sleep(HOUR).await;
        let inside = sleep(seconds(10));
        assert_eq!(inside.deadline().unwrap(), now() + seconds(10));
        assert!(outside.is_elapsed(), "by this runtime's clock");
        outside.await;
        assert!(now() > real_deadline);
        // The clock of another runtime is another's.
    });
    finish(async { assert!(now() < real_deadline) });
    assert!(now() < real_deadline, "outside it is the system's");
}

#[test]
fn ticks_obey_and_are_exact() {
    finish_stopped(async {
        let start = now();
        let mut ticks = interval(seconds(10));
        for number in 0..5 {
            assert_eq!(ticks.tick().await, start + number * seconds(10));
            assert_eq!(now(), start + number * seconds(10));
        }
        let mut later = interval_at(now() + seconds(3), seconds(7));
        assert_eq!(later.tick().await - start, seconds(43));
        assert_eq!(later.tick().await - start, seconds(50));
    });
}

#[test]
fn missed_ticks_are_skipped_or_come_in_a_burst_or_begin_a_new_grid() {
    let ticks = |behavior| {
        finish_stopped(async move {
            let start = now();
            let mut ticks = interval(seconds(10));
            ticks.set_missed_tick_behavior(behavior);
            ticks.tick().await;
            advance(seconds(37)).await;
            let mut all = Vec::new();
            for _ in 0..5 {
                let due = ticks.tick().await;
                all.push(((due - start).as_secs(), (now() - start).as_secs()));
            }
            all
        })
    };
    assert_eq!(ticks(MissedTickBehavior::Skip), [(10, 37), (40, 40), (50, 50), (60, 60), (70, 70)]);
    assert_eq!(ticks(MissedTickBehavior::Burst), [(10, 37), (20, 37), (30, 37), (40, 40), (50, 50)]);
    assert_eq!(ticks(MissedTickBehavior::Delay), [(10, 37), (47, 47), (57, 57), (67, 67), (77, 77)]);
}

#[test]
fn a_deadline_that_never_comes_moves_nothing() {
    finish_stopped(async {
        let start = now();
        let never = spawn(sleep(Duration::MAX));
        let (sender, receiver) = async_channel::bounded(1);
        let thread = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(20));
            sender.send_blocking(()).unwrap();
        });
        // Three hundred years and more are in the wheel, too, and are no deadline to jump to.
        let far = spawn(sleep_until(start + Duration::from_secs(400 * 365 * 24 * 3600)));
        receiver.recv().await.unwrap();
        thread.join().unwrap();
        assert_eq!(now(), start);
        never.abort();
        far.abort();
    });
}

#[test]
fn misuse_is_named() {
    assert!(panic_of(pause).contains("pause was called outside a oneloop runtime"));
    assert!(panic_of(resume).contains("resume was called outside a oneloop runtime"));
    finish(async {
        assert!(panic_of(resume).contains("the clock is not paused"));
        let advancing = std::panic::AssertUnwindSafe(advance(seconds(1))).catch_unwind().await.unwrap_err();
        assert!(text_of(&*advancing).contains("pause first"));
        pause();
        assert!(panic_of(pause).contains("is already paused"));
        let advancing =
            std::panic::AssertUnwindSafe(advance(Duration::MAX)).catch_unwind().await.unwrap_err();
        assert!(text_of(&*advancing).contains("overflows Instant"));
    });
}

#[test]
fn a_turn_of_a_program_of_its_own_moves_nothing() {
    let runtime = stopped();
    let start = runtime.block_on(async { now() });
    let task = runtime.spawn(sleep_until(start + seconds(1)));
    for _ in 0..10 {
        assert!(runtime.turn().is_some());
    }
    assert!(!task.is_finished());
    runtime.block_on(advance(seconds(1)));
    assert!(task.is_finished());
}

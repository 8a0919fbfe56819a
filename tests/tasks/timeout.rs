//! `timeout` and `timeout_at`: the future is polled first, and dropped with the `Timeout`.

use std::future::{pending, ready};
use std::io;
use std::pin::pin;

use oneloop::io::{AsyncReadExt, AsyncWriteExt};
use oneloop::net::TcpListener;
use oneloop::time::{Duration, Elapsed, Instant, sleep, sleep_until, timeout, timeout_at};
use oneloop::{Runtime, spawn, yield_now};

use common::executor::*;

const SHORT: Duration = Duration::from_millis(2);
const LONG: Duration = Duration::from_secs(3600);

#[test]
fn a_future_in_time_gives_its_value() {
    finish(async {
        assert_eq!(timeout(LONG, ready(1)).await, Ok(1));
        assert_eq!(timeout(LONG, sleep(Duration::from_micros(100))).await, Ok(()));
        assert_eq!(timeout_at(Instant::now() + LONG, spawn(async { 2 })).await.unwrap().unwrap(), 2);
    });
}

#[test]
fn a_future_that_is_late_is_elapsed_and_never_early() {
    finish(async {
        let start = Instant::now();
        let result: Result<(), Elapsed> = timeout(SHORT, pending()).await;
        assert!(result.is_err());
        assert!(start.elapsed() >= SHORT);
        let deadline = Instant::now() + SHORT;
        assert!(timeout_at(deadline, pending::<()>()).await.is_err());
        assert!(Instant::now() >= deadline);
    });
}

#[test]
fn a_future_that_is_ready_wins_over_a_time_that_has_passed() {
    finish(async {
        assert_eq!(timeout(Duration::ZERO, ready(1)).await, Ok(1));
        let past = timeout(Duration::ZERO, ready(2));
        std::thread::sleep(Duration::from_millis(1));
        assert_eq!(past.await, Ok(2));
        // Both due at once, and found so by a loop that was away.
        let due = Instant::now() + Duration::from_micros(500);
        let mut both = pin!(timeout_at(due, sleep_until(due)));
        assert!(futures::poll!(both.as_mut()).is_pending());
        std::thread::sleep(Duration::from_millis(1));
        assert_eq!(both.await, Ok(()));
    });
}

#[test]
fn it_counts_from_its_creation() {
    // With one task in a turn, a timer that is due fires right after the turn in which it was polled.
    let runtime = Runtime::builder().event_interval(1).build().unwrap();
    finish_on(&runtime, async {
        let mut late = pin!(timeout(SHORT, pending::<()>()));
        std::thread::sleep(SHORT);
        assert!(futures::poll!(late.as_mut()).is_pending());
        yield_now().await;
        assert!(futures::poll!(late.as_mut()).is_ready());
    });
}

#[test]
fn the_future_is_dropped_with_the_time_out_not_before() {
    finish(async {
        let drops = Drops::new();
        let token = drops.token();
        let mut limited = Box::pin(timeout(SHORT, async move {
            let _kept = token;
            pending::<()>().await;
        }));
        assert!(limited.as_mut().await.is_err());
        assert_eq!(drops.count(), 0);
        drop(limited);
        assert_eq!(drops.count(), 1);
    });
}

#[test]
fn a_future_lent_to_it_can_be_awaited_again() {
    finish(async {
        let (sender, mut receiver) = futures::channel::oneshot::channel();
        for _ in 0..3 {
            assert!(timeout(Duration::from_micros(100), &mut receiver).await.is_err());
        }
        sender.send(4).unwrap();
        assert_eq!(timeout(LONG, receiver).await, Ok(Ok(4)));
    });
}

#[test]
fn nested_the_shorter_one_speaks() {
    finish(async {
        let inner = timeout(LONG, timeout(SHORT, pending::<()>())).await;
        assert!(matches!(inner, Ok(Err(_))), "{inner:?}");
        let outer = timeout(SHORT, timeout(LONG, pending::<()>())).await;
        assert!(outer.is_err(), "{outer:?}");
        let both = timeout(SHORT, timeout(SHORT, pending::<()>())).await;
        assert_ne!(both, Ok(Ok(())));
        let deep = timeout(LONG, timeout(LONG, timeout(LONG, async { 3 }))).await;
        assert_eq!(deep, Ok(Ok(Ok(3))));
    });
}

#[test]
fn a_duration_that_overflows_means_never() {
    finish(async {
        assert_eq!(timeout(Duration::MAX, sleep(SHORT)).await, Ok(()));
        assert_eq!(timeout(Duration::from_secs(u64::MAX), sleep(SHORT)).await, Ok(()));
    });
}

#[test]
fn a_read_that_is_broken_off_loses_nothing() {
    finish(async {
        let (mut ours, mut theirs) = tcp_pair().await.unwrap();
        let mut buffer = [0; 16];
        assert!(timeout(SHORT, ours.read(&mut buffer)).await.is_err());
        theirs.write_all(b"all of it").await.unwrap();
        theirs.close().await.unwrap();
        let mut text = String::new();
        timeout(LONG, ours.read_to_string(&mut text)).await.unwrap().unwrap();
        assert_eq!(text, "all of it");
    });
}

#[test]
fn an_accept_that_is_broken_off_loses_no_connection() {
    finish(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        assert!(timeout(SHORT, listener.accept()).await.is_err());
        let addr = listener.local_addr().unwrap();
        let client = std::net::TcpStream::connect(addr).unwrap();
        let (_stream, peer) = timeout(LONG, listener.accept()).await.unwrap().unwrap();
        assert_eq!(peer, client.local_addr().unwrap());
    });
}

#[test]
fn a_write_that_finds_no_room_is_broken_off() {
    finish(async {
        let (mut ours, _theirs) = tcp_pair().await.unwrap();
        let endless = async {
            loop {
                if let Err(error) = ours.write_all(&[0; 65536]).await {
                    break error;
                }
            }
        };
        assert!(timeout(Duration::from_millis(20), endless).await.is_err());
    });
}

#[test]
fn a_future_that_always_finds_its_socket_ready_is_timed_out_too() {
    finish(async {
        let (mut ours, mut theirs) = tcp_pair().await.unwrap();
        let talking_to_itself = async {
            loop {
                ours.write_all(&[0; 8]).await.unwrap();
                theirs.read_exact(&mut [0; 8]).await.unwrap();
            }
        };
        let result: Result<(), Elapsed> = timeout(SHORT, talking_to_itself).await;
        assert!(result.is_err());
    });
}

#[test]
fn a_future_that_always_yields_is_timed_out_too() {
    finish(async {
        let yielding = async {
            loop {
                yield_now().await;
            }
        };
        let result: Result<(), Elapsed> = timeout(SHORT, yielding).await;
        assert!(result.is_err());
    });
}

#[test]
fn many_that_end_in_time_leave_no_timer_that_wakes_a_task() {
    finish(async {
        let polled = Polled::default();
        drop(spawn(polled.clone()));
        for n in 0..10_000 {
            assert_eq!(timeout(SHORT, ready(n)).await, Ok(n));
            if n % 100 == 0 {
                assert_eq!(timeout(SHORT, yield_now()).await, Ok(()));
            }
        }
        sleep(2 * SHORT).await;
        assert_eq!(polled.count(), 1);
    });
}

#[test]
fn it_ends_a_task_that_is_stuck_and_the_task_is_dropped() {
    finish(async {
        let drops = Drops::new();
        let token = drops.token();
        let task = spawn(timeout(SHORT, async move {
            let _kept = token;
            pending::<()>().await;
        }));
        assert!(task.await.unwrap().is_err());
        assert_eq!(drops.count(), 1);
    });
}

#[test]
fn its_error_is_an_error_and_becomes_an_io_error() {
    fn crosses<T: std::error::Error + Send + Sync + Copy + 'static>() {}
    crosses::<Elapsed>();
    let elapsed = finish(timeout(Duration::ZERO, pending::<()>())).unwrap_err();
    assert!(elapsed.to_string().contains("elapsed"));
    let error = io::Error::from(elapsed);
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    assert!(error.get_ref().unwrap().is::<Elapsed>());
}

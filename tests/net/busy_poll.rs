//! `Builder::busy_poll`: the loop asks again and again before it sleeps, and everything else stays as it is.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use oneloop::Runtime;
use oneloop::io::{AsyncReadExt, AsyncWriteExt};
use oneloop::net::TcpListener;
use oneloop::time::{interval, sleep};

#[cfg(target_os = "linux")]
use crate::clock;
use common::sockets::{LIMIT, Outcome};

/// Longer than anything here waits: the loop never sleeps.
const ALWAYS: Duration = Duration::from_secs(3600);

fn busy(duration: Duration) -> Runtime {
    Runtime::builder().busy_poll(duration).build().unwrap()
}

#[test]
fn a_busy_loop_receives_events_of_sockets() -> Outcome {
    busy(ALWAYS).block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let addr = listener.local_addr()?;
        let client = std::thread::spawn(move || -> Outcome {
            let mut stream = std::net::TcpStream::connect(addr)?;
            stream.set_read_timeout(Some(LIMIT))?;
            for round in 0..100u8 {
                stream.write_all(&[round; 64])?;
                let mut back = [0; 64];
                stream.read_exact(&mut back)?;
                assert_eq!(back, [round; 64]);
            }
            Ok(())
        });
        let (mut stream, _) = listener.accept().await?;
        let mut buf = [0; 64];
        while stream.read_exact(&mut buf).await.is_ok() {
            stream.write_all(&buf).await?;
        }
        client.join().unwrap()
    })
}

#[test]
fn a_busy_loop_receives_wakes_of_other_threads() {
    let runtime = busy(ALWAYS);
    let handle = runtime.handle();
    let helper = std::thread::spawn(move || {
        let sum = (0..100).map(|n| oneloop::block_on(handle.spawn(async move { n })).unwrap()).sum::<i32>();
        handle.stop();
        sum
    });
    runtime.run();
    assert_eq!(helper.join().unwrap(), 4950);
}

#[test]
fn timers_of_a_busy_loop_are_never_early_and_end_its_waiting() {
    for pause in [Duration::from_nanos(1), Duration::from_micros(500), ALWAYS] {
        busy(pause).block_on(async {
            let start = Instant::now();
            sleep(Duration::from_millis(5)).await;
            assert!(start.elapsed() >= Duration::from_millis(5));
            let mut ticks = interval(Duration::from_millis(1));
            for _ in 0..5 {
                ticks.tick().await;
            }
            assert!(start.elapsed() >= Duration::from_millis(9));
        });
    }
}

#[cfg(target_os = "linux")]
#[test]
fn when_its_time_is_over_the_loop_sleeps() {
    let was_busy_and_slept = || {
        let runtime = busy(Duration::from_millis(50));
        let (reads, sleeps) = (clock::reads(), common::sockets::thread_sleeps());
        runtime.block_on(sleep(Duration::from_millis(200)));
        let slept = common::sockets::thread_sleeps() > sleeps;
        slept && clock::reads() - reads > 100 // some ten, if it sleeps at once
    };
    // Others may have the processor for the time in which the loop is busy, or until the timer is due.
    assert!((0..50).any(|_| was_busy_and_slept()), "it was not busy, or never slept");
}

#[cfg(target_os = "linux")]
#[test]
fn without_it_the_loop_sleeps_at_once() {
    let runtime = busy(Duration::ZERO);
    let waiting = clock::Waiting::begin();
    runtime.block_on(sleep(Duration::from_millis(200)));
    waiting.assert_slept("a loop that is not busy");
}

#[cfg(feature = "event-loop")]
#[test]
fn an_event_loop_takes_its_time_outs_busily_too() -> Outcome {
    use oneloop::event_loop::{Event, EventLoop};

    let mut events = EventLoop::on(busy(ALWAYS), None)?;
    let start = Instant::now();
    assert!(matches!(events.take(Some(Duration::from_millis(5)))?, Event::TimedOut));
    assert!(start.elapsed() >= Duration::from_millis(5));
    let sender = events.sender();
    let helper = std::thread::spawn(move || sender.post("hello").is_ok());
    assert!(matches!(events.take(Some(LIMIT))?, Event::Message("hello")));
    assert!(helper.join().unwrap());
    Ok(())
}

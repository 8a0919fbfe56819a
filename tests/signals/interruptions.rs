//! Signals that interrupt every system call: a timer sends the thread of each loop a signal a thousand times a second, to
//! a handler that doesn't ask the system to restart anything. All that a loop does goes on as if nothing was.
//!
//! (`.ci/interrupted` does the same to every thread of every test there is.)
#![cfg(all(target_os = "linux", feature = "event-loop"))]

use std::io::{Read, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures::future::join;
use oneloop::event_loop::{Event, EventLoop};
use oneloop::io::{AsyncReadExt, AsyncWriteExt};
use oneloop::net::{TcpListener, TcpStream, UdpSocket, UnixListener, UnixStream};
use oneloop::time::sleep;

use common::events;
use common::sockets::{LIMIT, Outcome, SocketPath, pattern, run, tcp_pair};

/// How many signals a test has to live through: at 1 kHz some tenths of a second.
const SIGNALS: u64 = 150;

/// Sends the thread that made it a signal every millisecond, until it is dropped. No thread but this one, and none that it
/// starts, is sent any: a timer of the whole process would reach the main thread, which does nothing here.
struct Interruptions {
    timer: libc::timer_t,
    /// Signals so far; the handler counts here.
    count: Box<AtomicU64>,
}

extern "C" fn count(_: libc::c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    // SAFETY: the system lends its handler a valid `siginfo_t`.
    let info = unsafe { &*info };
    // SAFETY: a timer's signal carries a value.
    let value = unsafe { info.si_value() };
    // SAFETY: the signals of this number come from our timers only, and each ends before its counter does.
    let count = unsafe { &*value.sival_ptr.cast::<AtomicU64>() };
    count.fetch_add(1, Ordering::Relaxed);
}

impl Interruptions {
    fn start() -> Interruptions {
        // Not the one of `.ci/interrupted`: these signals carry a pointer.
        let number = libc::SIGRTMIN() + 8;
        // SAFETY: all-zero bytes are a valid `sigaction`: an empty mask, and no SA_RESTART among its flags.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        action.sa_sigaction = count as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO;
        // SAFETY: the handler is async-signal-safe: it adds to an atomic number.
        assert_eq!(unsafe { libc::sigaction(number, &action, std::ptr::null_mut()) }, 0);

        let count = Box::new(AtomicU64::new(0));
        // SAFETY: all-zero bytes are a valid `sigevent`.
        let mut event: libc::sigevent = unsafe { std::mem::zeroed() };
        event.sigev_notify = libc::SIGEV_THREAD_ID;
        event.sigev_signo = number;
        event.sigev_value.sival_ptr = std::ptr::from_ref(&*count).cast_mut().cast();
        // SAFETY: a call without arguments.
        event.sigev_notify_thread_id = unsafe { libc::gettid() };
        let mut timer = std::ptr::null_mut();
        // SAFETY: both pointers are to values that live during the call.
        let made = unsafe { libc::timer_create(libc::CLOCK_MONOTONIC, &mut event, &mut timer) };
        assert_eq!(made, 0, "{}", std::io::Error::last_os_error());
        let every = libc::timespec { tv_sec: 0, tv_nsec: 1_000_000 };
        let period = libc::itimerspec { it_interval: every, it_value: every };
        // SAFETY: the timer is ours, and the pointer is to a value that lives during the call.
        assert_eq!(unsafe { libc::timer_settime(timer, 0, &period, std::ptr::null_mut()) }, 0);
        Interruptions { timer, count }
    }

    fn so_far(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }
}

impl Drop for Interruptions {
    fn drop(&mut self) {
        // SAFETY: the timer is ours and is deleted once. A signal of its that waits still is taken back with it, or has
        // been handled when this call, made by the thread that it is for, returns.
        unsafe { libc::timer_delete(self.timer) };
    }
}

/// Runs a piece of work on a loop, again and again, until enough signals have come.
fn interrupted(mut work: impl AsyncFnMut(u64) -> Outcome) -> Outcome {
    let interruptions = Interruptions::start();
    run(async {
        let mut round = 0;
        while interruptions.so_far() < SIGNALS {
            work(round).await?;
            round += 1;
        }
        Ok(())
    })
}

#[test]
fn every_byte_goes_both_ways() -> Outcome {
    interrupted(async |round| {
        let bytes = pattern(1 << 20, round);
        let (mut a, mut b) = tcp_pair().await?;
        let echo = oneloop::spawn(async move {
            let mut buf = [0; 5000];
            while let n @ 1.. = b.read(&mut buf).await? {
                b.write_all(&buf[..n]).await?;
            }
            Outcome::Ok(())
        });
        let mut back = Vec::new();
        let (mut reading, mut writing) = (&a, &a);
        let write = async {
            writing.write_all(&bytes).await?;
            writing.close().await
        };
        let (wrote, read) = join(write, reading.read_to_end(&mut back)).await;
        wrote.and(read)?;
        a.close().await?;
        assert!(back == bytes, "other bytes came back in round {round}");
        echo.await.unwrap()
    })
}

#[test]
fn connections_are_made_and_accepted_and_none_is_lost() -> Outcome {
    let path = SocketPath::default();
    interrupted(async |round| {
        let tcp = TcpListener::bind("127.0.0.1:0").await?;
        let addr = tcp.local_addr()?;
        for _ in 0..10 {
            let (ours, theirs) = join(TcpStream::connect(addr), tcp.accept()).await;
            let ((mut ours, _), mut theirs) = (theirs?, ours?);
            ours.write_all(&round.to_ne_bytes()).await?;
            theirs.read_exact(&mut [0; 8]).await?;
        }
        let unix = UnixListener::bind(&path)?;
        for _ in 0..10 {
            let (ours, theirs) = join(UnixStream::connect(&path), unix.accept()).await;
            let ((mut ours, _), mut theirs) = (theirs?, ours?);
            ours.write_all(&round.to_ne_bytes()).await?;
            theirs.read_exact(&mut [0; 8]).await?;
        }
        std::fs::remove_file(&path)
    })
}

#[test]
fn datagrams_and_pipes_lose_nothing() -> Outcome {
    interrupted(async |round| {
        let (a, b) = (UdpSocket::bind("127.0.0.1:0").await?, UdpSocket::bind("127.0.0.1:0").await?);
        let (mut reader, mut writer) = oneloop::pipe::pipe()?;
        let bytes = pattern(1000, round);
        for piece in bytes.chunks(100) {
            let mut buf = [0; 200];
            a.send_to(piece, b.local_addr()?).await?;
            assert_eq!(b.recv_from(&mut buf).await?, (100, a.local_addr()?));
            assert_eq!(&buf[..100], piece);
            let (wrote, read) = join(writer.write_all(piece), reader.read_exact(&mut buf[100..])).await;
            wrote.and(read)?;
            assert_eq!(&buf[100..], piece);
        }
        Ok(())
    })
}

#[test]
fn sleeps_are_never_early_and_end() -> Outcome {
    interrupted(async |_| {
        let begun = Instant::now();
        let sleeps = [3, 1, 2].map(|ms| {
            oneloop::spawn(async move {
                sleep(Duration::from_millis(ms)).await;
                assert!(begun.elapsed() >= Duration::from_millis(ms));
            })
        });
        for sleep in sleeps {
            sleep.await.unwrap();
        }
        Ok(())
    })
}

#[cfg(feature = "process")]
#[test]
fn children_are_started_fed_and_waited_for() -> Outcome {
    use oneloop::process::{Command, Stdio};
    interrupted(async |round| {
        let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (mut stdin, bytes) = (child.stdin.take().unwrap(), pattern(100_000, round));
        let writing = async {
            stdin.write_all(&bytes).await?;
            stdin.close().await
        };
        let (wrote, output) = join(writing, child.wait_with_output()).await;
        wrote?;
        let output = output?;
        assert!(output.status.success() && output.stdout == bytes);
        Ok(())
    })
}

#[cfg(feature = "unblock")]
#[test]
fn blocking_work_and_other_threads_wake_the_loop() -> Outcome {
    interrupted(async |round| {
        assert_eq!(oneloop::unblock(move || round + 1).await, round + 1);
        let handle = oneloop::Handle::current();
        let there = oneloop::unblock(move || oneloop::block_on(handle.spawn(async move { round + 2 })));
        assert_eq!(there.await.unwrap(), round + 2);
        Ok(())
    })
}

#[test]
fn an_event_loop_takes_every_event_and_its_time_outs_are_never_early() -> Outcome {
    let interruptions = Interruptions::start();
    let mut events = events::new_loop::<u64>();
    let sender = events.sender();
    let (give, take) = std::sync::mpsc::channel();
    let posting = std::thread::spawn(move || take.into_iter().try_for_each(|n| sender.post(n)).is_ok());
    let begun = Instant::now();
    for round in 0.. {
        if interruptions.so_far() >= SIGNALS {
            break;
        }
        assert!(begun.elapsed() < LIMIT, "where are the signals?");
        let start = Instant::now();
        assert!(matches!(events.take(Some(Duration::from_millis(5)))?, Event::TimedOut));
        assert!(start.elapsed() >= Duration::from_millis(5), "a signal has ended a time-out");
        give.send(round).unwrap();
        assert_eq!(events::next_message(&mut events), round);
        let timer = events.timer(Duration::from_millis(2))?;
        assert!(matches!(events::next(&mut events), Event::Timer(id) if id == timer));
        echo_one(&mut events)?;
    }
    drop(give);
    assert!(posting.join().unwrap());
    Ok(())
}

/// A connection of its own for a few bytes there and back.
fn echo_one(events: &mut EventLoop<u64>) -> Outcome {
    let (mut client, server) = events::watched_pair(events)?;
    client.write_all(b"hello")?;
    assert!(matches!(events::next(events), Event::Readable(id) if id == server.id()));
    let mut buf = [0; 8];
    assert_eq!(server.try_read(&mut buf)?, 5);
    assert_eq!(server.try_write(&buf[..5])?, 5);
    client.read_exact(&mut buf[..5])?;
    assert_eq!(&buf[..5], b"hello");
    Ok(())
}

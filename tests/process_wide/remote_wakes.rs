//! `Builder::spin_after_remote_wake`: after a wake from another thread the loop looks for the next one
//! before it sleeps.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Poll, Waker};
use std::time::Duration;

use oneloop::Runtime;
#[cfg(target_os = "linux")]
use oneloop::time::sleep;

#[cfg(target_os = "linux")]
use crate::clock;

fn looking(duration: Duration) -> Runtime {
    Runtime::builder().spin_after_remote_wake(duration).build().unwrap()
}

/// The waker of the task that awaits this.
async fn own_waker() -> Waker {
    poll_fn(|context| Poll::Ready(context.waker().clone())).await
}

/// An odd number is a question, the even one after it its answer.
fn answer(number: &AtomicU64, waker: &Waker, questions: u64) {
    for question in (1..=2 * questions).step_by(2) {
        while number.load(Ordering::Acquire) != question {
            std::thread::yield_now();
        }
        number.store(question + 1, Ordering::Release);
        waker.wake_by_ref();
    }
}

async fn ask(questions: u64) {
    let (waker, number) = (own_waker().await, Arc::new(AtomicU64::new(0)));
    let theirs = number.clone();
    let other = std::thread::spawn(move || answer(&theirs, &waker, questions));
    for question in (1..=2 * questions).step_by(2) {
        number.store(question, Ordering::Release);
        let answered = |_: &mut std::task::Context<'_>| {
            if number.load(Ordering::Acquire) > question { Poll::Ready(()) } else { Poll::Pending }
        };
        poll_fn(answered).await;
    }
    other.join().unwrap();
}

#[test]
fn a_task_and_a_thread_answer_each_other_with_the_look_and_without() {
    for duration in [Duration::ZERO, Duration::from_nanos(1), Duration::from_micros(4), Duration::MAX] {
        looking(duration).block_on(ask(1_000));
    }
    Runtime::new().unwrap().block_on(ask(1_000));
}

#[cfg(feature = "event-loop")]
#[test]
fn an_event_loop_and_a_thread_answer_each_other() {
    use oneloop::event_loop::{Event, EventLoop};

    for duration in [Duration::ZERO, Duration::from_micros(4), Duration::MAX] {
        let mut events = EventLoop::on(looking(duration), None).unwrap();
        let (sender, (ask, asked)) = (events.sender(), std::sync::mpsc::channel());
        let other = std::thread::spawn(move || {
            asked.iter().for_each(|question: u32| sender.post(question + 1).unwrap());
        });
        for question in 0..1_000 {
            ask.send(question).unwrap();
            match events.take(Some(common::sockets::LIMIT)).unwrap() {
                Event::Message(answer) => assert_eq!(answer, question + 1),
                event => panic!("{event:?}"),
            }
        }
        drop(ask);
        other.join().unwrap();
    }
}

/// How often the loop's thread reads the clock while another thread wakes a task once and then is silent. A look of an hour
/// ends by its count of loads, and has then read the clock a thousand times.
#[cfg(target_os = "linux")]
fn reads_after_one_wake(runtime: &Runtime) -> u64 {
    runtime.block_on(async {
        let (waker, woken) = (own_waker().await, Arc::new(AtomicU64::new(0)));
        let theirs = woken.clone();
        let other = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(20));
            theirs.store(1, Ordering::Release);
            waker.wake();
        });
        poll_fn(|_| if woken.load(Ordering::Acquire) == 1 { Poll::Ready(()) } else { Poll::Pending }).await;
        let reads = clock::reads(); // a look follows before the next park
        sleep(Duration::from_millis(100)).await;
        other.join().unwrap();
        clock::reads() - reads
    })
}

#[cfg(target_os = "linux")]
const HOUR: Duration = Duration::from_secs(3600);

/// Other threads may have the processor until a look has ended. Under valgrind on a busy machine this
/// happened five times in a row.
#[cfg(target_os = "linux")]
const ATTEMPTS: usize = 50;

#[cfg(target_os = "linux")]
#[test]
fn the_look_ends_and_the_loop_sleeps() {
    let has_looked = || {
        let sleeps = common::sockets::thread_sleeps();
        let reads = reads_after_one_wake(&looking(HOUR));
        let slept = common::sockets::thread_sleeps() > sleeps;
        assert!(reads < 5_000, "{reads}: one look reads the clock some thousand times");
        slept && reads > 1_000
    };
    let parallel = std::thread::available_parallelism().is_ok_and(|cpus| cpus.get() > 1);
    assert!(!parallel || (0..ATTEMPTS).any(|_| has_looked()), "it has not looked, or never slept");
}

/// Binds a thread of this process, or with 0 the calling one, to the CPU that it may use first.
#[cfg(target_os = "linux")]
fn bind_to_one_cpu(thread: libc::pid_t) {
    let size = size_of::<libc::cpu_set_t>();
    // SAFETY: all-zero bytes are a valid set, an empty one.
    let (mut all, mut one): (libc::cpu_set_t, libc::cpu_set_t) = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is to a set of this size, which lives during the call.
    assert_eq!(unsafe { libc::sched_getaffinity(thread, size, &mut all) }, 0);
    // SAFETY: it only reads the set.
    let first = (0..libc::CPU_SETSIZE as usize).find(|cpu| unsafe { libc::CPU_ISSET(*cpu, &all) });
    // SAFETY: it only writes to the set.
    unsafe { libc::CPU_SET(first.expect("a thread runs somewhere"), &mut one) };
    // SAFETY: the pointer is to a set of this size, which lives during the call.
    assert_eq!(unsafe { libc::sched_setaffinity(thread, size, &one) }, 0);
}

#[cfg(target_os = "linux")]
#[test]
fn with_one_cpu_the_loop_never_looks() {
    common::sockets::in_child("with_one_cpu_the_loop_never_looks", || {
        for thread in std::fs::read_dir("/proc/self/task").unwrap() {
            bind_to_one_cpu(thread.unwrap().file_name().to_str().unwrap().parse().unwrap());
        }
        let reads = reads_after_one_wake(&looking(HOUR));
        assert!(reads < 1_000, "{reads}: it has looked");
    });
}

#[cfg(target_os = "linux")]
#[test]
fn a_loop_with_a_cpu_of_its_own_looks_if_other_threads_have_others() {
    let parallel = std::thread::available_parallelism().is_ok_and(|cpus| cpus.get() > 1);
    let bound = std::thread::spawn(move || {
        bind_to_one_cpu(0);
        !parallel || (0..ATTEMPTS).any(|_| reads_after_one_wake(&looking(HOUR)) > 1_000)
    });
    assert!(bound.join().unwrap(), "it has not looked");
}

#[cfg(target_os = "linux")]
#[test]
fn with_a_time_of_zero_the_loop_never_looks() {
    let reads = reads_after_one_wake(&looking(Duration::ZERO));
    assert!(reads < 1_000, "{reads}: it has looked");
}

#[cfg(target_os = "linux")]
#[test]
fn with_busy_poll_the_loop_never_looks() {
    let busy = Duration::from_nanos(1);
    let runtime = Runtime::builder().busy_poll(busy).spin_after_remote_wake(HOUR).build().unwrap();
    let reads = reads_after_one_wake(&runtime);
    assert!(reads < 1_000, "{reads}: it has looked");
}

#[cfg(target_os = "linux")]
#[test]
fn without_a_remote_wake_the_loop_never_looks() {
    let waiting = clock::Waiting::begin();
    looking(HOUR).block_on(async {
        for _ in 0..20 {
            sleep(Duration::from_millis(5)).await;
        }
    });
    waiting.assert_slept("a loop that no other thread has woken");
}

#[cfg(target_os = "linux")]
#[test]
fn a_stopped_clock_jumps_after_a_look() {
    let runtime = Runtime::builder().spin_after_remote_wake(HOUR).start_paused(true).build().unwrap();
    runtime.block_on(async {
        for _ in 0..3 {
            ask(10).await;
            sleep(HOUR).await;
        }
    });
}

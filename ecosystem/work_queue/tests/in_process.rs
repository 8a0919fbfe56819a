//! The queue in this process.

use std::cell::{Cell, RefCell};
use std::future::pending;
use std::rc::Rc;
use std::time::{Duration, Instant};

use oneloop::time::sleep;
use oneloop_work_queue::{Builder, Error, Failure, Job, NewJob, Queue, Summary, Worker};

use crate::support::{ms, run};

fn queue(options: impl FnOnce(Builder) -> Builder) -> Queue {
    options(Queue::builder("test")).in_process().expect("the options are valid")
}

/// Adds jobs, works until no job is unfinished, and returns the summary and the ids and attempts that
/// the handler received.
fn work(queue: &Queue, jobs: Vec<NewJob>, fails: fn(&Job) -> bool) -> (Summary, Vec<(String, u32)>) {
    let seen: Rc<RefCell<Vec<(String, u32)>>> = Rc::default();
    let (ours, theirs, producer) = (queue.clone(), seen.clone(), queue.producer());
    let worker = Worker::new(queue).at_once(2).attempts(3).pauses(ms(5), ms(20));
    let summary = worker.run(
        move |job| {
            theirs.borrow_mut().push((job.id().to_owned(), job.attempt()));
            async move { if fails(&job) { Err(Failure::new("it is odd")) } else { Ok(()) } }
        },
        async move {
            for job in jobs {
                producer.add_wait(job).await.expect("the loop exists");
            }
            until_empty(&ours).await;
        },
    );
    (summary.expect("the worker ends without an error"), seen.take())
}

async fn until_empty(queue: &Queue) {
    while queue.status().await.expect("the queue is in this process").unfinished() > 0 {
        sleep(ms(1)).await;
    }
}

#[test]
fn a_job_that_fails_is_tried_again_and_then_a_dead_letter() {
    let queue = queue(|builder| builder);
    let jobs = ["1", "2", "3"].map(|n| NewJob::new(n).id(n)).to_vec();
    let (summary, mut seen) = work(&queue, jobs, |job| job.payload() != b"2");
    assert_eq!((summary.done, summary.retried, summary.dead), (1, 4, 2));
    seen.sort();
    let expected = [("1", 1), ("1", 2), ("1", 3), ("2", 1), ("3", 1), ("3", 2), ("3", 3)];
    assert_eq!(seen, expected.map(|(id, attempt)| (id.to_owned(), attempt)));

    let mut letters = run(queue.dead_letters(10)).unwrap();
    letters.sort_by(|a, b| a.id.cmp(&b.id));
    let facts: Vec<_> = letters.iter().map(|l| (l.id.as_str(), l.attempts, l.reason.as_str())).collect();
    assert_eq!(facts, [("1", 3, "it is odd"), ("3", 3, "it is odd")]);

    // The jobs are tried again, and now they succeed.
    assert_eq!(run(queue.clear_dead_letters(10, true)).unwrap(), 2);
    let (summary, _) = work(&queue, Vec::new(), |_| false);
    assert_eq!((summary.done, run(queue.status()).unwrap().dead), (2, 0));
}

#[test]
fn a_producer_waits_for_room_or_is_refused() {
    let queue = queue(|builder| builder.backlog_max(2));
    let producer = queue.producer();
    run(async {
        producer.add("1").await.unwrap();
        producer.add("2").await.unwrap();
        assert!(matches!(producer.add("3").await, Err(Error::Full { backlog_max: 2 })));
    });
    let jobs = (3..=20).map(|n: u32| NewJob::new(n.to_string())).collect();
    assert_eq!(work(&queue, jobs, |_| false).0.done, 20);
}

#[test]
fn an_id_is_added_once_in_its_retention_time() {
    let queue = queue(|builder| builder.id_retention(ms(20)));
    let producer = queue.producer();
    run(async {
        let begun = Instant::now();
        assert!(producer.add(NewJob::new("a").id("a")).await.unwrap().is_new);
        while !producer.add(NewJob::new("b").id("a")).await.unwrap().is_new {
            sleep(ms(1)).await;
        }
        assert!(begun.elapsed() >= ms(20));
    });
    assert_eq!(run(queue.status()).unwrap().backlog, 2);
}

#[test]
fn a_scheduled_job_is_not_handled_before_its_time() {
    let queue = queue(|builder| builder);
    let begun = Instant::now();
    let (summary, seen) =
        work(&queue, vec![NewJob::new("late").id("late").after(ms(50)), "soon".into()], |_| false);
    assert_eq!(summary.done, 2);
    assert_eq!(seen[1].0, "late");
    assert!(begun.elapsed() >= ms(50));
}

#[test]
fn a_panic_and_a_time_out_are_failures_with_a_reason() {
    let queue = queue(|builder| builder);
    let (ours, producer) = (queue.clone(), queue.producer());
    let worker = Worker::new(&queue).attempts(1).job_timeout(ms(10));
    let handler = |job: Job| async move {
        match job.id() {
            "panics" => panic!("no {}", job.attempt()),
            "hangs" => pending().await,
            _ => Err(Failure::permanent("x".repeat(2000))),
        }
    };
    let stop = async move {
        for id in ["panics", "hangs", "has much text"] {
            producer.add(NewJob::new("").id(id)).await.unwrap();
        }
        until_empty(&ours).await;
    };
    assert_eq!(worker.run(handler, stop).unwrap().dead, 3);
    let letters = run(queue.dead_letters(10)).unwrap();
    let reason = |id: &str| letters.iter().find(|letter| letter.id == id).unwrap().reason.as_str();
    assert_eq!(reason("panics"), "the handler panicked: no 1");
    assert_eq!(reason("hangs"), "the handler has not finished within 10ms");
    assert_eq!(reason("has much text").chars().count(), 1025);
}

#[test]
fn a_worker_that_stops_finishes_or_gives_back() {
    let queue = queue(|builder| builder);
    let producer = queue.producer();
    run(async {
        for id in ["quick", "endless", "waiting"] {
            producer.add(NewJob::new("").id(id)).await.unwrap();
        }
    });
    let started = Rc::new(Cell::new(0));
    let (theirs, dropped) = (started.clone(), Rc::new(()));
    let stopping = Rc::new(tokio::sync::Notify::new());
    let told = stopping.clone();
    let handlers = dropped.clone();
    let summary = Worker::new(&queue).at_once(2).grace(ms(30)).run(
        move |job| {
            theirs.set(theirs.get() + 1);
            let (kept, told) = (handlers.clone(), told.clone());
            async move {
                if job.id() == "endless" {
                    pending::<()>().await;
                }
                told.notified().await;
                drop(kept);
                Ok(())
            }
        },
        {
            let started = started.clone();
            async move {
                while started.get() < 2 {
                    oneloop::yield_now().await;
                }
                stopping.notify_one();
            }
        },
    );
    let summary = summary.unwrap();
    assert_eq!((summary.done, summary.given_back), (1, 1));
    assert_eq!(Rc::strong_count(&dropped), 1, "a handler was not dropped");
    assert_eq!(run(queue.status()).unwrap().backlog, 2);
    let (summary, mut seen) = work(&queue, Vec::new(), |_| false);
    seen.sort();
    assert_eq!((summary.done, seen), (2, vec![("endless".to_owned(), 1), ("waiting".to_owned(), 1)]));
}

#[test]
fn a_job_is_given_back_once_also_if_a_handler_blocks_until_the_last_moment() {
    let queue = queue(|builder| builder);
    run(queue.producer().add(NewJob::new("").id("blocks"))).unwrap();
    let started = Rc::new(tokio::sync::Notify::new());
    let told = started.clone();
    let handler = move |_| {
        let told = told.clone();
        async move {
            told.notify_one();
            oneloop::yield_now().await; // Meanwhile the worker receives the request to stop.
            oneloop::yield_now().await;
            sleep(ms(1)).await;
            std::thread::sleep(ms(5200)); // After this, both timers of the end are due.
            pending::<()>().await;
            Ok(())
        }
    };
    let stop = async move { started.notified().await };
    let summary = Worker::new(&queue).grace(ms(50)).run(handler, stop).unwrap();
    assert_eq!(summary.done, 0);
    let (summary, seen) = work(&queue, Vec::new(), |_| false);
    assert_eq!((summary.done, seen), (1, vec![("blocks".to_owned(), 1)]));
}

#[test]
fn wrong_options_and_jobs_are_named() {
    let text = |error: Error| error.to_string();
    let builder = |name: &str| Queue::builder(name);
    assert!(text(builder("a{b}").in_process().unwrap_err()).contains("\"a{b}\" of a queue"));
    assert!(text(builder("a").backlog_max(0).in_process().unwrap_err()).contains("backlog"));
    assert!(text(builder("a").job_bytes_max(0).in_process().unwrap_err()).contains("bytes"));
    let queue = builder("a").job_bytes_max(3).in_process().unwrap();
    let producer = queue.producer();
    assert!(matches!(run(producer.add("four")), Err(Error::TooLarge { bytes: 4, bytes_max: 3 })));
    assert!(text(run(producer.add(NewJob::new("a").id(""))).unwrap_err()).contains("0 bytes"));
    assert!(text(run(producer.add(NewJob::new("a").after(Duration::MAX))).unwrap_err()).contains("too far"));
    assert_eq!(run(queue.status()).unwrap().unfinished(), 0);
    let wrong = |worker: Worker| text(worker.run(|_| async { Ok(()) }, async {}).unwrap_err());
    assert!(wrong(Worker::new(&queue).at_once(0)).contains("0 jobs at once"));
    assert!(wrong(Worker::new(&queue).heartbeat(ms(100), ms(150))).contains("150ms"));
}

#[test]
fn debug_shows_no_payload() {
    let queue = queue(|builder| builder);
    let job = NewJob::new("top secret").id("1");
    assert!(!format!("{job:?}").contains("secret"));
    work(&queue, vec![job], |job| {
        assert!(!format!("{job:?}").contains("secret"));
        true
    });
    let letters = run(queue.dead_letters(1)).unwrap();
    assert_eq!(letters[0].payload, b"top secret");
    assert!(!format!("{letters:?}").contains("secret"));
}

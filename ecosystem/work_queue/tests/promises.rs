//! The guarantees of the queue on a broker, while only handlers fail.

use std::time::SystemTime;

use oneloop_work_queue::{Error, Failure, Job, NewJob, Queue, Worker};

use crate::support::{Redis, Running, Seen, ms, run, status, until, until_empty};

/// Makes a handler that records each job, and succeeds.
fn noting(seen: &Seen) -> impl Fn(Job) -> std::future::Ready<Result<(), Failure>> + Send + 'static {
    let seen = seen.clone();
    move |job| {
        seen.see(&job);
        std::future::ready(Ok(()))
    }
}

#[test]
fn jobs_added_before_the_first_worker_are_handled_once_each() {
    let Some(redis) = Redis::start("jobs_added_before_the_first_worker_are_handled_once_each") else {
        return;
    };
    let queue = redis.queue();
    let payload: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    run(async {
        let producer = queue.producer();
        for n in 0..100 {
            producer.add(NewJob::new(payload.clone()).id(format!("{n:02}"))).await.unwrap();
        }
    });
    assert_eq!(status(&queue).backlog, 100);
    let seen = Seen::default();
    let (noted, expected) = (seen.clone(), payload.clone());
    let worker = Running::start(
        redis.maker(),
        |worker| worker.name("one").at_once(7),
        move |job| {
            assert_eq!(job.payload(), expected);
            assert!(job.added() <= SystemTime::now());
            noted.see(&job);
            async { Ok(()) }
        },
    );
    until_empty(&queue);
    assert_eq!(status(&queue).workers[0].name, "one");
    assert_eq!(worker.stop().done, 100);
    assert_eq!((seen.count(), seen.ids().len()), (100, 100));
    let status = status(&queue);
    assert_eq!((status.unfinished(), status.dead, status.workers.len(), status.oldest), (0, 0, 0, None));
    // The stream has no entries, and the group has no worker.
    let length: usize = redis.command(&["XLEN", "oneloop:{test}:jobs"]);
    let consumers: Vec<redis::Value> =
        redis.command(&["XINFO", "CONSUMERS", "oneloop:{test}:jobs", "workers"]);
    assert_eq!((length, consumers.len()), (0, 0));
}

#[test]
fn a_failing_job_is_tried_again_later_and_then_a_dead_letter() {
    let Some(redis) = Redis::start("a_failing_job_is_tried_again_later_and_then_a_dead_letter") else {
        return;
    };
    let queue = redis.queue();
    let seen = Seen::default();
    let noted = seen.clone();
    let worker = Running::start(
        redis.maker(),
        |worker| worker.attempts(3),
        move |job| {
            noted.see(&job);
            async move {
                match (job.id(), job.attempt()) {
                    ("mends", 3) => Ok(()),
                    ("hopeless", _) => Err(Failure::permanent("no use")),
                    ("panics", _) => panic!("at attempt {}", job.attempt()),
                    _ => Err(Failure::new("not yet")),
                }
            }
        },
    );
    run(async {
        for id in ["mends", "fails", "hopeless", "panics"] {
            queue.producer().add(NewJob::new(vec![0, 255, 10]).id(id)).await.unwrap();
        }
    });
    until_empty(&queue);
    let summary = worker.stop();
    assert_eq!((summary.done, summary.retried, summary.dead), (1, 6, 3));
    let attempts = |id: &str| seen.all().iter().filter(|s| s.id == id).map(|s| s.attempt).collect::<Vec<_>>();
    for id in ["mends", "fails", "panics"] {
        assert_eq!(attempts(id), [1, 2, 3], "{id}");
    }
    assert_eq!(attempts("hopeless"), [1]);
    let mut letters = run(queue.dead_letters(10)).unwrap();
    letters.sort_by(|a, b| a.id.cmp(&b.id));
    let facts: Vec<_> = letters.iter().map(|l| (l.id.as_str(), l.attempts, l.reason.as_str())).collect();
    let panicked = ("panics", 3, "the handler panicked: at attempt 3");
    assert_eq!(facts, [("fails", 3, "not yet"), ("hopeless", 1, "no use"), panicked]);
    assert!(letters.iter().all(|letter| letter.payload == [0, 255, 10] && letter.died >= letter.added));

    // Dead letters become jobs again.
    assert_eq!(run(queue.clear_dead_letters(10, true)).unwrap(), 3);
    let again = Seen::default();
    let worker = Running::start(redis.maker(), |worker| worker, noting(&again));
    until_empty(&queue);
    worker.stop();
    assert_eq!(again.ids(), ["fails", "hopeless", "panics"]);
    assert_eq!(status(&queue).dead, 0);
}

#[test]
fn an_id_is_added_once_in_its_retention_time_also_after_its_job() {
    let Some(redis) = Redis::start("an_id_is_added_once_in_its_retention_time_also_after_its_job") else {
        return;
    };
    let queue = redis.queue();
    let add = |queue: &Queue| run(queue.producer().add(NewJob::new("x").id("a:{b}"))).unwrap().is_new;
    assert!(add(&queue));
    assert!(!add(&queue));
    let seen = Seen::default();
    let worker = Running::start(redis.maker(), |worker| worker, noting(&seen));
    seen.wait_for(1);
    until_empty(&queue);
    assert!(!add(&queue));
    let ttl: i64 = redis.command(&["PTTL", "oneloop:{test}:id:a:{b}"]);
    assert!((86_000_000..=86_400_000).contains(&ttl), "{ttl} ms");
    let forgetful = redis.queue_with(|builder| builder.id_retention(ms(1)));
    run(forgetful.producer().add(NewJob::new("y").id("short"))).unwrap();
    until("the id has expired", || {
        run(forgetful.producer().add(NewJob::new("y").id("short"))).unwrap().is_new.then_some(())
    });
    until_empty(&queue);
    assert_eq!(worker.stop().done, 3);
}

#[test]
fn a_full_queue_refuses_or_waits() {
    let Some(redis) = Redis::start("a_full_queue_refuses_or_waits") else { return };
    let queue = redis.queue_with(|builder| builder.backlog_max(3).dead_letters_max(1).job_bytes_max(9));
    let producer = queue.producer();
    run(async {
        producer.add("1").await.unwrap();
        // A scheduled job counts, too.
        producer.add(NewJob::new("2").after(ms(1))).await.unwrap();
        producer.add(NewJob::new("3").id("3")).await.unwrap();
        assert!(matches!(producer.add("4").await, Err(Error::Full { backlog_max: 3 })));
        assert!(
            !producer.add(NewJob::new("3").id("3")).await.unwrap().is_new,
            "an id that is known is no error"
        );
        assert!(matches!(producer.add(vec![0; 10]).await, Err(Error::TooLarge { bytes: 10, bytes_max: 9 })));
    });
    let seen = Seen::default();
    let noted = seen.clone();
    let worker = Running::start(
        redis.maker(),
        |worker| worker.attempts(1),
        move |job| {
            noted.see(&job);
            async move { if job.payload() == b"bad" { Err(Failure::new("bad")) } else { Ok(()) } }
        },
    );
    // The test makes a new producer, because a connection belongs to its loop.
    let producer = queue.producer();
    run(async {
        for n in 4..=20 {
            producer.add_wait(n.to_string()).await.unwrap();
        }
        producer.add_wait("bad").await.unwrap();
    });
    until_empty(&queue);
    assert!(matches!(
        run(queue.producer().add_wait("21")),
        Err(Error::TooManyDeadLetters { dead_letters_max: 1 })
    ));
    let summary = worker.stop();
    assert_eq!((summary.done, summary.dead), (20, 1));
}

#[test]
fn a_scheduled_job_is_not_handled_before_its_time() {
    let Some(redis) = Redis::start("a_scheduled_job_is_not_handled_before_its_time") else { return };
    let queue = redis.queue();
    run(queue.producer().add(NewJob::new("x").id("late").after(ms(300)))).unwrap();
    assert_eq!(status(&queue).scheduled, 1);
    let seen = Seen::default();
    let noted = seen.clone();
    let worker = Running::start(
        redis.maker(),
        |worker| worker,
        move |job| {
            // The broker and this process have the same clock, and the broker's time is in whole
            // milliseconds.
            assert!(job.added().elapsed().unwrap() >= ms(299));
            noted.see(&job);
            async { Ok(()) }
        },
    );
    until_empty(&queue);
    assert_eq!((worker.stop().done, seen.ids()), (1, vec!["late".to_owned()]));
}

#[test]
fn a_worker_takes_no_more_than_it_has_room_for() {
    let Some(redis) = Redis::start("a_worker_takes_no_more_than_it_has_room_for") else { return };
    let queue = redis.queue();
    run(async {
        let producer = queue.producer();
        for n in 0..10 {
            producer.add(n.to_string()).await.unwrap();
        }
    });
    let (seen, permits) = (Seen::default(), std::sync::Arc::new(tokio::sync::Semaphore::new(0)));
    let (noted, theirs) = (seen.clone(), permits.clone());
    let worker = Running::start(
        redis.maker(),
        |worker| worker.at_once(3),
        move |job| {
            noted.see(&job);
            let permits = theirs.clone();
            async move {
                permits.acquire().await?.forget();
                Ok(())
            }
        },
    );
    seen.wait_for(3);
    // A second worker gets the other jobs. If the first worker takes more than it has room for, it asks
    // the broker again before the second worker has finished them.
    let others = Seen::default();
    let other = Running::start(redis.maker(), |worker| worker, noting(&others));
    others.wait_for(7);
    until("the others are done", || (status(&queue).in_flight == 3).then_some(()));
    assert_eq!((status(&queue).backlog, seen.count()), (0, 3));
    permits.add_permits(3);
    until_empty(&queue);
    assert_eq!((worker.stop().done, other.stop().done), (3, 7));
}

#[test]
fn a_worker_that_stops_gives_back_what_it_cannot_finish() {
    let Some(redis) = Redis::start("a_worker_that_stops_gives_back_what_it_cannot_finish") else { return };
    let queue = redis.queue();
    for id in ["a", "b"] {
        run(queue.producer().add(NewJob::new(id).id(id))).unwrap();
    }
    let seen = Seen::default();
    let noted = seen.clone();
    let worker = Running::start(
        redis.maker(),
        |worker| worker.grace(ms(20)),
        move |job| {
            noted.see(&job);
            std::future::pending()
        },
    );
    seen.wait_for(2);
    assert_eq!(worker.stop().given_back, 2);
    let now = status(&queue);
    assert_eq!((now.backlog, now.in_flight, now.workers.len()), (2, 0, 0));
    let again = Seen::default();
    let worker = Running::start(redis.maker(), |worker| worker, noting(&again));
    until_empty(&queue);
    assert_eq!(worker.stop().done, 2);
    assert!(again.all().iter().all(|job| job.attempt == 1 && job.delivery == 1), "{:?}", again.all());
}

#[test]
fn passwords_are_in_no_text_and_a_wrong_one_is_refused() {
    let test = "passwords_are_in_no_text_and_a_wrong_one_is_refused";
    let Some(redis) = Redis::start_with(test, &["--requirepass", "opensesame"]) else { return };
    let path = redis.url().split_once("//").unwrap().1.to_owned();
    let queue =
        |pass: &str| Queue::builder("test").redis(&format!("redis+unix://{path}?pass={pass}")).unwrap();
    let right = queue("opensesame");
    assert!(run(right.producer().add("x")).unwrap().is_new);
    let wrong = queue("secret1");
    let error = run(wrong.producer().add("x")).unwrap_err();
    assert!(matches!(error, Error::Refused { .. }), "{error:?}");
    let worker = Worker::new(&wrong);
    let texts = [
        format!("{error:?}{error}"),
        format!("{wrong:?}{:?}{worker:?}", wrong.producer()),
        format!("{right:?}"),
    ];
    let ended = worker.run(|_| async { Ok(()) }, std::future::pending()).unwrap_err();
    for text in texts.into_iter().chain([format!("{ended:?}{ended}")]) {
        assert!(!text.contains("secret1") && !text.contains("opensesame"), "{text}");
    }
    assert!(matches!(ended, Error::Refused { .. }), "{ended:?}");
}

#[test]
fn a_worker_on_a_broker_starts_no_thread() {
    let test = "a_worker_on_a_broker_starts_no_thread";
    common::runner::in_child(test, || {
        let Some(redis) = Redis::start(test) else { return };
        let threads = || std::fs::read_dir("/proc/self/task").map(Iterator::count).ok();
        let (queue, before) = (redis.queue(), threads());
        let theirs = queue.clone();
        let summary = Worker::new(&queue).run(|_| async { Ok(()) }, async move {
            for n in 0..100 {
                theirs.producer().add(n.to_string()).await.unwrap();
            }
            while theirs.status().await.unwrap().unfinished() > 0 {
                oneloop::time::sleep(ms(5)).await;
            }
            assert_eq!(threads(), before, "the number of threads has changed");
        });
        assert_eq!(summary.unwrap().done, 100);
    });
}

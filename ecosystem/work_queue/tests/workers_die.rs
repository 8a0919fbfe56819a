//! Workers that die, hang, or end without giving a job back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use common::examples::{Program, command};
use oneloop_work_queue::{NewJob, Queue};

use crate::support::{Redis, Running, Seen, ms, run, status, until, until_empty};

/// Takes a job like a worker that then dies. The consumer of the group does nothing more.
fn take_and_die(redis: &Redis, name: &str) {
    let words = ["XREADGROUP", "GROUP", "workers", name, "COUNT", "1", "STREAMS", "oneloop:{test}:jobs", ">"];
    let taken: redis::Value = redis.command(&words);
    assert_ne!(taken, redis::Value::Nil, "the queue had a job");
}

fn make_group(redis: &Redis) {
    let _: String = redis.command(&["XGROUP", "CREATE", "oneloop:{test}:jobs", "workers", "0", "MKSTREAM"]);
}

fn add(queue: &Queue, id: &str) {
    run(queue.producer().add(NewJob::new(id).id(id))).unwrap();
}

#[test]
fn the_job_of_a_dead_worker_is_claimed() {
    let Some(redis) = Redis::start("the_job_of_a_dead_worker_is_claimed") else { return };
    let queue = redis.queue();
    add(&queue, "a");
    make_group(&redis);
    take_and_die(&redis, "dead");
    let seen = Seen::default();
    let worker = Running::start(redis.maker(), |worker| worker.heartbeat(ms(50), ms(200)), seen.handler());
    until_empty(&queue);
    let summary = worker.stop();
    assert_eq!((summary.done, summary.claimed), (1, 1));
    assert_eq!((seen.all()[0].attempt, seen.all()[0].delivery), (1, 2));
}

#[test]
fn a_job_that_kills_its_workers_becomes_a_dead_letter() {
    let Some(redis) = Redis::start("a_job_that_kills_its_workers_becomes_a_dead_letter") else { return };
    let queue = redis.queue();
    add(&queue, "poison");
    make_group(&redis);
    take_and_die(&redis, "dead-1");
    // The second worker claims the job, and dies.
    let entry: Vec<(String, String, u64, u64)> =
        redis.command(&["XPENDING", "oneloop:{test}:jobs", "workers", "-", "+", "1"]);
    let _: redis::Value =
        redis.command(&["XCLAIM", "oneloop:{test}:jobs", "workers", "dead-2", "0", &entry[0].0]);
    let worker = Running::start(
        redis.maker(),
        |worker| worker.heartbeat(ms(50), ms(200)).deliveries(2),
        |job| async move { panic!("the handler got {}", job.id()) },
    );
    until_empty(&queue);
    assert_eq!(worker.stop().dead, 1);
    let letters = run(queue.dead_letters(10)).unwrap();
    assert_eq!((letters.len(), letters[0].id.as_str()), (1, "poison"));
    assert_eq!(letters[0].reason, "2 workers have died, hung or lost the broker while they had the job");
    assert_eq!(letters[0].payload, b"poison");
}

#[test]
fn a_worker_that_hangs_loses_its_job_and_its_late_acknowledgement_is_harmless() {
    let test = "a_worker_that_hangs_loses_its_job_and_its_late_acknowledgement_is_harmless";
    let Some(redis) = Redis::start(test) else { return };
    let queue = redis.queue();
    add(&queue, "a");
    let (seen, go_on) = (Seen::default(), Arc::new(AtomicBool::new(false)));
    let (noted, theirs) = (seen.clone(), go_on.clone());
    let hung = Running::start(
        redis.maker(),
        |worker| worker.heartbeat(ms(50), ms(200)),
        move |job| {
            noted.see(&job);
            // The handler blocks its thread, and thus the worker's heartbeat.
            while !theirs.load(Ordering::SeqCst) {
                thread::sleep(ms(1));
            }
            async { Ok(()) }
        },
    );
    seen.wait_for(1);
    let other = Running::start(redis.maker(), |worker| worker.heartbeat(ms(50), ms(200)), seen.handler());
    seen.wait_for(2);
    until_empty(&queue);
    go_on.store(true, Ordering::SeqCst);
    let (hung, other) = (hung.stop(), other.stop());
    assert_eq!((hung.done, hung.lost), (0, 1));
    assert_eq!((other.done, other.claimed, other.lost), (1, 1, 0));
    assert_eq!(seen.all().iter().map(|job| job.delivery).collect::<Vec<_>>(), [1, 2]);
    assert_eq!((status(&queue).unfinished(), status(&queue).dead), (0, 0));
}

#[test]
fn a_claimed_job_is_dropped_by_its_first_worker_at_the_next_heartbeat() {
    let test = "a_claimed_job_is_dropped_by_its_first_worker_at_the_next_heartbeat";
    let Some(redis) = Redis::start(test) else { return };
    let queue = redis.queue();
    add(&queue, "a");
    let seen = Seen::default();
    let noted = seen.clone();
    let alive = Arc::new(());
    let theirs = alive.clone();
    let worker = Running::start(
        redis.maker(),
        |worker| worker.heartbeat(ms(20), ms(60_000)),
        move |job| {
            noted.see(&job);
            let kept = theirs.clone();
            async move {
                std::future::pending::<()>().await;
                drop(kept);
                Ok(())
            }
        },
    );
    seen.wait_for(1);
    let entry: Vec<(String, String, u64, u64)> =
        redis.command(&["XPENDING", "oneloop:{test}:jobs", "workers", "-", "+", "1"]);
    let _: redis::Value =
        redis.command(&["XCLAIM", "oneloop:{test}:jobs", "workers", "other", "0", &entry[0].0]);
    // When the future of the handler is dropped, only the handler itself and this test hold `alive`.
    until("the handler is dropped", || (Arc::strong_count(&alive) == 2).then_some(()));
    assert_eq!(worker.stop().lost, 1);
    assert_eq!(status(&queue).in_flight, 1, "the other worker still has it");
}

#[test]
fn heartbeats_reset_the_idle_time_of_a_slow_job_and_count_no_delivery() {
    let test = "heartbeats_reset_the_idle_time_of_a_slow_job_and_count_no_delivery";
    let Some(redis) = Redis::start(test) else { return };
    let queue = redis.queue();
    add(&queue, "slow");
    let (finish, finished) = (Arc::new(AtomicBool::new(false)), Seen::default());
    let (theirs, noted) = (finish.clone(), finished.clone());
    let slow = Running::start(
        redis.maker(),
        |worker| worker.heartbeat(ms(20), ms(60_000)),
        move |job| {
            let finish = theirs.clone();
            noted.see(&job);
            async move {
                while !finish.load(Ordering::SeqCst) {
                    oneloop::time::sleep(ms(1)).await;
                }
                Ok(())
            }
        },
    );
    finished.wait_for(1);
    let pending = || {
        let words = ["XPENDING", "oneloop:{test}:jobs", "workers", "-", "+", "1"];
        let entries: Vec<(String, String, u64, u64)> = redis.command(&words);
        assert_eq!(entries[0].3, 1, "a heartbeat is no delivery");
        entries[0].2
    };
    for _ in 0..3 {
        let mut before = pending();
        until("the idle time begins again", || {
            let now = pending();
            (now < std::mem::replace(&mut before, now)).then_some(())
        });
    }
    finish.store(true, Ordering::SeqCst);
    until_empty(&queue);
    assert_eq!(slow.stop().done, 1);
}

#[test]
fn an_orderly_end_by_sigterm_gives_jobs_back_at_once() {
    let Some(redis) = Redis::start("an_orderly_end_by_sigterm_gives_jobs_back_at_once") else { return };
    let queue = redis.queue();
    let (url, record) = (redis.url(), redis.file("record"));
    for n in 1..=4 {
        run(queue.producer().add(NewJob::new(n.to_string()).id(format!("job-{n}")))).unwrap();
    }
    let start = |work: &str| {
        let mut command = command("work_queue");
        command.args([
            "work", "--redis", &url, "--queue", "test", "--fail", "0", "--grace", "50", "--work", work,
        ]);
        // With this heartbeat no other worker may claim the jobs, so this worker must give them back.
        // No attempt ends before the signal, however late the signal is.
        command.args(["--heartbeat", "100000", "--job-timeout", "200000"]).arg("--record").arg(&record);
        Program::start(&mut command).unwrap()
    };
    let mut first = start("100000");
    until("four jobs are in flight", || (status(&queue).in_flight == 4).then_some(()));
    first.signal(15);
    assert_eq!(first.wait().code(), Some(0));
    assert!(first.stdout.so_far().contains("4 given back"), "{}", first.stdout.so_far());
    assert_eq!((status(&queue).backlog, status(&queue).in_flight), (4, 0));
    let mut second = start("0");
    until_empty(&queue);
    second.signal(2);
    assert_eq!(second.wait().code(), Some(0));
    assert_eq!(std::fs::read_to_string(&record).unwrap().lines().count(), 4);
}

//! A broker that dies, loses its data, or loads its data.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use oneloop_work_queue::NewJob;

use crate::support::{Redis, Running, Seen, ms, run, status, until, until_done, until_empty, within};

/// Kills the broker `kills` times while a producer adds and two workers work. Returns the number of jobs
/// that the broker has acknowledged, the ids of these jobs that no handler has received, and the number
/// of repeated calls of handlers.
fn kill_and_restart(mut redis: Redis, kills: usize, jobs_between: usize) -> (usize, Vec<String>, usize) {
    let queue = redis.queue();
    let seen = Seen::default();
    let workers: Vec<Running> = (0..2)
        .map(|_| {
            let noted = seen.clone();
            Running::start(
                redis.maker(),
                |worker| worker.heartbeat(ms(200), ms(2000)).deliveries(100),
                move |job| {
                    noted.see(&job);
                    async {
                        oneloop::time::sleep(ms(1)).await;
                        Ok(())
                    }
                },
            )
        })
        .collect();
    let (acknowledged, stop) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
    let producing = {
        let (acknowledged, stop, make) = (acknowledged.clone(), stop.clone(), redis.maker());
        thread::spawn(move || {
            // Only each step has a limit: a slow disk makes many of them, one after another, slow.
            oneloop::block_on(async {
                let producer = make().producer();
                for n in 0.. {
                    if stop.load(Ordering::SeqCst) {
                        break;
                    }
                    let id = format!("{n:06}");
                    let added = within(producer.add(NewJob::new("x").id(&*id))).await;
                    added.expect("the broker answers again in time");
                    acknowledged.lock().unwrap().push(id);
                }
            });
        })
    };
    for kill in 1..=kills {
        let count = || acknowledged.lock().unwrap().len();
        until_done("jobs are added", count, |count| count >= kill * jobs_between);
        redis.kill();
        redis.restart();
    }
    let before = acknowledged.lock().unwrap().len();
    until("jobs are added again", || (acknowledged.lock().unwrap().len() > before + 10).then_some(()));
    stop.store(true, Ordering::SeqCst);
    producing.join().unwrap();
    until_empty(&queue);
    for worker in workers {
        worker.stop();
    }
    let acknowledged = acknowledged.lock().unwrap().clone();
    let ids = seen.ids();
    let lost = acknowledged.iter().filter(|id| ids.binary_search(id).is_err()).cloned().collect();
    (acknowledged.len(), lost, seen.count() - ids.len())
}

#[test]
fn a_broker_that_syncs_always_loses_no_acknowledged_job_to_kill_9() {
    let test = "a_broker_that_syncs_always_loses_no_acknowledged_job_to_kill_9";
    let Some(redis) = Redis::start_with(test, &["--appendonly", "yes", "--appendfsync", "always"]) else {
        return;
    };
    let (acknowledged, lost, again) = kill_and_restart(redis, 3, 150);
    println!("{acknowledged} adds acknowledged, {} lost, {again} handled again", lost.len());
    assert!(acknowledged > 450);
    assert_eq!(lost, Vec::<String>::new());
}

#[test]
#[ignore = "a measurement: .ci/long runs it"]
fn the_loss_of_a_broker_that_syncs_every_second_is_measured() {
    let test = "the_loss_of_a_broker_that_syncs_every_second_is_measured";
    let Some(redis) = Redis::start_with(test, &["--appendonly", "yes", "--appendfsync", "everysec"]) else {
        return;
    };
    let (acknowledged, lost, again) = kill_and_restart(redis, 20, 500);
    println!(
        "appendfsync everysec, 20 times kill -9: {acknowledged} adds acknowledged, {} lost, {again} handled again",
        lost.len()
    );
    assert!(acknowledged > 10_000);
}

#[test]
fn a_broker_that_was_flushed_gets_its_group_again() {
    let Some(redis) = Redis::start("a_broker_that_was_flushed_gets_its_group_again") else { return };
    let queue = redis.queue();
    let seen = Seen::default();
    let worker = Running::start(redis.maker(), |worker| worker.heartbeat(ms(50), ms(200)), seen.handler());
    for round in 1..=3 {
        run(queue.producer().add("x")).unwrap();
        seen.wait_for(round);
        until_empty(&queue);
        let _: String = redis.command(&["FLUSHALL"]);
        let _: String = redis.command(&["SCRIPT", "FLUSH"]);
    }
    run(queue.producer().add("x")).unwrap();
    seen.wait_for(4);
    until_empty(&queue);
    let summary = worker.stop();
    assert_eq!(summary.done + summary.lost, 4);
}

#[test]
fn a_worker_outlasts_a_broker_that_is_down_and_reports_it() {
    let test = "a_worker_outlasts_a_broker_that_is_down_and_reports_it";
    let Some(mut redis) = Redis::start_with(test, &["--appendonly", "yes", "--appendfsync", "always"]) else {
        return;
    };
    let seen = Seen::default();
    let reports = Arc::new(Mutex::new(Vec::new()));
    let told = reports.clone();
    let worker = Running::start(
        redis.maker(),
        |worker| worker.on_report(move |report| told.lock().unwrap().push(format!("{report:?}"))),
        seen.handler(),
    );
    run(redis.queue().producer().add("first")).unwrap();
    seen.wait_for(1);
    redis.kill();
    let said = |text: &str| reports.lock().unwrap().iter().any(|report| report.starts_with(text));
    until("the worker reports the loss", || said("Disconnected").then_some(()));
    redis.restart();
    run(redis.queue().producer().add("second")).unwrap();
    seen.wait_for(2);
    assert!(said("Connected"));
    until_empty(&redis.queue());
    assert_eq!(worker.stop().unrecorded, 0);
    assert_eq!(status(&redis.queue()).dead, 0);
}

#[test]
fn a_worker_that_ends_without_its_broker_counts_the_unrecorded_jobs() {
    let test = "a_worker_that_ends_without_its_broker_counts_the_unrecorded_jobs";
    let Some(mut redis) = Redis::start(test) else { return };
    run(redis.queue().producer().add("x")).unwrap();
    let seen = Seen::default();
    let noted = seen.clone();
    let worker = Running::start(
        redis.maker(),
        |worker| worker.grace(ms(10)),
        move |job| {
            noted.see(&job);
            std::future::pending()
        },
    );
    seen.wait_for(1);
    redis.kill();
    assert_eq!(worker.stop().unrecorded, 1);
}

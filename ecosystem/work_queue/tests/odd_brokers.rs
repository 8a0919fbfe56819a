//! A broker without memory or connections, a broker that was down for long, and entries of other
//! programs.

use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;

use oneloop_work_queue::{Failure, NewJob, Queue};
use tokio::sync::Semaphore;

use crate::support::{Redis, Running, Seen, ms, run, status, until, until_empty};

const JOBS: &str = "oneloop:{test}:jobs";

/// Entry, worker, ms since the last heartbeat, deliveries.
type Pending = Vec<(String, String, u64, u64)>;

fn pending(redis: &Redis) -> Pending {
    redis.command(&["XPENDING", JOBS, "workers", "-", "+", "10"])
}

/// Starts a worker. Its handlers record their jobs, and each finishes when it gets a permit.
fn start_with_permits(
    redis: &Redis,
    seen: &Seen,
    permits: &Arc<Semaphore>,
    beat_ms: u64,
    dead_after_ms: u64,
) -> Running {
    let (seen, permits) = (seen.clone(), permits.clone());
    Running::start(
        redis.maker(),
        move |worker| worker.at_once(2).heartbeat(ms(beat_ms), ms(dead_after_ms)),
        move |job| {
            seen.see(&job);
            let permits = permits.clone();
            async move {
                permits.acquire().await?.forget();
                Ok(())
            }
        },
    )
}

#[test]
fn heartbeats_keep_jobs_while_the_broker_has_no_memory() {
    let Some(redis) = Redis::start("heartbeats_keep_jobs_while_the_broker_has_no_memory") else { return };
    let (queue, seen, permits) = (redis.queue(), Seen::default(), Arc::new(Semaphore::new(0)));
    run(queue.producer().add("x")).unwrap();
    let worker = start_with_permits(&redis, &seen, &permits, 50, 60_000);
    seen.wait_for(1);
    let _: String = redis.command(&["CONFIG", "SET", "maxmemory", "1"]);
    for _ in 0..3 {
        let mut before = pending(&redis)[0].2;
        until("the idle time begins again", || {
            let now = pending(&redis)[0].2;
            (now < std::mem::replace(&mut before, now)).then_some(())
        });
    }
    let _: String = redis.command(&["CONFIG", "SET", "maxmemory", "0"]);
    permits.add_permits(1);
    until_empty(&queue);
    assert_eq!(worker.stop().done, 1);
}

#[test]
fn live_workers_keep_their_jobs_when_the_broker_was_down_for_long() {
    const DEAD_AFTER_MS: u64 = 4000;
    let test = "live_workers_keep_their_jobs_when_the_broker_was_down_for_long";
    let Some(mut redis) = Redis::start_with(test, &["--appendonly", "yes", "--appendfsync", "always"]) else {
        return;
    };
    let (queue, seen, permits) = (redis.queue(), Seen::default(), Arc::new(Semaphore::new(0)));
    // Each of these workers has room for one more job.
    let mut workers: Vec<Running> = (1..=2)
        .map(|count| {
            run(queue.producer().add("x")).unwrap();
            let worker = start_with_permits(&redis, &seen, &permits, DEAD_AFTER_MS / 2, DEAD_AFTER_MS);
            seen.wait_for(count);
            worker
        })
        .collect();
    redis.kill();
    // These workers have room, and claim jobs as soon as the broker answers and they may claim.
    workers.extend(
        (0..3).map(|_| start_with_permits(&redis, &seen, &permits, DEAD_AFTER_MS / 2, DEAD_AFTER_MS)),
    );
    thread::sleep(ms(DEAD_AFTER_MS + 500)); // This is the fault. The broker is down for this time.
    redis.restart();
    until("both jobs have had a heartbeat", || {
        pending(&redis).iter().all(|(_, _, idle_ms, _)| *idle_ms < DEAD_AFTER_MS).then_some(())
    });
    permits.add_permits(10);
    until_empty(&queue);
    let claimed: u64 = workers.into_iter().map(|worker| worker.stop().claimed).sum();
    assert_eq!((claimed, seen.count()), (0, 2));
}

#[test]
fn a_worker_with_a_password_outlasts_a_broker_with_too_many_connections() {
    let test = "a_worker_with_a_password_outlasts_a_broker_with_too_many_connections";
    // Only this test uses the address, so a port of it that was closed stays free.
    let address = "127.19.84.2";
    let probe = TcpListener::bind((address, 0)).expect("a port");
    let port = probe.local_addr().unwrap().port().to_string();
    drop(probe);
    let options = ["--port", &port, "--bind", address, "--requirepass", "opensesame"];
    let Some(_redis) = Redis::start_with(test, &options) else { return };
    let url = format!("redis://:opensesame@{address}:{port}");
    let mut connection = redis::Client::open(url.as_str()).unwrap().get_connection().unwrap();
    let mut command = |words: &[&str]| -> redis::Value {
        redis::cmd(words[0]).arg(&words[1..]).query(&mut connection).expect("the server runs the command")
    };
    let (seen, reports) = (Seen::default(), Arc::new(Mutex::new(Vec::new())));
    let (told, theirs) = (reports.clone(), url.clone());
    let worker = Running::start(
        move || Queue::builder("test").redis(&theirs).unwrap(),
        |worker| worker.on_report(move |report| told.lock().unwrap().push(format!("{report:?}"))),
        seen.handler(),
    );
    let queue = Queue::builder("test").redis(&url).unwrap();
    run(queue.producer().add("x")).unwrap();
    seen.wait_for(1);
    until_empty(&queue);
    command(&["CONFIG", "SET", "maxclients", "1"]);
    command(&["CLIENT", "KILL", "TYPE", "normal"]);
    until("connections are refused", || {
        let info: String = redis::from_redis_value(command(&["INFO", "stats"])).unwrap();
        let refused = info.lines().find_map(|line| line.strip_prefix("rejected_connections:"));
        (refused?.trim().parse::<u64>().ok()? >= 6).then_some(())
    });
    command(&["CONFIG", "SET", "maxclients", "100"]);
    run(queue.producer().add("y")).unwrap();
    seen.wait_for(2);
    until_empty(&queue);
    assert_eq!(worker.stop().done, 2);
    assert!(!reports.lock().unwrap().iter().any(|report| report.contains("opensesame")));
}

#[test]
fn an_entry_of_another_program_becomes_a_dead_letter() {
    let Some(redis) = Redis::start("an_entry_of_another_program_becomes_a_dead_letter") else { return };
    let _: String = redis.command(&["XADD", JOBS, "*", "colour", "red"]);
    let queue = redis.queue();
    assert_eq!(status(&queue).backlog, 1);
    let worker = Running::start(
        redis.maker(),
        |worker| worker.attempts(2),
        |_| async { Err(Failure::new("no payload")) },
    );
    until_empty(&queue);
    assert_eq!(worker.stop().dead, 1);
    let letters = run(queue.dead_letters(2)).unwrap();
    assert_eq!((letters.len(), letters[0].id.as_str(), letters[0].attempts), (1, "", 2));
}

#[test]
fn the_longest_times_are_taken() {
    let Some(redis) = Redis::start("the_longest_times_are_taken") else { return };
    let queue = redis.queue();
    let longest = std::time::Duration::MAX;
    let worker = Running::start(
        redis.maker(),
        move |worker| worker.heartbeat(longest / 2, longest).grace(longest).job_timeout(longest),
        |_| async { Ok(()) },
    );
    run(queue.producer().add(NewJob::new("x"))).unwrap();
    until_empty(&queue);
    assert_eq!(worker.stop().done, 1);
}

#[test]
fn a_name_with_more_entries_than_one_step_gives_back_stays() {
    let Some(redis) = Redis::start("a_name_with_more_entries_than_one_step_gives_back_stays") else { return };
    let _: String = redis.command(&["XGROUP", "CREATE", JOBS, "workers", "0", "MKSTREAM"]);
    let add = "for n = 1, 20001 do redis.call('XADD', KEYS[1], '*', 'id', n, 'attempt', 1, 'added', 1, 'payload', n) end";
    let _: redis::Value = redis.command(&["EVAL", add, "1", JOBS]);
    let take = ["XREADGROUP", "GROUP", "workers", "many", "COUNT", "20001", "STREAMS", JOBS, ">"];
    let _: redis::Value = redis.command(&take);
    let worker = Running::start(redis.maker(), |worker| worker.name("many"), |_| std::future::pending());
    assert_eq!(worker.stop().given_back, 20_000);
    let now = status(&redis.queue());
    assert_eq!((now.backlog, now.in_flight), (20_000, 1), "another worker can claim the last one");
}

//! Many jobs and several worker processes, two of which kill -9 ends. The counts must agree.

use std::collections::HashMap;
use std::path::Path;

use common::examples::{Program, command};

use crate::support::{Redis, run, until_done, until_empty};

/// Each job with a number that is a multiple of this fails at each attempt.
const FAIL_EVERY: usize = 97;

fn worker(redis: &Redis, record: &Path) -> Program {
    let mut command = command("work_queue");
    command.args(["work", "--redis", &redis.url(), "--queue", "test", "--work", "1", "--at-once", "32"]);
    command.args([
        "--fail",
        &FAIL_EVERY.to_string(),
        "--attempts",
        "2",
        "--pause",
        "10",
        "--heartbeat",
        "500",
    ]);
    Program::start(command.arg("--record").arg(record)).expect("the program starts")
}

/// Counts for each id the lines that begin with `mark` and the id.
fn counts<'a>(lines: impl Iterator<Item = &'a str>, mark: &str) -> HashMap<String, usize> {
    let mut counts = HashMap::new();
    for line in lines.filter_map(|line| line.strip_prefix(mark)) {
        let id = line.trim_start().split([' ', ',', ':']).next().unwrap_or_default();
        *counts.entry(id.to_owned()).or_default() += 1;
    }
    counts
}

#[test]
fn each_job_is_handled_at_least_once_and_duplicates_are_explained() {
    let test = "each_job_is_handled_at_least_once_and_duplicates_are_explained";
    let Some(redis) = Redis::start(test) else { return };
    let jobs: usize = std::env::var("WORK_QUEUE_JOBS").map_or(10_000, |jobs| jobs.parse().expect("a number"));
    let record = redis.file("record");
    let mut workers: Vec<Program> = (0..3).map(|_| worker(&redis, &record)).collect();
    let mut adding = command("work_queue");
    adding.args(["add", "--redis", &redis.url(), "--queue", "test", "--later", "100", "--run", "job"]);
    let mut adding = Program::start(adding.args(["--jobs", &jobs.to_string(), "--backlog", "2000"])).unwrap();
    let lines = || std::fs::read_to_string(&record).unwrap_or_default().lines().count();
    for part in 1..=2 {
        until_done("jobs are handled", lines, |lines| lines >= part * jobs / 4);
        workers[part - 1].signal(9);
        workers[part - 1].wait();
        workers.push(worker(&redis, &record));
    }
    until_done("all are handled", lines, |lines| lines >= jobs - jobs / FAIL_EVERY);
    assert_eq!(adding.wait().code(), Some(0));
    let queue = redis.queue();
    until_empty(&queue);
    for worker in &mut workers[2..] {
        worker.signal(15);
        assert_eq!(worker.wait().code(), Some(0));
    }

    // Each job that can succeed was handled.
    let text = std::fs::read_to_string(&record).unwrap();
    let handled = counts(text.lines(), "");
    let fails = |n: &usize| n.is_multiple_of(FAIL_EVERY);
    let missing: Vec<usize> =
        (1..=jobs).filter(|n| !fails(n) && !handled.contains_key(&format!("job-{n}"))).collect();
    assert_eq!(missing, Vec::<usize>::new());

    // The number of a job's lines is at most one more than the number of its claims.
    let output: String = workers.iter().map(|worker| worker.stdout.so_far()).collect();
    let claimed = counts(output.lines(), "claimed");
    for (id, count) in &handled {
        let claims = claimed.get(id).copied().unwrap_or(0);
        assert!(*count <= 1 + claims, "{id} was handled {count} times and claimed {claims} times");
    }
    let again = text.lines().count() - handled.len();
    println!("{jobs} jobs, {} claimed, {again} handled again", claimed.values().sum::<usize>());

    // The dead letters are exactly the jobs that fail.
    let mut dead: Vec<String> =
        run(queue.dead_letters(jobs)).unwrap().into_iter().map(|letter| letter.id).collect();
    let mut expected: Vec<String> = (1..=jobs).filter(fails).map(|n| format!("job-{n}")).collect();
    dead.sort();
    expected.sort();
    assert_eq!(dead, expected);
}

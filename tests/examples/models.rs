//! The demonstrations that compare threads, processes and loops: the built programs are run.
//!
//! Their times depend on the machine and on what else it does. What is tested is that every model runs, where its
//! workers run, and that the choice at the end follows from the times.

#![cfg(feature = "process")]

use std::collections::BTreeSet;
use std::thread::available_parallelism;

use common::examples::{self, Program};

/// Runs a demonstration, which is to end well; its process id and its text.
#[track_caller]
fn show_with_id(name: &str) -> (String, String) {
    let mut program = Program::start(&mut examples::command(name)).unwrap();
    let id = program.id().to_string();
    let code = program.wait().code();
    assert_eq!((code, program.stderr.so_far().as_str()), (Some(0), ""), "{}", program.stdout.so_far());
    (id, program.stdout.so_far())
}

#[test]
fn counting_is_compared_in_five_models() {
    let (_, text) = show_with_id("count_up_and_down");
    let lines: Vec<_> = text.lines().collect();
    assert!(lines[0].ends_with(&format!("; {} cores", available_parallelism().unwrap())), "{text}");
    let models = [
        ("one after the other", "25.86 s  1.00"),
        ("two threads", "24.50 s  1.06"),
        ("two processes", "8.38 s  3.09"),
        ("a loop, with unblock", ""),
        ("two loops, a thread each", ""),
    ];
    let mut alone = None;
    for ((model, article), line) in models.into_iter().zip(&lines[2..]) {
        let here = line.strip_prefix(model).and_then(|rest| rest.strip_suffix(article)).expect(&text);
        let (seconds, times_as_fast) = here.split_once(" s ").expect(&text);
        let [seconds, times_as_fast]: [f64; 2] =
            [seconds, times_as_fast].map(|it| it.trim().parse().unwrap());
        let expected = *alone.get_or_insert(seconds) / seconds;
        // Both are rounded.
        assert!((times_as_fast - expected).abs() < 0.1 * expected, "{text}");
    }
}

/// A line of the second demonstration: a model, its time, its processes and its threads.
struct Row<'a> {
    model: &'a str,
    seconds: f64,
    processes: BTreeSet<&'a str>,
    threads: BTreeSet<&'a str>,
}

fn row(line: &str) -> Option<Row<'_>> {
    let (model, rest) = line.trim_start().split_once("  ")?;
    let (seconds, rest) = rest.trim_start().split_once(" s   process ")?;
    let (processes, threads) = rest.split_once(", thread ")?;
    Some(Row {
        model,
        seconds: seconds.parse().ok()?,
        processes: processes.split(' ').collect(),
        threads: threads.split(' ').collect(),
    })
}

/// The rows under the line that begins with `kind`.
#[track_caller]
fn rows<'a>(text: &'a str, kind: &str) -> Vec<Row<'a>> {
    let rows: Vec<_> =
        text.lines().skip_while(|line| !line.starts_with(kind)).skip(1).map_while(row).collect();
    let models: Vec<_> = rows.iter().map(|row| row.model).collect();
    assert_eq!(models, ["serially", "tasks on one loop", "threads", "processes"], "{text}");
    rows
}

#[test]
fn each_kind_of_work_is_done_in_each_model() {
    let (id, text) = show_with_id("sleep_or_crunch");
    for kind in ["only_sleep", "crunch_numbers", "read_a_file"] {
        let rows = rows(&text, kind);
        let (ours, main) = (BTreeSet::from([&*id]), BTreeSet::from(["main"]));
        let named = BTreeSet::from(["worker-1", "worker-2", "worker-3", "worker-4"]);
        for (row, threads) in rows[..3].iter().zip([&main, &main, &named]) {
            assert_eq!((&row.processes, &row.threads), (&ours, threads), "{text}");
        }
        let children = &rows[3];
        assert_eq!((children.processes.len(), &children.threads), (4, &main), "{text}");
        assert!(!children.processes.contains(&*id), "{text}");
    }
    the_choice_follows_from_the_times(&text);
}

/// Four sleeps one after the other, against four, then a thousand, at once. Another program may interrupt a row, but hardly in
/// every run.
#[test]
fn sleeping_scales_with_tasks() {
    let scales = |text: &str| {
        let rows = rows(text, "only_sleep");
        let line = text.lines().find_map(|line| line.strip_prefix("  1000 tasks at once")).expect(text);
        let many: f64 = line.trim().strip_suffix(" s").expect(line).parse().expect(line);
        // A thousand one after the other would take 250 times as long as four.
        rows[1].seconds < rows[0].seconds && many < 125.0 * rows[0].seconds
    };
    assert!((0..5).any(|_| scales(&show_with_id("sleep_or_crunch").1)));
}

#[track_caller]
fn the_choice_follows_from_the_times(text: &str) {
    let kinds = ["only_sleep", "crunch_numbers", "read_a_file"];
    for (kind, purpose) in kinds.into_iter().zip(["slow waits", "computing", "quick operations"]) {
        let line = text.lines().rfind(|line| line.trim_start().starts_with(purpose)).expect(text);
        let (model, _) = line.trim_start().strip_prefix(purpose).unwrap().split_once(',').expect(line);
        let rows = rows(text, kind);
        let (alone, candidates) = (rows[0].seconds, &rows[1..]);
        let fastest = candidates.iter().map(|row| row.seconds).fold(f64::INFINITY, f64::min);
        if model.trim() == "none of them" {
            // The cheapest that is fast enough may be slower, where the fastest is not.
            assert!(alone <= 1.26 * fastest + 0.001, "{text}");
            continue;
        }
        let chosen = candidates.iter().position(|row| row.model == model.trim()).expect(line);
        assert!(candidates[chosen].seconds <= alone + 0.001, "{text}");
        // The printed times are rounded, hence a hundredth more or less.
        assert!(candidates[chosen].seconds <= 1.26 * fastest + 0.001, "{text}");
        assert!(candidates[..chosen].iter().all(|row| row.seconds >= 1.24 * fastest - 0.001), "{text}");
    }
}

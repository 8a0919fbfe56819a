//! The demonstrations that compare threads, processes and loops: the built programs are run.
//!
//! Their times depend on the machine and on what else it does. What is tested is that every model runs, where its
//! workers run, and that the choice at the end follows from the times.

#![cfg(feature = "process")]

#[path = "../../examples/sleep_or_crunch/choice.rs"]
mod choice;

use std::collections::BTreeSet;
use std::thread::available_parallelism;
use std::time::Duration;

use choice::{Expected, Figures};
use common::examples::{self, Program};

/// Runs a demonstration, which is to end well; its process id and its text.
#[track_caller]
fn show_with_id(name: &str) -> (String, String) {
    let mut program = Program::start(&mut examples::command(name)).unwrap();
    let id = program.id().to_string();
    let code = program.wait().code();
    assert_eq!((code, program.stderr.so_far().as_str()), (Some(0), ""), "{}", program.stdout.so_far());
    examples::assert_fits(&program.stdout.so_far());
    (id, program.stdout.so_far())
}

/// The lines of the article: what this program adds is indented.
fn of_the_article(text: &str) -> Vec<&str> {
    text.lines().filter(|line| !line.is_empty() && !line.starts_with("  ")).collect()
}

#[track_caller]
fn seconds(line: &str, before: &str, after: &str) -> f64 {
    let number = line.strip_prefix(before).and_then(|rest| rest.strip_suffix(after)).expect(line);
    number.parse().expect(line)
}

/// How far doesn't matter for the lines: the tests count less far than the article.
#[test]
fn counting_is_compared_in_five_models() {
    let (code, text, stderr) = examples::run("count_up_and_down", &["--to", "1000000"]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""), "{text}");
    let cores = match available_parallelism().unwrap().get() {
        1 => "1 core".to_owned(),
        cores => format!("{cores} cores"),
    };
    let first = format!("  count_up to 1000000 and count_down from there, on {cores}");
    assert_eq!(text.lines().next().unwrap(), first);
    let article = of_the_article(&text);
    assert_eq!(article.len(), 3, "{text}");
    let article = article.iter().map(|line| seconds(line, "Time taken: ", " seconds"));
    let ours = ["  a loop, with unblock: ", "  two loops, a thread each: "].map(|model| {
        let line = text.lines().find(|line| line.starts_with(model)).expect(model);
        seconds(line, model, " seconds")
    });
    let times: Vec<f64> = article.chain(ours).collect();

    let rows = text.lines().skip_while(|line| !line.starts_with("  times as fast as one")).skip(1);
    let models = [
        ("one after the other", Some("1.00")),
        ("two threads", Some("1.06")),
        ("two processes", Some("3.09")),
        ("a loop, with unblock", None),
        ("two loops, a thread each", None),
    ];
    for (((model, theirs), line), time) in models.into_iter().zip(rows).zip(&times) {
        let mut words = line.trim().strip_prefix(model).expect(line).split_whitespace();
        let here: f64 = words.next().expect(line).parse().expect(line);
        assert_eq!(words.next(), theirs, "{line}");
        // All of them are rounded to thousandths and hundredths.
        let (least, most) = ((times[0] - 0.0005) / (time + 0.0005), (times[0] + 0.0005) / (time - 0.0005));
        assert!(here >= least - 0.006 && (here <= most + 0.006 || *time < 0.001), "{text}");
    }
}

#[test]
fn without_an_option_the_count_is_the_articles() {
    let (_, help, _) = examples::run("count_up_and_down", &["--help"]);
    assert!(help.contains("default: 100000000, as in the article"), "{help}");
}

/// What the lines `PID: …, Process Name: …, Thread Name: …` say.
#[track_caller]
fn worker(line: &str) -> [&str; 3] {
    let rest = line.trim_start().strip_prefix("PID: ").expect(line);
    let (pid, rest) = rest.split_once(", Process Name: ").expect(line);
    let (process, thread) = rest.split_once(", Thread Name: ").expect(line);
    [pid, process, thread]
}

#[test]
fn the_articles_work_is_done_in_each_model_by_the_workers_that_are_named() {
    let (id, text) = show_with_id("sleep_or_crunch");
    let article = of_the_article(&text);
    let mut lines = article.iter();
    for kind in ["only_sleep", "crunch_numbers"] {
        assert!(text.contains(&format!("\n  {kind}: each ")), "{text}");
        for (label, process, thread) in [
            ("Serial time= ", "MainProcess", "main"),
            ("Threads time= ", "MainProcess", "Thread-"),
            ("Parallel time= ", "Process-", "main"),
        ] {
            let workers: Vec<_> = lines.by_ref().take(4).map(|line| worker(line)).collect();
            let numbered = |name: &str, prefix: &str| {
                name == prefix || name.strip_prefix(prefix).is_some_and(|n| "1234".contains(n))
            };
            for [_, its_process, its_thread] in &workers {
                assert!(numbered(its_process, process) && numbered(its_thread, thread), "{text}");
            }
            let distinct = |place: usize| workers.iter().map(|it| it[place]).collect::<BTreeSet<_>>().len();
            let of_their_own = process == "Process-";
            assert_eq!(distinct(0), if of_their_own { 4 } else { 1 }, "{text}");
            assert_eq!(workers.iter().all(|it| it[0] == id), !of_their_own, "{text}");
            assert_eq!(distinct(2), if thread == "Thread-" { 4 } else { 1 }, "{text}");
            assert!(seconds(lines.next().expect(&text), label, "") >= 0.0);
        }
    }
    assert_eq!(lines.next(), None, "{text}");

    // Ours stand apart: four tasks on this process's first thread, for each kind.
    let tasks: Vec<_> = text.lines().filter(|line| line.starts_with("  PID: ")).map(worker).collect();
    assert_eq!(tasks, vec![[&*id, "MainProcess", "main"]; 8], "{text}");
    assert_eq!(text.matches("\n  Tasks time= ").count(), 2, "{text}");
}

/// The best times of a model, for the three kinds of work.
#[track_caller]
fn row(text: &str, model: &str) -> [f64; 3] {
    let mut rows = text.lines().skip_while(|line| !line.starts_with("  seconds, best round"));
    let row = rows.find_map(|line| line.trim_start().strip_prefix(model)).expect(text);
    let times: Vec<f64> = row.split_whitespace().map(|time| time.parse().expect(row)).collect();
    times.try_into().expect(row)
}

/// Four sleeps one after the other, against four, then a thousand, at once. Another program may interrupt a row, but hardly in
/// every run.
#[test]
fn sleeping_scales_with_tasks() {
    let scales = |text: &str| {
        let line = text.lines().find(|line| line.starts_with("  1000 tasks at once: ")).expect(text);
        let many = seconds(line, "  1000 tasks at once: ", "");
        let [alone, tasks] = ["serially", "tasks on one loop"].map(|model| row(text, model)[0]);
        // A thousand one after the other would take 250 times as long as four.
        tasks < alone && many < 125.0 * alone
    };
    assert!((0..5).any(|_| scales(&show_with_id("sleep_or_crunch").1)));
}

#[test]
fn the_last_lines_choose_or_say_why_not() {
    let (_, text) = show_with_id("sleep_or_crunch");
    let mut doubts = 0;
    for purpose in ["    slow waits  ", "    computing  ", "    quick operations  "] {
        let line = text.lines().find_map(|line| line.strip_prefix(purpose)).expect(&text).trim();
        doubts += usize::from(line.starts_with("no choice: "));
        let choice =
            line.ends_with(" times as fast as serially") || line == "none of them, serially is faster";
        assert!(choice || line.starts_with("no choice: "), "{line}");
    }
    assert!(text.contains("\n  more network traffic than one core serves: a loop on each core\n"), "{text}");
    assert_eq!(doubts > 0, text.ends_with("run it again when it is idle)\n"), "{text}");
}

const NAMES: [&str; 4] = ["serially", "threads", "processes", "tasks"];

/// The choice by the times of all rounds, in milliseconds and in the order of the names.
fn choice(expected: Expected, rounds: [&[u64]; 4]) -> String {
    let mut figures = Figures::new(expected);
    for (place, times) in rounds.iter().enumerate() {
        times.iter().for_each(|&ms| figures.add(place, Duration::from_millis(ms)));
    }
    let text = figures.choice(|place| NAMES[place]);
    assert_eq!(figures.are_doubtful(), text.starts_with("no choice"), "{text}");
    text
}

#[test]
fn the_cheapest_model_that_is_fast_enough_is_chosen() {
    let nap = Expected::AtOnce(Duration::from_millis(50));
    assert_eq!(choice(nap, [&[200], &[51], &[50], &[55]]), "tasks, 3.6 times as fast as serially");
    let two = Expected::TimesAsFast(2);
    assert_eq!(choice(two, [&[100], &[51], &[50], &[100]]), "threads, 2.0 times as fast as serially");
    assert_eq!(choice(two, [&[100], &[70], &[50], &[100]]), "processes, 2.0 times as fast as serially");
    assert_eq!(
        choice(Expected::TimesAsFast(1), [&[100], &[102], &[110], &[101]]),
        "none of them, serially is faster"
    );
    // The best round counts, and rounds that another program has interrupted don't.
    let interrupted: [&[u64]; 4] = [&[100, 104, 900], &[300, 51, 50], &[60, 61, 61], &[100, 100, 300]];
    assert_eq!(choice(two, interrupted), "threads, 2.0 times as fast as serially");
}

#[test]
fn a_busy_machine_supports_no_choice() {
    let nap = Expected::AtOnce(Duration::from_millis(50));
    assert_eq!(choice(nap, [&[290], &[75], &[90], &[70]]), "no choice: 50ms took 75ms");
    let two = Expected::TimesAsFast(2);
    assert_eq!(
        choice(two, [&[100], &[110], &[105], &[100]]),
        "no choice: at once was 1.0 times as fast, not 2 times"
    );
    let uneven: [&[u64]; 4] = [&[100, 180, 300], &[50, 50, 51], &[60, 61, 61], &[100, 100, 101]];
    assert_eq!(choice(Expected::Unknown, uneven), "no choice: the rounds differ too much");
}

//! The small demonstrations of tasks: the built programs are run, and what they print is what they are to show.

use std::sync::LazyLock;

use common::examples::show;

/// The number before `unit` in the line that has `what` in it.
#[track_caller]
fn figure(text: &str, what: &str, unit: &str) -> f64 {
    let line = text.lines().find(|line| line.contains(what)).unwrap_or_else(|| panic!("{what}: {text}"));
    let before = line.split(unit).next().unwrap().trim_end();
    before.rsplit(' ').next().unwrap().parse().unwrap_or_else(|_| panic!("{unit}: {line}"))
}

/// The lines of a text, from the one that begins with `first` up to the next empty one.
#[track_caller]
fn part<'a>(text: &'a str, first: &str) -> Vec<&'a str> {
    let lines: Vec<_> = text.lines().skip_while(|line| !line.starts_with(first)).collect();
    assert!(!lines.is_empty(), "{first}: {text}");
    lines.into_iter().take_while(|line| !line.is_empty()).collect()
}

/// It computes for a while, so that most tests share one run.
static COOPERATIVE_YIELD: LazyLock<String> = LazyLock::new(|| show("cooperative_yield"));

#[test]
fn tasks_that_do_not_yield_run_one_after_the_other() {
    let lines = part(&COOPERATIVE_YIELD, "without yield_now");
    assert_eq!(lines[1], "  order  A1 A2 A3 A4 B1 B2 B3 B4 C1 C2 C3 C4");
    assert_eq!(lines[2], "      A  ■■ ■■ ■■ ■■ ·  ·  ·  ·  ·  ·  ·  ·");
    assert_eq!(lines[3], "      B  ·  ·  ·  ·  ■■ ■■ ■■ ■■ ·  ·  ·  ·");
    assert_eq!(lines[4], "      C  ·  ·  ·  ·  ·  ·  ·  ·  ■■ ■■ ■■ ■■");
    assert!(lines[5].contains(" 8 steps of others"), "{}", lines[5]);
}

#[test]
fn tasks_that_yield_take_turns() {
    let lines = part(&COOPERATIVE_YIELD, "with yield_now");
    assert_eq!(lines[1], "  order  A1 B1 C1 A2 B2 C2 A3 B3 C3 A4 B4 C4");
    assert_eq!(lines[2], "      A  ■■ ·  ·  ■■ ·  ·  ■■ ·  ·  ■■ ·  ·");
    assert_eq!(lines[3], "      B  ·  ■■ ·  ·  ■■ ·  ·  ■■ ·  ·  ■■ ·");
    assert_eq!(lines[4], "      C  ·  ·  ■■ ·  ·  ■■ ·  ·  ■■ ·  ·  ■■");
    assert!(lines[5].contains(" 2 steps of others"), "{}", lines[5]);
}

/// Four times, on a machine that has nothing else to do. Another may interrupt a step, but hardly in every run.
#[test]
fn yielding_makes_the_longest_wait_shorter() {
    let ratio = |text: &str| figure(text, "the longest wait without", " times as long");
    let again = std::iter::repeat_with(|| ratio(&show("cooperative_yield"))).take(4);
    let ratios = std::iter::once(ratio(&COOPERATIVE_YIELD)).chain(again);
    assert!(ratios.inspect(|ratio| println!("{ratio}")).any(|ratio| ratio > 1.5));
}

#[test]
fn io_gives_way_by_itself_and_computing_does_not() {
    let text = &*COOPERATIVE_YIELD;
    assert_eq!(figure(text, "computes, and never gives way", " turns"), 0.0);
    assert_eq!(figure(text, "computes, and yields", " turns"), 4.0);
    // 2,000 operations, 128 in one turn. More, should a socket have to wait.
    assert!(figure(text, "sends and receives, and never yields", " turns") >= 15.0, "{text}");
}

#[test]
fn overlapping_requests_take_as_long_as_one() {
    let text = show("overlapping_requests");
    let in_turn = [
        "one after the other:",
        "  get_employees: connects to the database",
        "  get_employees: Ada, Grace, Edsger",
        "  get_active_projects: connects to the database",
        "  get_active_projects: a compiler, a moon landing",
    ];
    assert_eq!(part(&text, "one after")[..5], in_turn);
    let at_once = part(&text, "both at once:");
    assert_eq!(
        at_once[1..3],
        ["  get_employees: connects to the database", "  get_active_projects: connects to the database"]
    );
    // Two answers that come at the same moment may come in any order.
    assert!(at_once[3..5].contains(&in_turn[2]) && at_once[3..5].contains(&in_turn[4]), "{text}");
    // By how much, is the machine's affair.
    assert!(figure(&text, "as fast as one after", " times") > 0.0, "{text}");
}

/// The article's lines. `sub` ends at half of the time and has no line for it: the order is the same however late the
/// timers are.
#[test]
fn the_task_that_was_started_second_finishes_first() {
    let text = show("second_finishes_first");
    let article: Vec<_> = text.lines().filter(|line| !line.starts_with("  ")).collect();
    assert_eq!(
        article,
        [
            "Inside add function",
            "Waiting for 20 seconds in add",
            "Inside sub function",
            "Subtraction Value -5:",
            "Waiting for 10 seconds in sub",
            "Addition value: 55",
            "Complete",
        ]
    );
    let last = text.lines().last().unwrap();
    assert!(
        last.starts_with("  it took ")
            && last.ends_with(" s; the longer wait is 0.20 s, both together 0.30 s")
    );
    assert!(figure(&text, "it took", " s;") >= 0.2, "{text}");
}

#[cfg(feature = "unblock")]
#[test]
fn a_pool_gives_results_in_order_or_as_they_come() {
    let text = show("pool_of_squares");
    let (expected, last) = text.split_once("  one by one: ").expect(&text);
    let in_order = "\
Dataset: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]
Result: [1, 4, 9, 16, 25, 36, 49, 64, 81, 100, 121, 144, 169, 196]
";
    assert_eq!(
        expected,
        format!(
            "  map: 5 workers, chunks of 3
{in_order}  starmap: the same with two arguments
{in_order}  apply: one call after the other
{in_order}  the asynchronous forms, where the chunk that begins last ends first:
  map_async      [169, 196, 100, 121, 144, 49, 64, 81, 16, 25, 36, 1, 4, 9]
  starmap_async  [169, 196, 100, 121, 144, 49, 64, 81, 16, 25, 36, 1, 4, 9]
  apply_async    [25, 36, 49, 64, 81, 100, 121, 144, 169, 196, 16, 9, 4, 1]
"
        )
    );
    assert!(last.starts_with("the sum is 1015,"), "{text}");
    // Five, unless the loop's thread was kept from running while the first ones were squared.
    assert!((2.0..=5.0).contains(&figure(&text, "one by one", " of the 14")), "{text}");
}

/// One thread and no clock: the order is always the same.
#[test]
fn a_producer_waits_for_its_workers() {
    assert_eq!(
        show("producer_and_workers"),
        "producer: queued 1
producer: queued 2
producer: the queue is full, 3 has to wait
producer: queued 3 after waiting
producer: queued 4
producer: the queue is full, 5 has to wait
producer: queued 5 after waiting
producer: the queue is full, 6 has to wait
worker 1: 1 squared is 1
worker 3: 3 squared is 9
producer: queued 6 after waiting
producer: queued 7
producer: the queue is full, 8 has to wait
worker 2: 2 squared is 4
worker 1: 4 squared is 16
producer: queued 8 after waiting
producer: queued 9
producer: that was all
worker 2: 6 squared is 36
worker 3: 5 squared is 25
worker 3: 9 squared is 81
worker 1: 7 squared is 49
worker 2: 8 squared is 64
the sum of all squares is 285; at most 2 of 3 workers printed at once
ten tasks added 1 each: without a lock that makes 1, with one 10
"
    );
}

#[test]
fn one_protocol_is_spoken_over_all_streams() {
    let said = "  server: \"a whole frame\"
  client: the answer is \"A WHOLE FRAME\"
  client: 14 writes of one byte each
  server: \"byte by byte\"
  client: the answer is \"BYTE BY BYTE\"
  client: two frames in one write
  server: \"one\"
  server: \"two\"
  client: the answer is \"ONE\"
  client: the answer is \"TWO\"
  client: a header that announces 65535 bytes
  client: the server has closed the connection
  server: refused: a frame of 65535 bytes; at most 32 are allowed
";
    let mut expected = format!("over TCP:\n{said}");
    if cfg!(unix) {
        expected += &format!("over a Unix socket:\n{said}");
    }
    assert_eq!(show("framed_messages"), expected);
}

#[test]
fn callbacks_become_futures_and_futures_callbacks() {
    let text = show("callbacks_and_futures");
    let mut lines: Vec<_> = text.lines().collect();
    // Two threads call back, each in its own time.
    lines[1..3].sort_unstable();
    assert_eq!(
        lines,
        [
            "two callbacks are awaited at once:",
            "  callback: -4 degrees in Oslo, on the thread library",
            "  callback: 31 degrees in Cairo, on the thread library",
            "  task: it is 35 degrees warmer in Cairo",
            "a task gives up first:",
            "  library: the request to Vostok is cancelled",
            "  task: nothing from Vostok in 20ms",
            "the library never calls back:",
            "  library: there is no station in Atlantis; the callback is dropped",
            "  task: nothing from Atlantis: oneshot canceled",
            "a thread without futures is called back:",
            "  callback: 6 times 7 is 42, on the thread main",
        ]
    );
}

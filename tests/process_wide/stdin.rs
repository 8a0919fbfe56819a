//! `io::stdin`: what a task asks for and nothing else is read, and nothing that was read is lost. Each test is a process of its own,
//! whose input the test feeds.
#![cfg(feature = "unblock")]

use std::cell::Cell;
use std::fs::File;
use std::future::Future;
use std::io::{ErrorKind, Read, Write};
use std::pin::pin;
use std::process::Stdio;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use oneloop::future::StreamExt;
use oneloop::io::{AsyncReadExt, stdin};
use oneloop::time::timeout;
use oneloop::{JoinSet, Runtime, spawn, yield_now};

use common::examples::Program;
use common::runner::again;
#[cfg(unix)]
use common::sockets::SocketPath;
use common::sockets::{CountingWaker, pattern, run, settle, within};

/// So much of the input one read takes at most.
#[cfg(unix)]
const READ_MAX: usize = 8 * 1024;

/// Starts a test's process with a pipe as its input, and has `feed` do the rest; `body` is what it does.
fn fed(test: &str, body: impl FnOnce(), feed: impl FnOnce(&mut Program)) {
    from(test, Stdio::piped, body, feed);
}

/// The same with another input.
fn from<I: Into<Stdio>>(
    test: &str,
    input: impl FnOnce() -> I,
    body: impl FnOnce(),
    feed: impl FnOnce(&mut Program),
) {
    let Some(mut command) = again(test, body) else { return };
    let mut program = Program::start_from(&mut command, input()).expect("it starts");
    drop(command); // with its copy of the input
    feed(&mut program);
    let status = program.wait();
    assert!(status.success() && program.stdout.so_far().contains(" 1 passed"), "{status}");
}

/// Tells the test how far its process is.
fn say(text: &str) {
    eprintln!("<{text}>");
}

fn receive(program: &Program, text: &str) {
    program.stderr.wait_for(&format!("<{text}>"));
}

/// A file with this text, as an input.
fn file(bytes: &[u8]) -> File {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("oneloop-test-input-{}-{number}", std::process::id()));
    std::fs::write(&path, bytes).unwrap();
    let file = File::open(&path).unwrap();
    let _ = std::fs::remove_file(path); // on Windows not while it is open
    file
}

async fn line() -> String {
    let mut line = String::new();
    let length = within(stdin().read_line(&mut line)).await.unwrap();
    assert_eq!(length, line.len());
    line
}

#[test]
fn bytes_come_as_they_are_written_and_the_end_is_reported_each_time() {
    let body = || {
        run(async {
            let mut input = stdin();
            let mut bytes = [0; 100];
            assert_eq!(within(input.read(&mut bytes)).await.unwrap(), 5);
            assert_eq!(&bytes[..5], b"hello");
            say("read");
            assert_eq!(within(input.read(&mut bytes[..2])).await.unwrap(), 2);
            let mut rest = String::new();
            assert_eq!(within(stdin().read_to_string(&mut rest)).await.unwrap(), 4);
            assert_eq!((&bytes[..2], rest.as_str()), (&b" a"[..], "gain"));
            for _ in 0..3 {
                assert_eq!(within(input.read(&mut bytes)).await.unwrap(), 0);
                assert_eq!(line().await, "");
                assert!(within(stdin().lines().next()).await.is_none());
            }
            assert_eq!(input.read(&mut []).await.unwrap(), 0);
        });
    };
    fed("bytes_come_as_they_are_written_and_the_end_is_reported_each_time", body, |program| {
        let mut input = program.input();
        input.write_all(b"hello").unwrap();
        receive(program, "read");
        input.write_all(b" again").unwrap();
    });
}

#[test]
fn a_line_that_a_time_out_drops_is_read_whole_later() {
    let body = || {
        run(async {
            let mut input = stdin();
            let mut text = String::from("before ");
            assert!(timeout(Duration::from_millis(20), input.read_line(&mut text)).await.is_err());
            assert!(timeout(Duration::from_millis(20), stdin().lines().next()).await.is_err());
            assert_eq!(text, "before ");
            say("twice in vain");
            assert_eq!(within(input.read_line(&mut text)).await.unwrap(), 4);
            assert_eq!(text, "before one\n");
            drop(input);
            assert_eq!(line().await, "two\n");
            let mut lines = stdin().lines();
            assert_eq!(within(lines.next()).await.unwrap().unwrap(), "three");
            drop(lines); // which has no bytes of its own
            assert_eq!(line().await, "four");
        });
    };
    fed("a_line_that_a_time_out_drops_is_read_whole_later", body, |program| {
        let mut input = program.input();
        input.write_all(b"on").unwrap();
        receive(program, "twice in vain");
        input.write_all(b"e\ntwo\nthree\r\nfour").unwrap();
    });
}

#[test]
fn a_read_whose_task_is_dropped_leaves_its_bytes_to_another_task() {
    let body = || {
        run(async {
            let first = spawn(async { stdin().read(&mut [0; 100]).await });
            settle().await; // a thread reads
            first.abort();
            assert!(first.await.unwrap_err().is_cancelled());
            let second = spawn(async {
                let mut bytes = [0; 100];
                let length = stdin().read(&mut bytes).await.unwrap();
                bytes[..length].to_vec()
            });
            settle().await;
            say("the second waits");
            assert_eq!(within(second).await.unwrap(), b"abc");
            // Bytes that come while no task waits.
            assert!(timeout(Duration::from_millis(1), stdin().read(&mut [0; 100])).await.is_err());
            say("no task waits");
            assert_eq!(line().await, "def\n");
        });
    };
    fed("a_read_whose_task_is_dropped_leaves_its_bytes_to_another_task", body, |program| {
        let mut input = program.input();
        receive(program, "the second waits");
        input.write_all(b"abc").unwrap();
        receive(program, "no task waits");
        input.write_all(b"def\n").unwrap();
    });
}

#[test]
fn an_end_that_comes_while_no_task_waits_is_seen_by_the_next() {
    let body = || {
        run(async {
            assert!(timeout(Duration::from_millis(1), line()).await.is_err());
            say("no task waits");
            assert_eq!(line().await, "left");
            assert_eq!(line().await, "");
        });
    };
    fed("an_end_that_comes_while_no_task_waits_is_seen_by_the_next", body, |program| {
        let mut input = program.input();
        receive(program, "no task waits");
        input.write_all(b"left").unwrap();
    });
}

#[test]
fn tasks_that_read_at_once_are_all_served() {
    let body = || {
        run(async {
            let mut tasks: JoinSet<String> = (0..5).map(|_| line()).collect();
            settle().await;
            say("waiting");
            // The first two lines come together, the others one by one, and the last task has the end.
            for (number, expected) in ["0\n", "1\n", "2\n", "3\n", ""].into_iter().enumerate() {
                assert_eq!(within(tasks.join_next()).await.unwrap().unwrap(), expected);
                say(&format!("got {number}"));
            }
        });
    };
    fed("tasks_that_read_at_once_are_all_served", body, |program| {
        let mut input = program.input();
        receive(program, "waiting");
        input.write_all(b"0\n1\n").unwrap();
        for number in 2..4 {
            receive(program, &format!("got {}", number - 1));
            writeln!(input, "{number}").unwrap();
        }
        receive(program, "got 3");
    });
}

#[test]
fn loops_of_several_threads_share_the_input() {
    const LINES: usize = 5000;
    let body = || {
        let read = || {
            oneloop::block_on(async {
                let mut got = Vec::new();
                let mut lines = stdin().lines();
                while let Some(line) = within(lines.next()).await {
                    got.push(line.unwrap().parse::<usize>().unwrap());
                }
                got
            })
        };
        let threads: Vec<_> = (0..3).map(|_| std::thread::spawn(read)).collect();
        let mut all: Vec<_> = threads
            .into_iter()
            .flat_map(|thread| {
                let got = thread.join().unwrap();
                assert!(got.is_sorted());
                got
            })
            .collect();
        all.sort_unstable();
        assert!(all.into_iter().eq(0..LINES));
    };
    fed("loops_of_several_threads_share_the_input", body, |program| {
        let mut input = program.input();
        (0..LINES).for_each(|number| writeln!(input, "{number}").unwrap());
    });
}

#[test]
fn a_long_line_a_last_one_and_one_that_is_not_utf_8() {
    const LONG: usize = 1_000_000;
    let body = || {
        run(async {
            let long = line().await;
            assert!(long.len() == LONG + 1 && long.trim_end().bytes().all(|byte| byte == b'x'));
            let mut text = String::from("kept");
            let error = within(stdin().read_line(&mut text)).await.unwrap_err();
            assert_eq!((error.kind(), text.as_str()), (ErrorKind::InvalidData, "kept"));
            assert_eq!(line().await, "\n");
            assert_eq!(line().await, "no end");
            assert_eq!(line().await, "");
        });
    };
    fed("a_long_line_a_last_one_and_one_that_is_not_utf_8", body, |program| {
        let mut input = program.input();
        input.write_all(&vec![b'x'; LONG]).unwrap();
        input.write_all(b"\n\xff\n\nno end").unwrap();
    });
}

#[test]
fn a_megabyte_comes_whole() {
    let body = || {
        run(async {
            let mut bytes = Vec::new();
            within(stdin().read_to_end(&mut bytes)).await.unwrap();
            assert!(bytes == pattern(1_000_000, 7));
        });
    };
    fed("a_megabyte_comes_whole", body, |program| program.input().write_all(&pattern(1_000_000, 7)).unwrap());
}

#[test]
fn bytes_in_the_buffer_of_std_come_first() {
    let body = || {
        let mut text = String::new();
        assert_eq!(std::io::stdin().read_line(&mut text).unwrap(), 4);
        run(async {
            assert_eq!(line().await, "two\n");
            assert_eq!(line().await, "three\n");
            assert_eq!(line().await, "");
        });
    };
    from("bytes_in_the_buffer_of_std_come_first", || file(b"one\ntwo\nthree\n"), body, |_| {});
}

#[test]
fn nothing_is_read_before_a_task_asks() {
    let body = || {
        run(async {
            let (_input, _lines) = (stdin(), stdin().lines());
            let not_polled = stdin();
            settle().await;
            let mut bytes = Vec::new();
            std::io::stdin().read_to_end(&mut bytes).unwrap();
            assert!(bytes == pattern(100_000, 3));
            drop(not_polled);
        });
    };
    from("nothing_is_read_before_a_task_asks", || file(&pattern(100_000, 3)), body, |_| {});
}

#[cfg(unix)]
#[test]
fn a_child_gets_what_one_read_has_left() {
    let body = || {
        run(async {
            let mut input = stdin();
            let mut first = [0];
            assert_eq!(input.read(&mut first).await.unwrap(), 1);
            let all = pattern(3 * READ_MAX, 5);
            let output = std::process::Command::new("cat").stdin(Stdio::inherit()).output().unwrap();
            assert!(output.stdout == all[READ_MAX..]);
            let mut rest = Vec::new();
            input.read_to_end(&mut rest).await.unwrap();
            assert!(rest == all[1..READ_MAX] && first == all[..1]);
        });
    };
    from("a_child_gets_what_one_read_has_left", || file(&pattern(3 * READ_MAX, 5)), body, |_| {});
}

#[test]
fn a_read_that_blocks_does_not_keep_the_process_alive() {
    let body = || {
        let runtime = Runtime::new().unwrap();
        drop(runtime.spawn(line()));
        runtime.block_on(async {
            assert!(timeout(Duration::from_millis(20), stdin().read(&mut [0])).await.is_err());
        });
        drop(runtime);
    };
    fed("a_read_that_blocks_does_not_keep_the_process_alive", body, |program| {
        let input = program.input();
        assert!(program.wait().success());
        drop(input);
    });
}

#[cfg(unix)]
fn is_blocking(file: &impl std::os::fd::AsRawFd) -> bool {
    // SAFETY: a call without pointers.
    let flags = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_GETFL) };
    assert!(flags >= 0);
    flags & libc::O_NONBLOCK == 0
}

#[cfg(unix)]
#[test]
fn the_open_file_that_others_share_stays_blocking() {
    let body = || {
        run(async {
            let waiting = spawn(line());
            settle().await;
            say("waiting");
            assert_eq!(within(waiting).await.unwrap(), "a line\n");
            say("read");
            assert_eq!(line().await, "");
        });
    };
    let Some(mut command) = again("the_open_file_that_others_share_stays_blocking", body) else { return };
    let (reader, mut writer) = std::io::pipe().unwrap();
    let mut program = Program::start_from(&mut command, reader.try_clone().unwrap()).unwrap();
    drop(command);
    receive(&program, "waiting");
    assert!(is_blocking(&reader));
    writer.write_all(b"a line\n").unwrap();
    receive(&program, "read");
    assert!(is_blocking(&reader));
    drop(writer);
    assert!(program.wait().success());
    assert!(is_blocking(&reader));
}

#[test]
fn nothing_as_input_is_its_end() {
    let body = || run(async { assert_eq!((line().await, line().await), (String::new(), String::new())) });
    from("nothing_as_input_is_its_end", Stdio::null, body, |_| {});
}

#[cfg(unix)]
#[test]
fn an_input_that_is_closed_is_at_its_end_as_for_std() {
    let body = || {
        // Its first look would open files of /proc, which may be descriptor 0 while it is read below.
        let runtime = Runtime::builder().spin_after_remote_wake(Duration::ZERO).build().unwrap();
        runtime.block_on(async {
            assert_eq!(line().await, "");
            // std opens the null device in its place before `main`. So once more, without.
            // SAFETY: a call without pointers, and nothing of this process's owns the descriptor.
            assert_eq!(unsafe { libc::close(0) }, 0);
            assert_eq!(line().await, "");
            assert_eq!(std::io::stdin().read(&mut [0]).unwrap(), 0);
        });
    };
    let Some(command) = again("an_input_that_is_closed_is_at_its_end_as_for_std", body) else { return };
    let mut shell = std::process::Command::new("/bin/sh");
    shell.args(["-c", r#"exec "$0" "$@" <&-"#]).arg(command.get_program()).args(command.get_args());
    shell.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let mut program = Program::start(&mut shell).unwrap();
    assert!(program.wait().success());
}

#[cfg(unix)]
#[test]
fn an_error_is_returned_and_the_next_read_tries_again() {
    let body = || {
        run(async {
            let mut input = stdin();
            for _ in 0..2 {
                let error = within(input.read(&mut [0])).await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::IsADirectory);
                let error = within(stdin().lines().next()).await.unwrap().unwrap_err();
                assert_eq!(error.kind(), ErrorKind::IsADirectory);
            }
            let path = SocketPath::default();
            std::fs::write(&path, "a line\n").unwrap();
            let file = File::open(&path).unwrap();
            // SAFETY: a call without pointers.
            assert_eq!(unsafe { libc::dup2(std::os::fd::AsRawFd::as_raw_fd(&file), 0) }, 0);
            assert_eq!(line().await, "a line\n");
        });
    };
    from("an_error_is_returned_and_the_next_read_tries_again", || File::open("/").unwrap(), body, |_| {});
}

/// A terminal: our side of it, and the program's.
#[cfg(target_os = "linux")]
fn terminal() -> (File, File) {
    use std::os::fd::{AsRawFd, FromRawFd};
    use std::os::unix::fs::OpenOptionsExt;
    // SAFETY: a call without pointers.
    let number = unsafe { libc::posix_openpt(libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC) };
    assert!(number >= 0, "{}", std::io::Error::last_os_error());
    // SAFETY: the system has just given it to us.
    let ours = unsafe { File::from_raw_fd(number) };
    let mut name = [0; 64];
    // SAFETY: a call without pointers.
    assert_eq!(unsafe { libc::unlockpt(ours.as_raw_fd()) }, 0);
    // SAFETY: the pointer is to so many bytes, which live during the call.
    assert_eq!(unsafe { libc::ptsname_r(ours.as_raw_fd(), name.as_mut_ptr().cast(), name.len()) }, 0);
    let name = std::ffi::CStr::from_bytes_until_nul(&name).unwrap().to_str().unwrap();
    let theirs = File::options().read(true).write(true).custom_flags(libc::O_NOCTTY).open(name).unwrap();
    (ours, theirs)
}

#[cfg(target_os = "linux")]
#[test]
fn a_terminal_goes_on_after_its_end() {
    const END: &[u8] = b"\x04";
    let body = || {
        run(async {
            assert_eq!(line().await, "one\n");
            say("one");
            let mut two: JoinSet<String> = (0..2).map(|_| line()).collect();
            settle().await;
            say("two wait");
            assert_eq!(within(two.join_next()).await.unwrap().unwrap(), "", "one end is for one reader");
            say("the end");
            assert_eq!(within(two.join_next()).await.unwrap().unwrap(), "two\n");
            assert!(timeout(Duration::from_millis(20), line()).await.is_err());
        });
    };
    let Some(mut command) = again("a_terminal_goes_on_after_its_end", body) else { return };
    let (mut ours, theirs) = terminal();
    let mut program = Program::start_from(&mut command, theirs).unwrap();
    ours.write_all(b"one\n").unwrap();
    receive(&program, "two wait");
    ours.write_all(END).unwrap();
    receive(&program, "the end");
    ours.write_all(b"two\n").unwrap();
    assert!(program.wait().success(), "also with a read that blocks");
    assert!(is_blocking(&ours));
}

#[cfg(target_os = "linux")]
#[test]
fn however_many_wait_one_thread_reads() {
    let body = || {
        run(async {
            let tasks: Vec<_> = (0..50).map(|_| spawn(line())).collect();
            settle().await;
            while threads() == 0 {
                settle().await; // it gives itself its name
            }
            assert_eq!(threads(), 1);
            tasks.iter().for_each(oneloop::JoinHandle::abort);
            let tasks: Vec<_> = (0..50).map(|_| spawn(line())).collect();
            settle().await;
            assert_eq!(threads(), 1);
            say("waiting");
            for task in tasks {
                assert_eq!(within(task).await.unwrap(), "");
            }
        });
    };
    fn threads() -> usize {
        let tasks = std::fs::read_dir("/proc/self/task").expect("there is procfs");
        let names = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
        names.filter(|name| name.starts_with("oneloop-unblock")).count()
    }
    fed("however_many_wait_one_thread_reads", body, |program| {
        let _input = program.input();
        receive(program, "waiting");
    });
}

#[test]
fn a_task_that_finds_line_after_line_gives_way() {
    let body = || {
        run(async {
            let turns = Rc::new(Cell::new(0));
            let counting = turns.clone();
            drop(spawn(async move {
                loop {
                    counting.set(counting.get() + 1);
                    yield_now().await;
                }
            }));
            assert_eq!(line().await, "x\n");
            let before = turns.get();
            for _ in 1..4000 {
                assert_eq!(stdin().lines().next().await.unwrap().unwrap(), "x");
            }
            assert!(turns.get() - before >= 4000 / 128, "it had {} turns", turns.get() - before);
        });
    };
    from("a_task_that_finds_line_after_line_gives_way", || file(&b"x\n".repeat(4000)), body, |_| {});
}

#[test]
fn wakers_of_other_crates_wait_and_are_dropped_and_may_panic() {
    struct Panics;
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("as the test wants");
        }
    }
    let body = || {
        let counting = Arc::new(CountingWaker::default());
        let poll = |input: &mut oneloop::io::Stdin, waker: &Waker| {
            let mut text = String::new();
            let polled = pin!(input.read_line(&mut text)).poll(&mut Context::from_waker(waker));
            polled.map(|length| assert!(length.unwrap() == text.len()))
        };
        let (mut first, mut second, mut third) = (stdin(), stdin(), stdin());
        let waker = Waker::from(counting.clone());
        assert_eq!(poll(&mut first, &waker), Poll::Pending);
        assert_eq!(poll(&mut first, &waker), Poll::Pending);
        assert_eq!(Arc::strong_count(&counting), 3, "one of it waits");
        drop(first);
        assert_eq!(Arc::strong_count(&counting), 2);
        assert_eq!(poll(&mut second, &Waker::from(Arc::new(Panics))), Poll::Pending);
        assert_eq!(poll(&mut third, &waker), Poll::Pending);
        say("waiting");
        common::sockets::wait_until("it is woken", || counting.count() == 1);
        assert_eq!(poll(&mut third, &waker), Poll::Ready(()));
        // And without a runtime.
        let mut text = String::new();
        assert_eq!(futures::executor::block_on(second.read_line(&mut text)).unwrap(), 4);
        assert_eq!(text, "two\n");
    };
    fed("wakers_of_other_crates_wait_and_are_dropped_and_may_panic", body, |program| {
        let mut input = program.input();
        receive(program, "waiting");
        input.write_all(b"one\ntwo\n").unwrap();
    });
}

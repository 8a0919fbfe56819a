//! `Handle::dump`: what each task waits for. `dump_requests.rs` has the requests and their errors.

use std::future::{Future, pending};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Poll, Waker};

use futures::channel::oneshot;
use futures::stream::{FuturesUnordered, StreamExt};
use oneloop::dump::{Dump, SocketKind, TaskDump, TaskKind, TaskState, Wait};
use oneloop::io::{AsyncReadExt, AsyncWriteExt};
use oneloop::net::{TcpListener, UdpSocket};
use oneloop::time::{Duration, Instant, sleep};
use oneloop::{Handle, Interest, JoinHandle, Runtime, spawn, task, yield_now};

use common::executor::*;

/// Asks the loop that this runs on, once its tasks have settled.
pub async fn dumped() -> Dump {
    settle().await;
    Handle::current().dump().await.unwrap()
}

#[track_caller]
fn of<T>(dump: &Dump, task: &JoinHandle<T>) -> TaskDump {
    dump.task(task.id()).expect("the task is in the dump").clone()
}

/// The kind, own address, peer and direction of the only wait, which is that at a socket.
#[track_caller]
fn socket_of(task: &TaskDump) -> (SocketKind, Option<String>, Option<String>, Interest) {
    match &task.waits[..] {
        [Wait::Socket { socket, interest, .. }] => {
            assert!(socket.number.is_some());
            (socket.kind, socket.local.clone(), socket.peer.clone(), *interest)
        }
        waits => panic!("{waits:?}"),
    }
}

#[test]
fn each_task_has_its_id_name_place_type_and_state() {
    let called = line!() + 1;
    let dump = finish(async {
        let line = line!() + 1;
        let waits = task::Builder::new().name("one that waits").spawn(pending::<()>());
        let finished = spawn(async {});
        settle().await;
        let ready = spawn(async { yield_now().await });
        let dump = Handle::current().dump().await.unwrap(); // before `ready` is polled

        let task = of(&dump, &waits);
        assert_eq!((task.id, task.kind, task.state), (waits.id(), TaskKind::Task, TaskState::Waiting));
        assert_eq!(task.name.as_deref(), Some("one that waits"));
        assert_eq!(task.place.map(|place| (place.file(), place.line())), Some((file!(), line)));
        assert!(task.future.unwrap().contains("Pending"));
        assert_eq!((task.polls, task.polled_for), (Some(1), None));
        assert_eq!(task.waits, [Wait::Foreign]);

        let task = of(&dump, &ready);
        assert_eq!((task.state, task.polls, &task.waits[..]), (TaskState::Ready, Some(0), &[][..]));
        assert_eq!(task.name, None);
        assert_eq!(task.place.map(|place| place.line()), Some(line + 3));

        let task = of(&dump, &finished);
        assert_eq!((task.state, task.polls, task.waits.len()), (TaskState::Finished, None, 0));
        assert_eq!(dump.tasks.len(), 4);
        assert!(dump.tasks.is_sorted_by_key(|task| task.id));
        assert_eq!(dump.metrics.tasks, 3);
        ready.await.unwrap();
        dump
    });
    let main: Vec<_> = dump.tasks.iter().filter(|task| task.kind == TaskKind::BlockOn).collect();
    assert_eq!(main.len(), 1);
    assert_eq!(main[0].place.map(|place| (place.file(), place.line())), Some((file!(), called)));
    assert!(main[0].future.unwrap().contains("Timeout"));
    assert!(matches!(main[0].waits[..], [Wait::Timer { .. }]));
    assert!(main[0].polls > Some(1));
}

#[test]
fn the_future_of_block_on_is_there_while_it_runs_and_its_polls_are_its_own() {
    let runtime = Runtime::new().unwrap();
    let ask = async || Handle::current().dump().await.unwrap();
    for _ in 0..2 {
        let line = line!() + 1;
        let dump = runtime.block_on(ask());
        let [main] = &dump.tasks[..] else { panic!("{dump}") };
        assert_eq!((main.kind, main.polls), (TaskKind::BlockOn, Some(1)));
        assert_eq!(main.place.unwrap().line(), line);
        assert_eq!(main.waits, [Wait::Foreign]); // the answer
    }
    let mut request = runtime.handle().dump();
    runtime.turn();
    let Poll::Ready(Ok(dump)) = poll_with(&mut request, Waker::noop()) else { panic!("no answer") };
    assert!(dump.tasks.is_empty(), "{dump}"); // no `block_on` runs in a turn
}

#[test]
fn a_reader_shows_its_socket_with_both_addresses_and_a_listener_its_own() {
    finish(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (mut ours, mut theirs) = tcp_pair().await.unwrap();
        let (local, peer) = (ours.local_addr().unwrap(), ours.peer_addr().unwrap());
        let reads = spawn(async move { ours.read(&mut [0]).await.unwrap() });
        let accepts = spawn(async move { drop(listener.accept().await) });
        let dump = dumped().await;

        let expected = (SocketKind::Tcp, Some(local.to_string()), Some(peer.to_string()), Interest::Readable);
        assert_eq!(socket_of(&of(&dump, &reads)), expected);
        let line = of(&dump, &reads).to_string();
        assert!(line.contains(&format!("waits for: tcp {local} <-> {peer} readable")), "{line}");
        let expected = (SocketKind::Tcp, Some(address.to_string()), None, Interest::Readable);
        assert_eq!(socket_of(&of(&dump, &accepts)), expected);

        theirs.write_all(&[1]).await.unwrap();
        assert_eq!(reads.await.unwrap(), 1);
    });
}

#[test]
fn a_writer_waits_for_its_socket_to_be_writable() {
    finish(async {
        let (mut ours, _theirs) = tcp_pair().await.unwrap();
        let writes = spawn(async move { ours.write_all(&vec![0; 64 << 20]).await });
        loop {
            let task = of(&dumped().await, &writes);
            if let [Wait::Socket { interest, .. }] = &task.waits[..] {
                assert_eq!(*interest, Interest::Writable);
                assert!(task.to_string().contains(" writable"), "{task}");
                break;
            }
            assert_eq!(task.state, TaskState::Ready);
        }
    });
}

#[test]
fn two_tasks_that_wait_at_one_socket_both_show_it() {
    finish(async {
        let socket = Rc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
        let local = socket.local_addr().unwrap().to_string();
        let receives = |socket: Rc<UdpSocket>| spawn(async move { drop(socket.recv(&mut [0]).await) });
        let (one, other) = (receives(socket.clone()), receives(socket.clone()));
        let dump = dumped().await;
        let expected = (SocketKind::Udp, Some(local), None, Interest::Readable);
        assert_eq!(socket_of(&of(&dump, &one)), expected);
        assert_eq!(socket_of(&of(&dump, &other)), expected);
        assert_eq!(dump.foreign, []);
    });
}

#[test]
fn a_task_that_waits_at_one_socket_twice_shows_it_once() {
    finish(async {
        let (ours, _theirs) = tcp_pair().await.unwrap();
        let ours = Rc::new(ours);
        let (one, other) = (ours.clone(), ours.clone());
        let waits = spawn(async move { drop(futures::join!(one.readable(), other.readable())) });
        assert_eq!(of(&dumped().await, &waits).waits.len(), 1);
    });
}

#[cfg(unix)]
#[test]
fn unix_sockets_show_their_paths_and_a_path_can_not_control_a_terminal() {
    use oneloop::net::{UnixDatagram, UnixListener, UnixStream};

    let directory = std::env::temp_dir().join(format!("oneloop-dump-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let _removed = OnDrop(|| std::fs::remove_dir_all(&directory).unwrap());
    finish(async {
        let path = directory.join("a\u{1b}[31m");
        let text = path.display().to_string();
        let listener = UnixListener::bind(&path).unwrap();
        let mut stream = UnixStream::connect(&path).await.unwrap();
        let (datagram, _other) = UnixDatagram::pair().unwrap();
        let accepts = spawn(async move {
            let _first = listener.accept().await;
            drop(listener.accept().await);
        });
        let reads = spawn(async move { drop(stream.read(&mut [0]).await) });
        let receives = spawn(async move { drop(datagram.recv(&mut [0]).await) });
        let dump = dumped().await;
        let readable = Interest::Readable;
        assert_eq!(socket_of(&of(&dump, &accepts)), (SocketKind::Unix, Some(text.clone()), None, readable));
        assert_eq!(socket_of(&of(&dump, &reads)), (SocketKind::Unix, None, Some(text), readable));
        assert_eq!(socket_of(&of(&dump, &receives)), (SocketKind::UnixDatagram, None, None, readable));
        let text = dump.to_string();
        assert!(text.contains(r"a\u{1b}[31m") && !text.contains('\u{1b}'), "{text}");
        let number = match &of(&dump, &receives).waits[..] {
            [Wait::Socket { socket, .. }] => socket.number.unwrap(),
            waits => panic!("{waits:?}"),
        };
        assert!(text.contains(&format!("unix datagram {number} readable")), "{text}");
    });
}

#[test]
fn a_timer_shows_its_deadline_and_what_is_left() {
    finish(async {
        let pause = sleep(Duration::from_secs(60));
        let deadline = pause.deadline();
        let sleeps = spawn(pause);
        let never = spawn(sleep(Duration::MAX));
        let dump = dumped().await;
        let task = of(&dump, &sleeps);
        match &task.waits[..] {
            [Wait::Timer { deadline: at, left, .. }] => {
                assert_eq!(*at, deadline);
                assert_eq!(*left, deadline.unwrap() - dump.at);
                assert!(*left <= Duration::from_secs(60) && dump.at <= Instant::now());
            }
            waits => panic!("{waits:?}"),
        }
        assert!(task.to_string().contains("waits for: timer in "), "{task}");
        assert_eq!(of(&dump, &never).waits, [Wait::Foreign]); // it has no timer
    });
}

#[test]
fn a_deadline_is_one_of_the_runtimes_clock_also_if_that_stands_still() {
    let runtime = Runtime::builder().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let sleeps = spawn(sleep(Duration::from_secs(3)));
        yield_now().await;
        let dump = Handle::current().dump().await.unwrap();
        assert!(of(&dump, &sleeps).to_string().contains("timer in 3.0s."));
    });
}

#[test]
fn a_join_shows_the_task_that_is_joined_to_each_joiner() {
    finish(async {
        let joined = spawn(pending::<()>());
        let id = joined.id();
        let joins = spawn(joined);
        let dump = dumped().await;
        assert_eq!(of(&dump, &joins).waits, [Wait::Join(id)]);
        assert!(of(&dump, &joins).to_string().contains(&format!("waits for: the end of task {id}.")));
        assert_eq!(dump.task(id).unwrap().waits, [Wait::Foreign]);
    });
}

#[test]
fn a_task_shows_all_that_it_waits_for() {
    finish(async {
        let (mut ours, _theirs) = tcp_pair().await.unwrap();
        let joined = spawn(pending::<()>());
        let waits = spawn(async move {
            let mut buffer = [0];
            let read = pin!(ours.read(&mut buffer));
            let pause = pin!(sleep(Duration::from_secs(60)));
            futures::future::select(futures::future::select(read, pause), joined).await;
        });
        let task = of(&dumped().await, &waits);
        assert!(matches!(task.waits[..], [Wait::Socket { .. }, Wait::Timer { .. }, Wait::Join(_)]), "{task}");
    });
}

#[test]
fn a_waker_in_a_channel_is_foreign() {
    finish(async {
        let (_sender, receiver) = oneshot::channel::<()>();
        let waits = spawn(receiver);
        let dump = dumped().await;
        assert_eq!(of(&dump, &waits).waits, [Wait::Foreign]);
        assert!(of(&dump, &waits).to_string().contains("waits for: an event outside the runtime ("));
    });
}

#[test]
fn waits_behind_a_combinators_waker_are_listed_separately() {
    finish(async {
        let (mut ours, _theirs) = tcp_pair().await.unwrap();
        let local = ours.local_addr().unwrap().to_string();
        let (joined, pause) = (spawn(pending::<()>()), sleep(Duration::from_secs(60)));
        let id = joined.id();
        let waits = spawn(async move {
            let mut all = FuturesUnordered::<std::pin::Pin<Box<dyn Future<Output = ()>>>>::new();
            all.push(Box::pin(async move { drop(ours.read(&mut [0]).await) }));
            all.push(Box::pin(pause));
            all.push(Box::pin(async move { drop(joined.await) }));
            while all.next().await.is_some() {}
        });
        let dump = dumped().await;
        assert_eq!(of(&dump, &waits).waits, [Wait::Foreign]);
        assert!(dump.foreign.iter().all(|foreign| foreign.task.is_none()));
        let waits: Vec<_> = dump.foreign.iter().map(|foreign| &foreign.wait).collect();
        match waits[..] {
            [Wait::Socket { socket, .. }, Wait::Timer { .. }, Wait::Join(of)] => {
                assert_eq!((socket.local.as_ref(), *of), (Some(&local), id));
            }
            _ => panic!("{dump}"),
        }
        assert!(dump.to_string().contains(&format!("\na waker of another crate waits for: tcp {local} ")));
    });
}

#[test]
fn a_task_of_another_runtime_that_waits_here_is_listed_apart_by_its_id() {
    let (runtime, other) = (Runtime::new().unwrap(), Runtime::new().unwrap());
    let mut joined = runtime.spawn(pending::<()>());
    let id = joined.id();
    let waits = other.spawn(async move { drop((&mut joined).await) });
    other.block_on(settle());
    let dump = finish_on(&runtime, dumped());
    let [foreign] = &dump.foreign[..] else { panic!("{dump}") };
    assert_eq!((foreign.task, &foreign.wait), (Some(waits.id()), &Wait::Join(id)));
    let expected = format!("task {} of another runtime waits for: the end of task {id}", waits.id());
    assert!(dump.to_string().contains(&expected), "{dump}");
    drop(runtime);
    finish_on(&other, waits).unwrap();
}

#[test]
fn a_name_can_not_control_a_terminal() {
    finish(async {
        let _task = task::Builder::new().name("\u{1b}[2J\n\"\u{202e}task 1").spawn(pending::<()>());
        let text = dumped().await.to_string();
        assert!(text.contains(r#" "\u{1b}[2J\n\"\u{202e}task 1" (spawned at "#), "{text}");
        assert_eq!(text.lines().count(), 3, "{text}");
    });
}

#[test]
fn ten_thousand_tasks_are_all_there_with_what_each_waits_for() {
    const TASKS: usize = 10_000;
    finish(async {
        let socket = Rc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
        let tasks: Vec<_> = (0..TASKS)
            .map(|number| {
                let socket = socket.clone();
                task::Builder::new().name(format!("task {number}")).spawn(async move {
                    match number % 2 {
                        0 => sleep(Duration::from_secs(60)).await,
                        _ => drop(socket.recv(&mut [0]).await),
                    }
                })
            })
            .collect();
        until(|| Handle::current().metrics().ready == 0).await;
        let start = Instant::now();
        let dump = dumped().await;
        let text = dump.to_string();
        println!("{TASKS} tasks were dumped and printed in {:?}", start.elapsed());
        assert_eq!(dump.tasks.len(), TASKS + 1);
        assert_eq!(text.lines().count(), TASKS + 2);
        for (number, task) in tasks.iter().enumerate() {
            let task = of(&dump, task);
            assert_eq!(task.name, Some(format!("task {number}").into()));
            match (number % 2, &task.waits[..]) {
                (0, [Wait::Timer { .. }]) | (1, [Wait::Socket { .. }]) => {}
                _ => panic!("{task}"),
            }
        }
    });
}

//! Panics on a core, and its restart.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use oneloop::future::or;
use oneloop_cores::{Core, Cores, End, ListenOptions, Mesh, Policy, Port, Spread};

use crate::support::{
    Flag, Log, assert_answered, assert_closed, assert_echoes, beside, connect, connect_many, echo, wait_until,
};

fn spreads() -> Vec<Spread> {
    let mut spreads = vec![Spread::LeastLoaded];
    spreads.extend((Spread::default() == Spread::Kernel).then_some(Spread::Kernel));
    spreads
}

fn often() -> Policy {
    Policy::restart(10, Duration::from_secs(600)).pause(Duration::from_millis(1))
}

/// Serves. On its first start, core 0 panics when the flag is raised.
async fn echo_until_panic(core: Core, port: Port, starts: Arc<AtomicUsize>, flag: Flag) {
    let first = core.number() == 0 && starts.fetch_add(1, Ordering::SeqCst) == 0;
    let panic = async {
        if !first {
            std::future::pending::<()>().await;
        }
        flag.wait().await;
        panic!("the test asks for it");
    };
    or(echo(core, port), panic).await;
}

#[test]
fn a_core_that_panics_starts_again_and_its_connections_are_closed_and_counted() {
    for spread in spreads() {
        let (mut cores, log) = Log::of(Cores::new().count(2).on_panic(often()));
        let port = cores.listen_with("127.0.0.1:0", ListenOptions::new().spread(spread)).unwrap();
        let (flag, starts) = (Flag::new(), Arc::new(AtomicUsize::new(0)));
        let theirs = (flag.clone(), starts.clone());
        let closure = move |core| echo_until_panic(core, port, theirs.1.clone(), theirs.0.clone());
        let (report, lost) = beside(cores, closure, |control| {
            let clients = connect_many(port, 40);
            clients.iter().for_each(assert_echoes);
            let before: Vec<_> = control.figures().iter().map(|core| core.open).collect();
            flag.raise();
            wait_until("core 0 has started again", || starts.load(Ordering::SeqCst) == 2);
            let after = control.figures();
            assert_eq!((after[0].lost, after[1].lost), (before[0], 0));
            assert_eq!((after[0].restarts, after[1].restarts), (1, 0));
            assert_eq!(after[1].open, before[1], "the other core keeps its connections");
            let alive = clients.iter().filter(|client| is_alive(client)).count() as u64;
            assert_eq!(alive, before[1]);
            // Both cores serve new clients.
            let fresh = connect_many(port, 40);
            fresh.iter().for_each(assert_echoes);
            before[0]
        });
        assert!(report.all_returned(), "{report}");
        assert_eq!(report.cores[0].figures.lost, lost);
        assert_eq!(log.texts(), ["core 0 panicked (the test asks for it) and starts again in 1ms"]);
    }
}

/// Returns whether the server answers on a connection.
fn is_alive(mut client: &std::net::TcpStream) -> bool {
    use std::io::{Read, Write};
    client.write_all(b"x").is_ok() && matches!(client.read(&mut [0]), Ok(1))
}

#[test]
fn connections_in_the_queue_of_a_core_that_panics_are_served_after_its_restart() {
    for spread in spreads() {
        let mut cores = Cores::new().count(1).on_panic(often());
        let port = cores.listen_with("127.0.0.1:0", ListenOptions::new().spread(spread)).unwrap();
        let (flag, starts) = (Flag::new(), Arc::new(AtomicUsize::new(0)));
        let theirs = (flag.clone(), starts.clone());
        let closure = move |core: Core| {
            let (flag, starts) = theirs.clone();
            async move {
                let mut listener = core.listener(port).unwrap();
                if starts.fetch_add(1, Ordering::SeqCst) == 0 {
                    let _accepted = listener.accept().await;
                    flag.wait().await;
                    panic!("with a queue");
                }
                crate::support::serve(listener).await;
            }
        };
        let (report, ()) = beside(cores, closure, |control| {
            let first = connect(port);
            wait_until("the connection is accepted", || {
                control.figures().iter().any(|core| core.accepted == 1)
            });
            let queued = connect_many(port, 20);
            for mut client in &queued {
                std::io::Write::write_all(&mut client, b"x").unwrap();
            }
            flag.raise();
            assert_closed(&first);
            queued.iter().for_each(assert_answered);
        });
        let figures = report.cores[0].figures;
        assert_eq!((figures.accepted, figures.lost, figures.restarts), (21, 1, 1), "{spread:?}");
    }
}

#[test]
fn a_core_that_panics_too_often_stops_all_in_order() {
    let policy = Policy::restart(2, Duration::from_secs(600)).pause(Duration::from_millis(1));
    let (cores, log) = Log::of(Cores::new().count(2).on_panic(policy));
    let closure = |core: Core| async move {
        assert!(core.number() != 0, "again");
        core.stopped().await;
    };
    let report = cores.run(closure).unwrap();
    assert_eq!(report.cores[0].end, End::Panicked("again".to_owned()));
    assert_eq!(report.cores[1].end, End::Returned(()));
    assert_eq!(report.cores[0].figures.restarts, 2);
    assert!(!report.all_returned());
    let again = "core 0 panicked (again) and starts again in 1ms";
    let last = "core 0 panicked (again) and does not start again, so all cores stop";
    assert_eq!(log.texts(), [again, again, last]);
}

#[test]
fn the_policy_stop_lets_the_other_cores_end_in_order() {
    let (mut cores, log) = Log::of(Cores::new().count(2).on_panic(Policy::stop()));
    let port = cores.listen("127.0.0.1:0").unwrap();
    let (flag, starts) = (Flag::new(), Arc::new(AtomicUsize::new(0)));
    let theirs = flag.clone();
    let closure = move |core| echo_until_panic(core, port, starts.clone(), theirs.clone());
    let (report, ()) = beside(cores, closure, |_| {
        assert_echoes(&connect(port));
        flag.raise();
        wait_until("core 0 has panicked", || !log.texts().is_empty());
    });
    assert_eq!(report.cores[0].end, End::Panicked("the test asks for it".to_owned()));
    assert_eq!(report.cores[1].end, End::Returned(()));
    let text = "core 0 panicked (the test asks for it) and does not start again, so all cores stop";
    assert_eq!(log.texts(), [text]);
}

#[test]
fn a_panic_of_the_closure_itself_counts() {
    let calls = Arc::new(AtomicUsize::new(0));
    let theirs = calls.clone();
    let report = Cores::new()
        .count(1)
        .on_panic(often())
        .run(move |_| {
            assert!(theirs.fetch_add(1, Ordering::SeqCst) > 1, "not yet");
            async { 42 }
        })
        .unwrap();
    assert_eq!(report.cores[0].end, End::Returned(42));
    assert_eq!((calls.load(Ordering::SeqCst), report.cores[0].figures.restarts), (3, 2));
}

#[test]
fn a_panic_of_a_task_ends_the_task_alone() {
    let closure = |_| async {
        let task = oneloop::spawn(async { panic!("of a task") });
        task.await.unwrap_err().is_panic()
    };
    let report = Cores::new().count(1).run(closure).unwrap();
    assert_eq!(report.cores[0].end, End::Returned(true));
    assert_eq!(report.cores[0].figures.restarts, 0);
}

#[test]
fn a_stop_in_the_pause_before_a_restart_ends_the_core() {
    let policy = Policy::restart(1, Duration::from_secs(600)).pause(Duration::from_secs(600));
    let (cores, log) = Log::of(Cores::new().count(1).on_panic(policy));
    let (report, ()) = beside(
        cores,
        |_| async { panic!("and a pause") },
        |_| wait_until("the core has panicked", || !log.texts().is_empty()),
    );
    assert_eq!(report.cores[0].end, End::<()>::StoppedInPause("and a pause".to_owned()));
}

#[test]
fn messages_to_a_core_that_panics_wait_for_its_restart() {
    let mesh = Mesh::new(4);
    let starts = Arc::new(AtomicUsize::new(0));
    let closure = move |core: Core| {
        let (ours, starts) = (mesh.on(&core), starts.clone());
        async move {
            if core.number() == 0 {
                ours.recv().await; // Core 1 panics after this message.
                ours.send(1, "after").await.unwrap();
                return "sent";
            }
            if starts.fetch_add(1, Ordering::SeqCst) == 0 {
                ours.send(0, "now").await.unwrap();
                panic!("after a message");
            }
            ours.recv().await.1
        }
    };
    let report = Cores::new().count(2).on_panic(often()).run(closure).unwrap();
    assert_eq!(report.cores[1].end, End::Returned("after"));
}

/// Tasks, their outputs and their values may panic in a drop, too. The other cores do not notice it.
#[test]
fn a_panic_in_the_drops_after_a_panic_is_one_panic() {
    struct PanicsInDrop;
    impl Drop for PanicsInDrop {
        fn drop(&mut self) {
            assert!(std::thread::panicking(), "in a drop");
        }
    }
    let starts = Arc::new(AtomicUsize::new(0));
    let theirs = starts.clone();
    let closure = move |_| {
        let start = theirs.fetch_add(1, Ordering::SeqCst);
        async move {
            if start == 0 {
                let kept = PanicsInDrop;
                drop(oneloop::spawn(async move {
                    let _kept = kept;
                    std::future::pending::<()>().await;
                }));
                oneloop::yield_now().await;
                panic!("first");
            }
        }
    };
    let report = Cores::new().count(1).on_panic(often()).run(closure).unwrap();
    assert_eq!(report.cores[0].end, End::Returned(()));
    assert_eq!(starts.load(Ordering::SeqCst), 2);
}

#[test]
fn a_restart_without_a_runtime_has_its_pause_too() {
    let pause = Duration::from_millis(50);
    let policy = Policy::restart(2, Duration::from_secs(600)).pause(pause);
    let calls = Arc::new(AtomicUsize::new(0));
    let (cores, log) = Log::of(Cores::new().count(1).on_panic(policy));
    let cores = cores.runtime(move |builder| {
        assert!(calls.fetch_add(1, Ordering::SeqCst) == 0, "no options");
        builder
    });
    let begun = Instant::now();
    let report = cores.run(|_| async { panic!("first") }).unwrap();
    assert!(begun.elapsed() >= 2 * pause, "{:?}", begun.elapsed());
    let End::<()>::Panicked(text) = &report.cores[0].end else { panic!("{report}") };
    assert!(text.contains("no event loop can be made") && text.contains("no options"), "{text}");
    assert_eq!(log.texts().len(), 3, "{:?}", log.texts());
}

#[test]
fn the_acceptor_gives_nothing_to_a_core_in_the_pause_before_its_restart() {
    let policy = Policy::restart(1, Duration::from_secs(600)).pause(Duration::from_secs(600));
    let (mut cores, log) = Log::of(Cores::new().count(2).on_panic(policy));
    let port = cores.listen_with("127.0.0.1:0", ListenOptions::new().spread(Spread::LeastLoaded)).unwrap();
    let closure = move |core: Core| async move {
        assert!(core.number() != 0, "and a pause");
        echo(core, port).await;
    };
    let (report, ()) = beside(cores, closure, |_| {
        wait_until("the core has panicked", || !log.texts().is_empty());
        connect_many(port, 20).iter().for_each(assert_echoes);
    });
    let accepted: Vec<_> = report.cores.iter().map(|core| core.figures.accepted).collect();
    assert_eq!(accepted, [0, 20]);
}

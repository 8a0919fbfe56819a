//! The stop, its deadline, and cores that end early.

use std::cell::Cell;
use std::future::pending;
use std::io::Write;
use std::net::TcpStream;
use std::rc::Rc;
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::sockets::LIMIT;
use oneloop_cores::{Core, Cores, End, ListenOptions, Policy, Spread};

use crate::support::{
    Flag, Log, address_of_its_own, assert_answered, assert_echoes, beside, connect, connect_many, echo,
    serve, wait_until,
};

fn spreads() -> Vec<Spread> {
    let mut spreads = vec![Spread::LeastLoaded];
    spreads.extend((Spread::default() == Spread::Kernel).then_some(Spread::Kernel));
    spreads
}

#[test]
fn connections_that_came_before_the_stop_are_served_and_then_the_port_is_closed() {
    for spread in spreads() {
        let mut cores = Cores::new().count(2).stop_deadline(Duration::from_secs(90));
        let port = cores.listen_with(address_of_its_own(2), ListenOptions::new().spread(spread)).unwrap();
        let (begin, accepted, end) = (Flag::new(), Flag::new(), Flag::new());
        let theirs = (begin.clone(), accepted.clone(), end.clone());
        let late = Arc::new(Mutex::new(0));
        let closure = move |core: Core| {
            let ((begin, accepted, end), late) = (theirs.clone(), late.clone());
            async move {
                core.stopped().await;
                begin.wait().await;
                serve(core.listener(port).unwrap()).await;
                *late.lock().unwrap() += 1;
                if *late.lock().unwrap() == core.count() {
                    accepted.raise();
                }
                end.wait().await;
            }
        };
        let (report, ()) = beside(cores, closure, |control| {
            let clients = connect_many(port, 30);
            for mut client in &clients {
                client.write_all(b"x").unwrap();
            }
            control.stop();
            begin.raise();
            clients.iter().for_each(assert_answered);
            drop(clients);
            wait_until("all connections are accepted", || accepted.is_raised());
            assert!(TcpStream::connect(port.local_addr()).is_err(), "the port is closed while the cores run");
            end.raise();
        });
        let accepted: u64 = report.cores.iter().map(|core| core.figures.accepted).sum();
        assert_eq!((accepted, report.all_returned()), (30, true), "{spread:?}");
    }
}

#[test]
fn a_stop_before_the_start_counts() {
    let cores = Cores::new().count(2);
    cores.control().stop();
    let report = cores.run(|core| async move { core.stopped().await }).unwrap();
    assert!(report.all_returned());
}

#[test]
fn each_core_can_stop_all() {
    let closure = |core: Core| async move {
        if core.number() == 1 {
            core.stop();
        }
        core.stopped().await;
        core.is_stopping()
    };
    let report = Cores::new().count(3).run(closure).unwrap();
    assert!(report.cores.iter().all(|core| core.end == End::Returned(true)));
}

#[test]
fn a_core_that_does_not_return_is_cut_off_at_the_deadline_and_its_connections_are_closed() {
    let (cores, log) = Log::of(Cores::new().count(1));
    let mut cores = cores.stop_deadline(Duration::from_millis(50)).abandon_after(Duration::from_secs(90));
    let port = cores.listen("127.0.0.1:0").unwrap();
    let closure = move |core: Core| async move {
        echo(core, port).await;
        pending::<()>().await;
    };
    let (report, client) = beside(cores, closure, |_| {
        let client = connect(port);
        assert_echoes(&client);
        client
    });
    crate::support::assert_closed(&client);
    assert_eq!(report.cores[0].end, End::CutOff);
    assert_eq!(report.cores[0].figures.open, 0);
    assert_eq!(log.texts(), ["core 0 did not end within the deadline and is cut off"]);
}

#[test]
fn a_core_that_blocks_its_thread_delays_neither_the_others_nor_the_stop() {
    // On a busy machine core 0 may need longer than a short deadline.
    assert!(
        [4, 16, 64].into_iter().any(|seconds| stops_beside_a_core_that_blocks(Duration::from_secs(seconds)))
    );
}

/// Returns whether core 0 ended within the deadline. Core 1 blocks its thread.
fn stops_beside_a_core_that_blocks(deadline: Duration) -> bool {
    let (cores, log) = Log::of(Cores::new().count(2));
    let cores = cores.stop_deadline(deadline).abandon_after(Duration::from_millis(10));
    let (release, released) = mpsc::channel::<()>();
    let (holding, holds) = mpsc::channel();
    let shared = Mutex::new(Some((released, holding)));
    let closure = move |core: Core| {
        let held = if core.number() == 1 { shared.lock().unwrap().take() } else { None };
        async move {
            if let Some((released, holding)) = held {
                holding.send(()).unwrap();
                let _ = released.recv();
            }
            core.stopped().await;
        }
    };
    let (report, ()) = beside(cores, closure, |_| holds.recv().unwrap());
    assert_eq!(report.cores[1].end, End::Hung);
    drop(release);
    if report.cores[0].end != End::Returned(()) {
        return false;
    }
    let last = "core 1 blocks its thread, which ends with the process";
    assert_eq!(log.texts(), ["core 1 did not end within the deadline and is cut off", last]);
    true
}

#[test]
fn connections_that_wait_for_a_core_that_ends_early_go_to_the_others() {
    let mut cores = Cores::new().count(2);
    let port = cores.listen_with("127.0.0.1:0", ListenOptions::new().spread(Spread::LeastLoaded)).unwrap();
    let flag = Flag::new();
    let theirs = flag.clone();
    let closure = move |core: Core| {
        let flag = theirs.clone();
        async move { if core.number() == 0 { flag.wait().await } else { echo(core, port).await } }
    };
    let (report, ()) = beside(cores, closure, |control| {
        let clients = connect_many(port, 20);
        wait_until("core 0 has its half", || control.figures().first().is_some_and(|core| core.open == 10));
        flag.raise();
        clients.iter().for_each(assert_echoes);
        connect_many(port, 5).iter().for_each(assert_echoes);
    });
    let accepted: Vec<_> = report.cores.iter().map(|core| core.figures.accepted).collect();
    assert_eq!((accepted, report.all_returned()), (vec![0, 25], true));
}

#[cfg(target_os = "linux")]
#[test]
fn the_kernel_gives_nothing_to_a_core_that_has_ended() {
    let mut cores = Cores::new().count(2);
    let port = cores.listen("127.0.0.1:0").unwrap();
    let end_early = Flag::new();
    let theirs = end_early.clone();
    let closure = move |core: Core| {
        let flag = theirs.clone();
        async move {
            if core.number() == 0 {
                let _listener = core.listener(port).unwrap();
                flag.wait().await;
            } else {
                echo(core, port).await;
            }
        }
    };
    let (report, ()) = beside(cores, closure, |_| {
        end_early.raise();
        // The supervisor closes the socket of core 0 when it receives the message of the core's end.
        // Until then connections reach the socket.
        let served_in_turn = std::cell::Cell::new(0);
        wait_until("no connection reaches core 0", || {
            // The close of the socket may also reset a connection that begins at the same moment.
            let answered = TcpStream::connect(port.local_addr()).is_ok_and(|mut client| {
                client.set_read_timeout(Some(LIMIT)).unwrap();
                let _ = client.write_all(b"x");
                matches!(std::io::Read::read(&mut client, &mut [0]), Ok(1))
            });
            served_in_turn.set(if answered { served_in_turn.get() + 1 } else { 0 });
            served_in_turn.get() == 50
        });
    });
    assert!(report.all_returned());
}

#[test]
fn run_returns_when_each_core_has_returned() {
    let report = Cores::new().count(4).run(|core| async move { core.number() }).unwrap();
    let ends: Vec<_> = report.cores.into_iter().map(|core| core.end).collect();
    assert_eq!(ends, [0, 1, 2, 3].map(End::Returned));
}

/// The cores take no connection before the stop. Their queues are full, and the kernel's queue has the
/// other connections.
#[test]
fn connections_that_find_all_queues_full_at_the_stop_are_served() {
    common::runner::need_descriptors(3_000);
    let mut cores = Cores::new().count(2).stop_deadline(Duration::from_secs(90));
    let port = cores.listen_with("127.0.0.1:0", ListenOptions::new().spread(Spread::LeastLoaded)).unwrap();
    let closure = move |core: Core| async move {
        core.stopped().await;
        echo(core, port).await;
    };
    let (report, ()) = beside(cores, closure, |control| {
        let clients = connect_many(port, 400);
        wait_until("both queues are full", || {
            control.figures().len() == 2 && control.figures().iter().all(|core| core.open == 128)
        });
        control.stop();
        clients.iter().for_each(assert_echoes);
    });
    let accepted: u64 = report.cores.iter().map(|core| core.figures.accepted).sum();
    assert_eq!((accepted, report.all_returned()), (400, true));
}

/// After each accepted connection the test adds another one to the queue.
#[cfg(target_os = "linux")]
#[test]
fn connections_that_come_without_end_do_not_delay_the_stop() {
    const BACKLOG: u32 = 8;
    let mut cores = Cores::new().count(1);
    let port = cores.listen_with("127.0.0.1:0", ListenOptions::new().backlog(BACKLOG)).unwrap();
    let closure = move |core: Core| async move {
        let mut listener = core.listener(port).unwrap();
        core.stop();
        core.stopped().await;
        let mut clients = vec![connect(port)];
        while listener.accept().await.is_some() {
            assert!(clients.len() < 100, "the queue held {BACKLOG} connections at the stop");
            clients.push(connect(port));
        }
    };
    let report = cores.on_panic(Policy::stop()).run(closure).unwrap();
    assert!(report.all_returned(), "{report}");
    assert_eq!(report.cores[0].figures.accepted, u64::from(BACKLOG) + 1);
}

#[test]
fn tasks_run_while_a_long_queue_is_accepted_after_the_stop() {
    common::runner::need_descriptors(3_000);
    for spread in spreads() {
        let mut cores = Cores::new().count(1).stop_deadline(Duration::from_secs(90));
        let port = cores.listen_with("127.0.0.1:0", ListenOptions::new().spread(spread)).unwrap();
        let closure = move |core: Core| async move {
            core.stopped().await;
            let (mut listener, ran) = (core.listener(port).unwrap(), Rc::new(Cell::new(false)));
            let mut ran_before_the_end = false;
            while let Some((connection, _)) = listener.accept().await {
                ran_before_the_end = ran.get();
                let ran = ran.clone();
                drop(oneloop::spawn(async move {
                    ran.set(true);
                    drop(connection);
                }));
            }
            ran_before_the_end
        };
        let (report, _clients) = beside(cores, closure, |_| connect_many(port, 300));
        assert_eq!(report.cores[0].end, End::Returned(true), "{spread:?}");
        assert_eq!(report.cores[0].figures.accepted, 300, "{spread:?}");
    }
}

//! The exclusive and the shared use of a port.

use std::io::ErrorKind;
use std::sync::Barrier;
use std::thread;

use oneloop_cores::{Cores, ListenOptions, Spread};

#[cfg(target_os = "linux")]
use crate::support::address_of_its_own;
use crate::support::{assert_closed, assert_echoes, beside, connect, echo, wait_until};

const BOTH: [Spread; 2] = [Spread::Kernel, Spread::LeastLoaded];

fn options(spread: Spread) -> ListenOptions {
    ListenOptions::new().spread(spread)
}

#[test]
fn all_cores_serve_the_one_port_that_the_system_chose() {
    for spread in BOTH.into_iter().filter(|&spread| spread == Spread::default() || spread == BOTH[1]) {
        let mut cores = Cores::new().count(3);
        let port = cores.listen_with("127.0.0.1:0", options(spread)).unwrap();
        assert_ne!(port.local_addr().port(), 0);
        let closure =
            move |core: oneloop_cores::Core| async move { core.listener(port).unwrap().local_addr() };
        let report = cores.run(closure).unwrap();
        for core in report.cores {
            assert_eq!(core.end, oneloop_cores::End::Returned(port.local_addr()));
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_second_instance_is_refused_before_and_while_the_first_runs() {
    for (first, second) in BOTH.into_iter().flat_map(|first| BOTH.map(|second| (first, second))) {
        let mut cores = Cores::new().count(2);
        let port = cores.listen_with("127.0.0.1:0", options(first)).unwrap();
        let again = || {
            let refused = Cores::new().listen_with(port.local_addr(), options(second)).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::AddrInUse, "{first:?}, then {second:?}");
        };
        again();
        let (report, ()) = beside(
            cores,
            move |core| echo(core, port),
            |_| {
                assert_echoes(&connect(port));
                again();
            },
        );
        assert!(report.all_returned());
    }
}

#[cfg(target_os = "linux")]
#[test]
fn of_instances_that_start_at_once_exactly_one_listens() {
    const INSTANCES: usize = 4;
    for _ in 0..50 {
        let probe = std::net::TcpListener::bind(address_of_its_own(1)).unwrap();
        let address = probe.local_addr().unwrap();
        drop(probe);
        let barrier = Barrier::new(INSTANCES);
        let outcomes: Vec<_> = thread::scope(|scope| {
            let instance = || {
                let mut cores = Cores::new();
                barrier.wait();
                let listens = cores.listen(address).is_ok();
                barrier.wait(); // The socket stays open until all instances have tried.
                listens
            };
            let threads: Vec<_> = (0..INSTANCES).map(|_| scope.spawn(instance)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(outcomes.iter().filter(|&&listens| listens).count(), 1);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_second_instance_that_is_allowed_serves_beside_the_first_and_after_it() {
    let (mut first, mut second) = (Cores::new().count(2), Cores::new().count(2));
    let port = first.listen("127.0.0.1:0").unwrap();
    let same = second.listen_with(port.local_addr(), ListenOptions::new().shared(true)).unwrap();
    assert_eq!(same.local_addr(), port.local_addr());
    let (report, accepted) = beside(
        second,
        move |core| echo(core, same),
        |_| {
            let (report, ()) = beside(
                first,
                move |core| echo(core, port),
                |control| {
                    wait_until("the first has all its sockets", || {
                        control.figures().len() == 2 && control.figures().iter().all(|core| core.polls > 0)
                    });
                    (0..200).for_each(|_| assert_echoes(&connect(port)));
                },
            );
            (0..20).for_each(|_| assert_echoes(&connect(port)));
            report.cores.iter().map(|core| core.figures.accepted).sum::<u64>()
        },
    );
    let others: u64 = report.cores.iter().map(|core| core.figures.accepted).sum();
    assert_eq!(accepted + others, 220);
    assert!(accepted > 0 && others > 20, "{accepted}, {others}");
}

#[test]
fn the_address_can_be_taken_again_at_once() {
    let mut cores = Cores::new().count(1);
    let port = cores.listen(address_of_its_own(5)).unwrap();
    // The server closes its side first, so a connection at the port stays in TIME_WAIT.
    let close_one = move |core: oneloop_cores::Core| async move {
        let mut listener = core.listener(port).unwrap();
        drop(listener.accept().await);
        core.stopped().await;
    };
    let (report, ()) = beside(cores, close_one, |_| assert_closed(&connect(port)));
    assert!(report.all_returned());
    Cores::new().listen(port.local_addr()).unwrap();
}

#[test]
fn an_invalid_port_is_an_error_with_a_reason() {
    let shared = options(Spread::LeastLoaded).shared(true);
    let refused = Cores::new().listen_with("127.0.0.1:0", shared).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidInput);
    assert!(refused.to_string().contains("Spread::Kernel"), "{refused}");

    if Spread::default() != Spread::Kernel {
        let refused = Cores::new().listen_with("127.0.0.1:0", options(Spread::Kernel)).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Unsupported);
    }
}

#[test]
fn a_port_of_other_cores_is_refused() {
    let port = Cores::new().listen("127.0.0.1:0").unwrap();
    let mut cores = Cores::new().count(1).on_panic(oneloop_cores::Policy::stop());
    cores.listen("127.0.0.1:0").unwrap();
    let report = cores.run(move |core| async move { drop(core.listener(port)) }).unwrap();
    let oneloop_cores::End::Panicked(text) = &report.cores[0].end else { panic!("{report}") };
    assert!(text.contains("belongs to another Cores"), "{text}");
}

//! The spreading of connections over the cores.

use oneloop_cores::{Cores, ListenOptions, Spread};

use crate::support::{assert_echoes, beside, connect, connect_many, echo, wait_until};

#[cfg(target_os = "linux")]
#[test]
fn the_kernel_gives_each_core_some_of_many_connections() {
    let mut cores = Cores::new().count(2);
    let port = cores.listen("127.0.0.1:0").unwrap();
    let (report, ()) = beside(
        cores,
        move |core| echo(core, port),
        |control| {
            let clients = connect_many(port, 200);
            clients.iter().for_each(assert_echoes);
            assert_eq!(control.figures().iter().map(|core| core.open).sum::<u64>(), 200);
            drop(clients);
            wait_until("each core has closed them", || control.figures().iter().all(|core| core.open == 0));
        },
    );
    let accepted: Vec<_> = report.cores.iter().map(|core| core.figures.accepted).collect();
    assert_eq!(accepted.iter().sum::<u64>(), 200);
    assert!(accepted.iter().all(|&count| count > 0), "{accepted:?}"); // This fails with a probability of 2⁻¹⁹⁹.
}

#[test]
fn the_acceptor_gives_each_connection_to_the_core_with_the_fewest() {
    let mut cores = Cores::new().count(3);
    let options = ListenOptions::new().spread(Spread::LeastLoaded);
    let port = cores.listen_with("127.0.0.1:0", options).unwrap();
    let (report, ()) = beside(
        cores,
        move |core| echo(core, port),
        |control| {
            let open = || control.figures().iter().map(|core| core.open).collect::<Vec<_>>();
            let mut clients = connect_many(port, 30);
            clients.iter().for_each(assert_echoes);
            assert_eq!(open(), [10, 10, 10]);

            // The clients of core 0 leave. They are each third client, because the cores take turns.
            let mut number = 0..;
            clients.retain(|_| number.next().is_some_and(|number| number % 3 != 0));
            wait_until("core 0 has none", || open() == [0, 10, 10]);
            clients.extend(connect_many(port, 9));
            clients.iter().for_each(assert_echoes);
            assert_eq!(open(), [9, 10, 10]);
        },
    );
    assert!(report.all_returned());
    let accepted: Vec<_> = report.cores.iter().map(|core| core.figures.accepted).collect();
    assert_eq!(accepted, [19, 10, 10]);
}

/// Each connection ends before the next one begins, so all cores have the same load and take turns.
#[test]
fn connections_one_by_one_go_in_turn() {
    let mut cores = Cores::new().count(2);
    let options = ListenOptions::new().spread(Spread::LeastLoaded);
    let port = cores.listen_with("127.0.0.1:0", options).unwrap();
    let (report, ()) = beside(
        cores,
        move |core| echo(core, port),
        |control| {
            for _ in 0..10 {
                assert_echoes(&connect(port));
                wait_until("it is closed", || control.figures().iter().all(|core| core.open == 0));
            }
        },
    );
    let accepted: Vec<_> = report.cores.iter().map(|core| core.figures.accepted).collect();
    assert_eq!(accepted, [5, 5]);
}

#[test]
fn connections_that_a_full_core_does_not_take_go_to_others_and_the_rest_waits() {
    let mut cores = Cores::new().count(2);
    let options = ListenOptions::new().spread(Spread::LeastLoaded);
    let port = cores.listen_with("127.0.0.1:0", options).unwrap();
    let flag = crate::support::Flag::new();
    let theirs = flag.clone();
    let late = move |core: oneloop_cores::Core| {
        let flag = theirs.clone();
        async move {
            flag.wait().await;
            echo(core, port).await;
        }
    };
    let (report, ()) = beside(cores, late, |control| {
        let clients = connect_many(port, 300);
        wait_until("both queues are full", || {
            control.figures().len() == 2 && control.figures().iter().all(|core| core.open == 128)
        });
        flag.raise();
        clients.iter().for_each(assert_echoes);
    });
    let accepted: u64 = report.cores.iter().map(|core| core.figures.accepted).sum();
    assert_eq!((accepted, report.all_returned()), (300, true));
}

//! Messages from core to core, and to all.

use std::collections::BTreeSet;
use std::pin::pin;
use std::time::Duration;

use common::sockets::within;
use oneloop::future::poll_once;
use oneloop::time::sleep;
use oneloop_cores::{Broadcast, Core, Cores, End, Mesh, Missed, Policy, SendError};

use crate::support::{Flag, beside};

#[test]
fn every_core_reaches_every_other_and_itself() {
    const CORES: usize = 4;
    let mesh = Mesh::new(1);
    let closure = move |core: Core| {
        let (sends, receives) = (mesh.on(&core), mesh.on(&core));
        async move {
            let from = core.number();
            let sending = oneloop::spawn(async move {
                for to in 0..CORES {
                    sends.send(to, (from, to)).await.unwrap();
                }
            });
            let mut senders = BTreeSet::new();
            while senders.len() < CORES {
                let (sender, message) = within(receives.recv()).await;
                assert_eq!(message, (sender, from));
                assert!(senders.insert(sender), "each sends one message");
            }
            sending.await.unwrap();
        }
    };
    let report = Cores::new().count(CORES).on_panic(Policy::stop()).run(closure).unwrap();
    assert!(report.all_returned(), "{report:?}");
}

#[test]
fn messages_of_one_core_stay_in_their_order() {
    let mesh = Mesh::new(8);
    let closure = move |core: Core| {
        let ours = mesh.on(&core);
        async move {
            if core.number() == 1 {
                for number in 0..10_000 {
                    ours.send(0, number).await.unwrap();
                }
                return true;
            }
            for expected in 0..10_000 {
                if within(ours.recv()).await != (1, expected) {
                    return false;
                }
            }
            true
        }
    };
    let report = Cores::new().count(2).run(closure).unwrap();
    assert!(report.cores.iter().all(|core| core.end == End::Returned(true)));
}

#[test]
fn a_message_that_cannot_be_sent_comes_back_with_the_reason() {
    let mesh = Mesh::new(2);
    let closure = move |core: Core| {
        let ours = mesh.on(&core);
        async move {
            if core.number() == 1 {
                return;
            }
            assert_eq!(ours.try_send(0, "one"), Ok(()));
            assert_eq!(ours.try_send(0, "two"), Ok(()));
            assert_eq!(ours.try_send(0, "three"), Err(SendError::Full("three")));
            assert_eq!(ours.try_send(2, "x"), Err(SendError::NoSuchCore("x")));
            assert_eq!(ours.send(2, "x").await, Err(SendError::NoSuchCore("x")));
            // Core 1 returns at once, and its queue closes some time later.
            within(async {
                while ours.try_send(1, "x") != Err(SendError::Ended("x")) {
                    sleep(Duration::from_millis(1)).await;
                }
            })
            .await;
            assert_eq!(ours.send(1, "y").await, Err(SendError::Ended("y")));
        }
    };
    let report = Cores::new().count(2).on_panic(Policy::stop()).run(closure).unwrap();
    assert!(report.all_returned(), "{report:?}");
}

/// The queue of core 1 is full, and core 0 waits for room when core 1 ends.
#[test]
fn a_send_that_waits_ends_with_the_core_that_it_waits_for() {
    let (mesh, waits) = (Mesh::new(1), Flag::new());
    let closure = move |core: Core| {
        let (ours, waits) = (mesh.on(&core), waits.clone());
        async move {
            if core.number() == 1 {
                within(waits.wait()).await;
                return Ok(());
            }
            ours.send(1, "fills").await.unwrap();
            let mut send = pin!(ours.send(1, "waits"));
            assert!(poll_once(send.as_mut()).await.is_none());
            waits.raise();
            within(send).await
        }
    };
    let report = Cores::new().count(2).on_panic(Policy::stop()).run(closure).unwrap();
    assert_eq!(report.cores[0].end, End::Returned(Err(SendError::Ended("waits"))));
}

#[test]
fn a_mesh_of_other_cores_is_refused() {
    let mesh = Mesh::<()>::new(1);
    let first = mesh.clone();
    Cores::new().count(1).run(move |core| drop_ready(first.on(&core))).unwrap();
    let second = Cores::new().count(1).on_panic(Policy::stop());
    let report = second.run(move |core| drop_ready(mesh.on(&core))).unwrap();
    let End::Panicked(text) = &report.cores[0].end else { panic!("{report}") };
    assert!(text.contains("another Cores"), "{text}");
}

async fn drop_ready<T>(value: T) {
    drop(value);
}

#[test]
fn a_broadcast_from_any_thread_reaches_all_cores() {
    let (broadcast, ready) = (Broadcast::new(4), async_channel::bounded(4));
    let theirs = (broadcast.clone(), ready.0.clone());
    let closure = move |core: Core| {
        let (broadcast, ready) = theirs.clone();
        async move {
            let mut subscription = broadcast.subscribe();
            ready.send(()).await.unwrap();
            let received = within(subscription.recv()).await;
            core.stopped().await;
            received
        }
    };
    let (report, ()) = beside(Cores::new().count(3), closure, |_| {
        (0..3).for_each(|_| ready.1.recv_blocking().unwrap());
        assert!(broadcast.send("reload"));
    });
    assert!(report.cores.iter().all(|core| core.end == End::Returned(Ok("reload"))), "{report:?}");
    assert!(!broadcast.send("to none"));
}

#[test]
fn a_subscription_that_falls_behind_delays_no_sender_and_gets_the_number_of_missed_messages() {
    let broadcast = Broadcast::new(2);
    let mut subscription = broadcast.subscribe();
    (0..5).for_each(|number| assert!(broadcast.send(number)));
    oneloop::block_on(async {
        assert_eq!(subscription.recv().await, Err(Missed(3)));
        assert_eq!(subscription.recv().await, Ok(3));
        assert_eq!(subscription.recv().await, Ok(4));
    });
}

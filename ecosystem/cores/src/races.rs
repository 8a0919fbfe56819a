//! Tests of the shared data of this crate, in which loom runs every order of the threads' accesses. The
//! waiting and the waking are in `async-channel`, and the rest of the shared data is immutable.
//!
//! `RUSTFLAGS="--cfg oneloop_cores_loom" cargo test -p oneloop-cores --release --lib -- races`

use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

use crate::counters::Counters;
use crate::ends::Ends;
use crate::slot::Slot;

fn model(body: impl Fn() + Send + Sync + 'static) {
    let orders = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = orders.clone();
    loom::model(move || {
        count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        body();
    });
    println!("{} orders", orders.load(std::sync::atomic::Ordering::Relaxed));
}

/// The core panics, drops its connections and starts again. Meanwhile the acceptor hands it one more
/// connection and takes another back.
#[test]
fn each_connection_is_counted_once_however_its_core_ends() {
    model(|| {
        let counters = Arc::new(Counters::new());
        counters.opened(); // The core has this connection.
        let acceptor = {
            let counters = counters.clone();
            thread::spawn(move || {
                counters.opened(); // This connection waits in the queue.
                counters.opened(); // The queue refuses this connection, and another core gets it.
                counters.withdrawn();
            })
        };
        counters.set_failing(true);
        counters.closed(false);
        counters.set_failing(false);
        counters.restarted();
        // If a reader sees a negative number in some order, the counter wraps around, and this line
        // fails.
        assert!(counters.open() <= 3);
        acceptor.join().unwrap();
        assert_eq!(
            (counters.accepted(), counters.open(), counters.lost(), counters.restarts()),
            (2, 1, 1, 1)
        );
        counters.closed(false);
        assert_eq!((counters.open(), counters.lost()), (0, 1));
    });
}

/// A socket that counts its closes.
struct Socket(Arc<AtomicUsize>);

impl Drop for Socket {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A core takes its socket again after a restart, while the core's listener and the supervisor close it.
#[test]
fn a_socket_is_closed_once_and_no_duplicate_is_made_after_that() {
    model(|| {
        let closes = Arc::new(AtomicUsize::new(0));
        let slot = Arc::new(Slot::new(Socket(closes.clone())));
        let others: Vec<_> = (0..2)
            .map(|_| {
                let slot = slot.clone();
                thread::spawn(move || slot.close().is_some())
            })
            .collect();
        let taken = slot.with(|socket| socket.0.load(Ordering::Relaxed));
        assert_ne!(taken, Some(1), "a closed socket was duplicated");
        let closed = others.into_iter().map(|other| other.join().unwrap());
        assert_eq!(closed.filter(|&first| first).count(), 1);
        assert_eq!(closes.load(Ordering::Relaxed), 1);
        assert!(slot.with(|_| ()).is_none());
    });
}

/// A thread makes a mesh while a core ends. In either order, the mesh's queue into that core is closed
/// once.
#[test]
fn a_core_that_ends_closes_each_channel_once_whenever_the_channel_is_registered() {
    model(|| {
        let ends = Arc::new(Ends::new());
        let closes: Arc<[AtomicUsize; 2]> = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
        let register = {
            let (ends, closes) = (ends.clone(), closes.clone());
            thread::spawn(move || {
                ends.on_end(move |core| {
                    closes[core].fetch_add(1, Ordering::Relaxed);
                });
            })
        };
        ends.end(1);
        register.join().unwrap();
        let counts = [closes[0].load(Ordering::Relaxed), closes[1].load(Ordering::Relaxed)];
        assert_eq!(counts, [0, 1]);
    });
}

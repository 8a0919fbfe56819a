//! The work of each core.

use std::panic;
use std::sync::Arc;

use oneloop::future::or;
use oneloop::io::copy;
use oneloop::time::{Duration, sleep};
use oneloop_cores::{Broadcast, Core, Listener, Mesh, MeshEnd, Port};

use crate::counts::{Counts, add, get};

const PANIC: &str = "ordered by the soak";

/// A message between cores.
#[derive(Clone, Copy, PartialEq)]
enum Message {
    Work,
    /// The sender sends no further message. Its earlier messages are before this one in the queue.
    Last,
}

/// The values that the closure of each core needs.
#[derive(Clone)]
pub struct Plan {
    ports: Vec<Port>,
    counts: Arc<Counts>,
    mesh: Mesh<Message>,
    orders: Broadcast<usize>,
}

impl Plan {
    pub fn new(ports: &[Port], counts: &Arc<Counts>) -> Plan {
        let (mesh, orders) = (Mesh::new(64), Broadcast::new(16));
        Plan { ports: ports.to_vec(), counts: counts.clone(), mesh, orders }
    }

    /// Returns the channel of orders. An order is the number of the core that must panic.
    pub fn orders(&self) -> Broadcast<usize> {
        self.orders.clone()
    }

    pub async fn run(self, core: Core) {
        let mut orders = self.orders.subscribe();
        let panic = async {
            loop {
                if orders.recv().await == Ok(core.number()) {
                    panic::panic_any(PANIC);
                }
            }
        };
        or(self.serve(&core), panic).await;
    }

    async fn serve(&self, core: &Core) {
        let serving: Vec<_> = self
            .ports
            .iter()
            .map(|&port| oneloop::spawn(echo(core.listener(port).expect("a descriptor is left"))))
            .collect();
        add(&self.counts.starts, 1);
        // A core sends its last messages when it stops, and its earlier messages are before them in the
        // queues. So after the last message of each core the queue is empty.
        let sending = oneloop::spawn(send(core.clone(), self.mesh.on(core), self.counts.clone()));
        let ours = self.mesh.on(core);
        let mut missing = core.count();
        while missing > 0 {
            match ours.recv().await.1 {
                Message::Work => add(&self.counts.received, 1),
                Message::Last => missing -= 1,
            }
            oneloop::consume_budget().await;
        }
        for task in serving.into_iter().chain([sending]) {
            task.await.expect("no task panics");
        }
    }
}

/// Sends messages to each core in turn until the stop, and then the last message to each core.
async fn send(core: Core, ours: MeshEnd<Message>, counts: Arc<Counts>) {
    while !core.is_stopping() {
        for to in 0..core.count() {
            // The send does not wait, because the other core may be in the pause before a restart.
            if ours.try_send(to, Message::Work).is_ok() {
                add(&counts.sent, 1);
            }
        }
        or(sleep(Duration::from_millis(1)), core.stopped()).await;
    }
    for to in 0..core.count() {
        let _ = ours.send(to, Message::Last).await;
    }
}

/// Echoes until the stop, and until the clients have left.
async fn echo(mut listener: Listener) {
    let mut tasks = oneloop::JoinSet::new();
    while let Some((connection, _)) = listener.accept().await {
        tasks.spawn(async move { copy(&connection, &connection).await });
        while tasks.try_join_next().is_some() {}
    }
    while tasks.join_next().await.is_some() {}
}

/// Returns whether each core serves and listens for orders. This is so when the starts are as many as
/// the cores and the panics together.
pub fn all_listen(counts: &Counts, cores: usize) -> bool {
    cores > 0 && get(&counts.starts) == cores as u64 + get(&counts.panics)
}

/// Skips the panic hook for the panics that the soak orders.
pub fn silence_the_traces() {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if info.payload().downcast_ref::<&str>() != Some(&PANIC) {
            usual(info);
        }
    }));
}

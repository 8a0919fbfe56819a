//! The acceptor of [`Spread::LeastLoaded`](super::Spread). One loop accepts each connection of a port
//! and hands it to the core with the fewest connections.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use oneloop::future::or;
use oneloop::net::TcpListener;
use oneloop::time::sleep;

use super::connection::Open;
use super::listener::PAUSE;
use super::port::{CoreQueue, HANDED_MAX, Handed};
use super::rest::Rest;
use crate::event::Event;
use crate::shared::Shared;

/// The pause while the queues of all cores are full.
const FULL: Duration = Duration::from_millis(10);

/// Accepts until the stop. Then accepts the connections in the kernel's queue, and closes the port.
pub(crate) async fn accept(shared: Arc<Shared>, port: usize, listener: TcpListener) {
    let mut next = 0;
    loop {
        let accepted = or(async { Some(listener.accept_std().await) }, async {
            shared.asked.wait().await;
            None
        });
        match accepted.await {
            Some(Ok((stream, peer))) => {
                hand_over_when_there_is_room(&shared, port, stream, peer, &mut next).await;
            }
            Some(Err(error)) => {
                shared.report(Event::AcceptFailed { core: None, error });
                or(sleep(PAUSE), shared.asked.wait()).await;
            }
            None => break,
        }
    }
    if let Err(error) = hand_over_the_rest(&shared, port, listener, &mut next) {
        shared.report(Event::AcceptFailed { core: None, error });
    }
}

/// Hands over the connections in the kernel's queue after the stop. No queue of a core counts as full,
/// because waiting for room would delay the stop. The cores take all connections in their queues.
fn hand_over_the_rest(
    shared: &Arc<Shared>,
    port: usize,
    listener: TcpListener,
    next: &mut usize,
) -> io::Result<()> {
    let mut rest = Rest::new(listener, shared.port(port).backlog());
    while let Some((stream, peer)) = rest.accept()? {
        drop(hand_over(shared, port, usize::MAX, stream, peer, next));
    }
    Ok(())
}

/// Hands the connections that wait for a core that has ended to other cores.
pub(crate) fn redistribute(shared: &Arc<Shared>, port: usize, ended: usize) {
    let mut next = ended + 1;
    while let Ok(Handed { stream, peer, open }) = queues(shared, port)[ended].receiver.try_recv() {
        open.withdraw();
        // The bound is the length of the ended core's queue.
        drop(hand_over(shared, port, usize::MAX, stream, peer, &mut next));
    }
}

async fn hand_over_when_there_is_room(
    shared: &Arc<Shared>,
    port: usize,
    mut stream: TcpStream,
    peer: SocketAddr,
    next: &mut usize,
) {
    // The loop ends when a core takes a connection from its queue, or at the stop.
    loop {
        let room = if shared.asked.is_raised() { usize::MAX } else { HANDED_MAX };
        match hand_over(shared, port, room, stream, peer, next) {
            Some(refused) if room == HANDED_MAX => stream = refused,
            // All cores have ended.
            Some(_) | None => return,
        }
        or(sleep(FULL), shared.asked.wait()).await;
    }
}

/// Hands a connection to the core with the fewest connections whose queue holds fewer than `room`.
/// Returns the connection if no queue has room.
///
/// A core in the pause before a restart gets the connection only if no other core has room. Among
/// several cores with the fewest connections, the next one in turn gets it.
fn hand_over(
    shared: &Arc<Shared>,
    port: usize,
    room: usize,
    mut stream: TcpStream,
    peer: SocketAddr,
    next: &mut usize,
) -> Option<TcpStream> {
    let queues = queues(shared, port);
    let mut cores: Vec<usize> = (0..queues.len()).map(|i| (*next + i) % queues.len()).collect();
    // The sort is stable, so cores with equal keys stay in turn.
    cores.sort_by_key(|&core| {
        let counters = &shared.gauge(core).counters;
        (counters.is_restarting(), counters.open())
    });
    for core in cores {
        if queues[core].sender.is_closed() || queues[core].sender.len() >= room {
            continue;
        }
        let open = Open::new(shared, core);
        match queues[core].sender.try_send(Handed { stream, peer, open }) {
            Ok(()) => {
                *next = core + 1;
                return None;
            }
            Err(refused) => {
                let refused = refused.into_inner();
                refused.open.withdraw();
                stream = refused.stream;
            }
        }
    }
    Some(stream)
}

fn queues(shared: &Shared, port: usize) -> &[CoreQueue] {
    match shared.port(port) {
        super::PortState::LeastLoaded { queues, .. } => queues,
        super::PortState::Kernel { .. } => &[],
    }
}

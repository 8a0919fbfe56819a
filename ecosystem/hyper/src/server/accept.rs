//! This file holds the server's own task. It accepts connections, runs the sweep, and ends the server.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::service::Service;
use oneloop::JoinSet;
use oneloop::time::{Sleep, sleep, timeout};

use super::connection;
use super::error::{Error, Failure};
use super::handshake::Handshake;
use super::listener::{Listener, Transport};
use super::peer::Peer;
use super::serve::{Serve, Shutdown, Summary};
use super::shared::{Listed, Open, Shared};

/// The pause after an error of `accept`. The cause of the error, such as a lack of descriptors, lasts
/// for a while.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves until the shutdown signal. Without a signal the future never completes.
pub(super) async fn run<L, M, S, B>(serve: Serve<L, M>) -> Summary
where
    L: Listener,
    M: Fn(&Peer) -> S + 'static,
    S: Service<Request<Incoming>, Response = Response<B>> + 'static,
    S::Error: Into<Failure>,
    B: Body + 'static,
    B::Error: Into<Failure>,
{
    let Serve { mut listener, make_service, options, on_error, mut shutdown, .. } = serve;
    #[cfg(feature = "tls")]
    let tls = serve.tls;
    let shared = Rc::new(Shared::new(options, on_error));
    let make_service = Rc::new(make_service);
    listener.begin();
    let handshake = |(stream, remote_addr)| Handshake {
        stream,
        remote_addr,
        #[cfg(feature = "tls")]
        tls: tls.clone(),
    };
    let mut server = Server { shared, tasks: JoinSet::new(), sweep: None, accepted: 0 };
    let mut pause: Option<Sleep> = None;

    loop {
        let event = poll_fn(|cx| {
            if poll_shutdown(&mut shutdown, cx).is_ready() {
                return Poll::Ready(None);
            }
            server.poll(cx);
            if poll_sleep(&mut pause, cx).is_pending() || !server.shared.has_room(cx) {
                return Poll::Pending;
            }
            listener.poll_accept(cx).map(Some)
        });
        match event.await {
            None => break,
            Some(Ok(accepted)) => server.spawn(handshake(accepted), make_service.clone()),
            Some(Err(error)) => {
                server.shared.report(Error::Accept(error));
                pause = Some(sleep(PAUSE));
            }
        }
    }
    // Clients that connected before the signal may be in the listener's queue, whose connections its
    // drop resets.
    sleep(connection::A_TURN).await;
    oneloop::unconstrained(poll_fn(|cx| {
        while server.shared.has_room(cx)
            && let Poll::Ready(Ok(accepted)) = listener.poll_accept(cx)
        {
            server.spawn(handshake(accepted), make_service.clone());
        }
        Poll::Ready(())
    }))
    .await;
    drop(listener);
    let grace = shutdown.map_or(Duration::MAX, |shutdown| shutdown.grace);
    let cut_off = server.finish(grace).await;
    Summary { connections: server.accepted, cut_off }
}

fn poll_shutdown(shutdown: &mut Option<Shutdown>, cx: &mut Context<'_>) -> Poll<()> {
    match shutdown {
        Some(shutdown) => shutdown.signal.as_mut().poll(cx),
        None => Poll::Pending,
    }
}

/// Completes when the sleep has completed, and at once if there is none.
fn poll_sleep(sleep: &mut Option<Sleep>, cx: &mut Context<'_>) -> Poll<()> {
    if let Some(running) = sleep {
        ready!(Pin::new(running).poll(cx));
        *sleep = None;
    }
    Poll::Ready(())
}

/// The connections of a server, and the tasks that serve them.
struct Server {
    shared: Rc<Shared>,
    tasks: JoinSet<()>,
    /// The time until the next sweep. It is set while there are connections.
    sweep: Option<Sleep>,
    /// The number of connections since the server began.
    accepted: u64,
}

impl Server {
    /// Removes the tasks of connections that ended, reports their panics, and sweeps when the period is
    /// over.
    fn poll(&mut self, cx: &mut Context<'_>) {
        while let Poll::Ready(Some(ended)) = self.tasks.poll_join_next(cx) {
            if let Err(error) = ended {
                self.shared.report(Error::Panicked(error));
            }
        }
        while self.shared.has_connections() {
            let sweep = self.sweep.get_or_insert_with(|| sleep(self.shared.period()));
            if Pin::new(sweep).poll(cx).is_pending() {
                return;
            }
            self.shared.sweep();
            self.sweep = None;
        }
        self.sweep = None;
    }

    /// Serves a connection in a task of its own.
    fn spawn<T, M, S, B>(&mut self, handshake: Handshake<T>, make_service: Rc<M>)
    where
        T: Transport,
        M: Fn(&Peer) -> S + 'static,
        S: Service<Request<Incoming>, Response = Response<B>> + 'static,
        S::Error: Into<Failure>,
        B: Body + 'static,
        B::Error: Into<Failure>,
    {
        self.accepted += 1;
        let listed = Listed::new(&self.shared);
        let open = Open::new(&self.shared);
        let shared = self.shared.clone();
        self.tasks.spawn(async move {
            let served = connection::serve(&shared, &listed, open, handshake, &*make_service).await;
            if let Err(error) = served {
                shared.report(error);
            }
        });
    }

    /// Waits until all connections have ended, for `grace` at most. Returns the number of the other
    /// connections, which it aborts.
    async fn finish(&mut self, grace: Duration) -> usize {
        self.shared.stop();
        let ended = poll_fn(|cx| {
            self.poll(cx);
            if self.tasks.is_empty() { Poll::Ready(()) } else { Poll::Pending }
        });
        let _ = timeout(grace, ended).await;
        let cut_off = self.tasks.len();
        self.tasks.abort_all();
        while self.tasks.join_next().await.is_some() {}
        cut_off
    }
}

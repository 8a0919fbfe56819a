//! The supervisor, which is the loop on the thread that called `run`. It starts the cores, accepts for
//! them with `Spread::LeastLoaded`, and completes the stop.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use async_channel::Receiver;
use oneloop::JoinSet;
use oneloop::future::or;
use oneloop::net::TcpListener;
use oneloop::time::timeout;

use crate::core_thread::Message;
use crate::event::Event;
use crate::net::{self, CoreQueue, PortState};
use crate::report::{CoreReport, End, Report};
use crate::shared::Shared;

pub(crate) struct Supervisor<T> {
    pub(crate) shared: Arc<Shared>,
    pub(crate) messages: Receiver<Message<T>>,
    pub(crate) stop_deadline: Duration,
    pub(crate) abandon_after: Duration,
    /// The end of each core, by its number.
    pub(crate) ends: Vec<Option<End<T>>>,
}

impl<T> Supervisor<T> {
    pub(crate) async fn run(mut self) -> io::Result<Report<T>> {
        self.all_are_ready().await?;
        let mut acceptors = self.acceptors()?;
        self.shared.started.raise();
        self.until_asked().await;
        self.shared.asked.raise();
        while acceptors.join_next().await.is_some() {}
        self.close_queues();
        self.shared.stopping.raise();
        self.wait_for_ends().await;
        Ok(self.report())
    }

    /// Waits until each core has a runtime.
    async fn all_are_ready(&mut self) -> io::Result<()> {
        for _ in 0..self.ends.len() {
            match self.messages.recv().await {
                Ok(Message::Ready) => {}
                Ok(Message::NotStarted(error)) => {
                    self.shared.cut.raise();
                    let text = format!("no event loop can be made for a core: {error}");
                    return Err(io::Error::new(error.kind(), text));
                }
                // A core ends only after its start, and each core holds a sender.
                Ok(Message::Ended(..)) | Err(_) => unreachable!("the first message of a core is `Ready`"),
            }
        }
        Ok(())
    }

    /// Spawns a task for each port that has an acceptor.
    fn acceptors(&self) -> io::Result<JoinSet<()>> {
        let mut tasks = JoinSet::new();
        for (index, port) in self.shared.ports().iter().enumerate() {
            if let PortState::LeastLoaded { socket, .. } = port
                && let Some(socket) = socket.close()
            {
                let listener = TcpListener::try_from(socket).inspect_err(|_| self.shared.cut.raise())?;
                tasks.spawn(net::accept(self.shared.clone(), index, listener));
            }
        }
        Ok(tasks)
    }

    /// Waits until the program asks for the stop, a core panics without a restart, or all cores have
    /// returned.
    async fn until_asked(&mut self) {
        let asked = self.shared.clone();
        while !asked.asked.is_raised() && self.ends.iter().any(Option::is_none) {
            let message = or(
                async {
                    asked.asked.wait().await;
                    None
                },
                async { self.messages.recv().await.ok() },
            );
            if let Some(Message::Ended(core, end)) = message.await {
                if matches!(end, End::Panicked(_)) {
                    self.shared.asked.raise();
                }
                self.ended(core, end);
            }
        }
    }

    /// Records a core's end, closes its ports and the channels into it, and hands its waiting
    /// connections to other cores.
    fn ended(&mut self, core: usize, end: End<T>) {
        self.shared.ports().iter().for_each(|port| port.close(core));
        self.shared.ends.end(core);
        for (index, port) in self.shared.ports().iter().enumerate() {
            if matches!(port, PortState::LeastLoaded { .. }) {
                net::redistribute(&self.shared, index, core);
            }
        }
        self.ends[core] = Some(end);
    }

    /// Closes the queues of all cores. The acceptors hand over no connection after this.
    fn close_queues(&self) {
        for port in self.shared.ports() {
            if let PortState::LeastLoaded { queues, .. } = port {
                queues.iter().for_each(CoreQueue::close);
            }
        }
    }

    /// Waits for the cores until the deadline. Then asks the remaining cores to drop their futures, and
    /// waits for `abandon_after`. A core that has not ended by then counts as hung.
    async fn wait_for_ends(&mut self) {
        if timeout(self.stop_deadline, self.all_end()).await.is_ok() {
            return;
        }
        for core in self.missing() {
            self.shared.report(Event::CutOff { core });
        }
        self.shared.cut.raise();
        if timeout(self.abandon_after, self.all_end()).await.is_ok() {
            return;
        }
        for core in self.missing() {
            self.shared.report(Event::Hung { core });
            self.ended(core, End::Hung);
        }
    }

    async fn all_end(&mut self) {
        while self.ends.iter().any(Option::is_none) {
            if let Ok(Message::Ended(core, end)) = self.messages.recv().await {
                self.ended(core, end);
            }
        }
    }

    fn missing(&self) -> Vec<usize> {
        (0..self.ends.len()).filter(|&core| self.ends[core].is_none()).collect()
    }

    fn report(self) -> Report<T> {
        let ends =
            self.ends.into_iter().map(|end| end.expect("each core has an end, and the end may be `Hung`"));
        let cores = self.shared.figures().into_iter().zip(ends);
        Report { cores: cores.map(|(figures, end)| CoreReport { figures, end }).collect() }
    }
}

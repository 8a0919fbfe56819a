//! The queue-based event loop, on a thread of its own. A worker of the runtime asks for a round
//! (connections, timers, messages) and waits for its outcome.

use std::io;
use std::rc::Rc;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;
use futures::channel::oneshot;
use oneloop::Interest;
use oneloop::event_loop::{Event, EventLoop, Id, IdMap, Listener, Sender};
use oneloop::net::TcpStream;

use crate::check::Pattern;
use crate::events_io::{Client, Server};
use crate::work::{Done, During, Soak};

const CLIENTS_MAX: usize = 8;
const TIMERS_MAX: usize = 16;
const NUMBERS_MAX: u64 = 200;
const MESSAGE_BYTES_MAX: usize = 1 << 18;
const BUFFER_BYTES: usize = 1 << 14;

/// A round without an event for this time hangs.
const SILENCE: Duration = Duration::from_secs(30);

enum Message {
    Round { rng: Rng, reply: oneshot::Sender<Result<Done, String>> },
    Number(u64),
    End,
}

pub fn start(soak: &Rc<Soak>) -> Result<(), String> {
    let pattern = soak.pattern.clone();
    let (tell, told) = mpsc::channel();
    thread::spawn(move || match Loop::new(pattern) {
        Ok(mut events) => {
            let _ = tell.send(Ok(events.events.sender()));
            events.serve();
        }
        Err(error) => drop(tell.send(Err(error))),
    });
    let posts = Posts(told.recv().during("the event loop's thread")?.during("an event loop")?);
    let tally = soak.kind("event loop");
    soak.worker(&tally, async move |rng| {
        let (reply, outcome) = oneshot::channel();
        posts.0.post(Message::Round { rng: rng.fork(), reply }).during("asking the event loop")?;
        outcome.await.during("waiting for the event loop")?
    });
    Ok(())
}

/// The sender of the worker. Dropping it ends the event loop.
struct Posts(Sender<Message>);

impl Drop for Posts {
    fn drop(&mut self) {
        let _ = self.0.post(Message::End);
    }
}

struct Loop {
    events: EventLoop<Message>,
    listener: Listener,
    pattern: Pattern,
    /// The buffer of all connections. The loop serves one at a time.
    buffer: Vec<u8>,
}

/// The events that are still to come in a round.
#[derive(Default)]
struct Round {
    connecting: IdMap<Vec<u8>>,
    clients: IdMap<Client>,
    servers: IdMap<Server>,
    timers: IdMap<Instant>,
    numbers: std::ops::Range<u64>,
    done: u64,
    bytes: u64,
}

impl Loop {
    fn new(pattern: Pattern) -> io::Result<Loop> {
        let events = EventLoop::new()?;
        let listener = events.listen("127.0.0.1:0")?;
        Ok(Loop { events, listener, pattern, buffer: vec![0; BUFFER_BYTES] })
    }

    fn serve(&mut self) {
        loop {
            match self.events.take(None) {
                Ok(Event::Message(Message::Round { rng, reply })) => {
                    let outcome = self.round(rng);
                    let failed = outcome.is_err();
                    let _ = reply.send(outcome);
                    if failed {
                        return; // the next round would receive the rest of this one's events
                    }
                }
                Ok(Event::Message(Message::End)) => return,
                // Between two rounds the loop has no source but its messages, so another event is a
                // fault. The worker sees that the loop has ended.
                Ok(_) | Err(_) => return,
            }
        }
    }

    fn round(&mut self, mut rng: Rng) -> Result<Done, String> {
        let mut round = self.begin(&mut rng).during("beginning a round")?;
        while !round.is_over() {
            let event = self.events.take(Some(SILENCE)).during("the event loop")?;
            self.handle(event, &mut round)?;
        }
        Ok(Done { operations: round.done, bytes: round.bytes })
    }

    fn begin(&mut self, rng: &mut Rng) -> io::Result<Round> {
        let mut round = Round::default();
        for _ in 0..rng.usize(1..=CLIENTS_MAX) {
            let message = self.pattern.message(rng, MESSAGE_BYTES_MAX).to_vec();
            round.connecting.insert(self.events.connect(self.listener.local_addr())?, message);
        }
        for _ in 0..rng.usize(..=TIMERS_MAX) {
            let duration = Duration::from_micros(rng.u64(..20_000));
            let due = Instant::now() + duration;
            let timer = self.events.timer(duration)?;
            if rng.u8(..4) > 0 || !self.events.cancel(timer) {
                round.timers.insert(timer, due);
            }
        }
        // Another thread posts the numbers, so that they arrive between the other events.
        round.numbers = 0..rng.u64(..NUMBERS_MAX);
        let (sender, numbers) = (self.events.sender(), round.numbers.clone());
        thread::spawn(move || {
            numbers.into_iter().try_for_each(|number| sender.post(Message::Number(number)))
        });
        Ok(round)
    }

    fn handle(&mut self, event: Event<Message>, round: &mut Round) -> Result<(), String> {
        match event {
            Event::Accepted(_, accepted) => {
                let server = Server::new(self.watch(accepted.during("accepting")?.0)?);
                round.servers.insert(server.stream.id(), server);
            }
            Event::Connected(id, connected) => {
                let stream = connected.during("connecting")?;
                let message = round.connecting.remove(&id).ok_or("connected twice")?;
                // See `Stream::reset_on_close`.
                stream.set_linger(Some(Duration::ZERO)).during("connecting")?;
                let client = Client::new(self.watch(stream)?, message);
                client.stream.add_interest(Interest::Writable);
                round.clients.insert(client.stream.id(), client);
            }
            Event::Readable(id) | Event::Writable(id) => return self.handle_ready(id, event, round),
            Event::Timer(id) => {
                let due = round.timers.remove(&id).ok_or("a timer fired twice, or after it was cancelled")?;
                if let Some(early) = due.checked_duration_since(Instant::now()).filter(|e| !e.is_zero()) {
                    return Err(format!("a timer fired {early:?} early"));
                }
                round.done += 1;
            }
            Event::Message(Message::Number(number)) => {
                if round.numbers.next() != Some(number) {
                    return Err(format!("number {number} came out of order"));
                }
                round.done += 1;
            }
            Event::TimedOut => return Err(format!("nothing happens for {SILENCE:?}; {}", round.left())),
            _ => return Err("an unexpected event".to_owned()),
        }
        Ok(())
    }

    fn watch(&self, stream: TcpStream) -> Result<oneloop::event_loop::Watched<TcpStream>, String> {
        self.events.watch(stream, Interest::Readable).during("watching a connection")
    }

    fn handle_ready(&mut self, id: Id, event: Event<Message>, round: &mut Round) -> Result<(), String> {
        let readable = matches!(event, Event::Readable(_));
        if let Some(client) = round.clients.get_mut(&id) {
            let read = if readable { client.read(&mut self.buffer) } else { client.write().map(|()| None) };
            if let Some(bytes) = read? {
                round.clients.remove(&id);
                round.done += 1;
                round.bytes += bytes;
            }
            return Ok(());
        }
        let server = round.servers.get_mut(&id).ok_or("an event of a connection that was dropped")?;
        let open = if readable { server.read_and_answer(&mut self.buffer) } else { server.send_on() };
        if !open {
            round.servers.remove(&id);
        }
        Ok(())
    }
}

impl Round {
    fn is_over(&self) -> bool {
        let Round { connecting, clients, servers, timers, numbers, .. } = self;
        connecting.is_empty()
            && clients.is_empty()
            && servers.is_empty()
            && timers.is_empty()
            && numbers.is_empty()
    }

    fn left(&self) -> String {
        let Round { connecting, clients, servers, timers, numbers, .. } = self;
        format!(
            "still waiting for {} to connect, {} clients, {} of their servers, {} timers, numbers {numbers:?}",
            connecting.len(),
            clients.len(),
            servers.len(),
            timers.len()
        )
    }
}

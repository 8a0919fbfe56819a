//! The server on oneloop's queue-based event loop, with one buffer and without futures.

use std::io::{self, ErrorKind};

use oneloop::Interest;
use oneloop::event_loop::{Event, EventLoop, IdMap, Watched};
use oneloop::net::{TcpListener, TcpStream};

struct Client {
    stream: Watched<TcpStream>,
    unsent: Vec<u8>,
}

pub fn serve(listener: std::net::TcpListener, buffer_bytes: usize) -> io::Result<()> {
    let mut events = EventLoop::<()>::new()?;
    let _listener = events.listen_on(events.enter(|| TcpListener::try_from(listener))?)?;
    let mut clients: IdMap<Client> = IdMap::default();
    let mut buffer = vec![0; buffer_bytes];
    loop {
        let (id, outcome) = match events.take(None)? {
            Event::Accepted(_, accepted) => {
                let (stream, _) = accepted?;
                stream.set_nodelay(true)?;
                let stream = events.watch(stream, Interest::Readable)?;
                clients.insert(stream.id(), Client { stream, unsent: Vec::new() });
                continue;
            }
            Event::Readable(id) => (id, clients.get_mut(&id).map(|client| client.echo(&mut buffer))),
            Event::Writable(id) => (id, clients.get_mut(&id).map(Client::send_on)),
            _ => continue,
        };
        match outcome {
            Some(Err(error)) if error.kind() != ErrorKind::WouldBlock => drop(clients.remove(&id)),
            _ => {}
        }
    }
}

impl Client {
    fn echo(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        let count = self.stream.try_read(buffer)?;
        if count == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        let sent = match self.stream.try_write(&buffer[..count]) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
            outcome => outcome?,
        };
        if sent < count {
            self.unsent.extend_from_slice(&buffer[sent..count]);
            self.stream.remove_interest(Interest::Readable);
            self.stream.add_interest(Interest::Writable);
        }
        Ok(())
    }

    fn send_on(&mut self) -> io::Result<()> {
        let sent = self.stream.try_write(&self.unsent)?;
        self.unsent.drain(..sent);
        if self.unsent.is_empty() {
            self.stream.remove_interest(Interest::Writable);
            self.stream.add_interest(Interest::Readable);
        }
        Ok(())
    }
}

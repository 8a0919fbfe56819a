//! A connection whose one end the loop watches, and whose other end the program holds, as a blocking program would.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown};
#[cfg(unix)]
use std::os::unix::net::UnixStream as Local;

use oneloop::event_loop::{EventLoop, Id, Watch, Watched};
use oneloop::net::TcpStream;
use oneloop::{Interest, Ready};

enum Socket {
    Tcp(TcpStream),
    #[cfg(unix)]
    Local(oneloop::net::UnixStream),
}

enum Peer {
    Tcp(std::net::TcpStream),
    #[cfg(unix)]
    Local(Local),
}

/// Calls a method of whichever it is.
macro_rules! either {
    ($kind:ident, $self:expr, $socket:ident => $call:expr) => {
        match $self {
            $kind::Tcp($socket) => $call,
            #[cfg(unix)]
            $kind::Local($socket) => $call,
        }
    };
}

impl Watch for Socket {
    fn readable(&self) -> Ready<'_> {
        either!(Socket, self, socket => socket.readable())
    }
}

pub struct Connection {
    watched: Watched<Socket>,
    peer: Peer,
    listens: [bool; 2],
    /// What the peer has written and what was read here.
    written: u64,
    read: u64,
    peer_ended: bool,
    /// The end of file was read.
    ended: bool,
    /// What was written here and what the peer has read.
    sent: u64,
    received: u64,
}

fn bytes(from: u64, count: usize) -> Vec<u8> {
    (from..).take(count).map(|place| (place % 251) as u8).collect()
}

impl Connection {
    /// `None` if the system has no connection to give.
    pub fn open<M>(events: &EventLoop<M>, tcp: bool) -> Option<Connection> {
        let (socket, peer) = pair(events, tcp).ok()?;
        let watched = events.watch(socket, Interest::Readable).ok()?;
        let (listens, ended) = ([true, false], false);
        let (written, read, sent, received) = (0, 0, 0, 0);
        Some(Connection { watched, peer, listens, written, read, peer_ended: false, ended, sent, received })
    }

    pub fn id(&self) -> Id {
        self.watched.id()
    }

    pub fn has_ended(&self) -> bool {
        self.ended
    }

    pub fn listen(&mut self, interest: Interest) {
        // The end of a connection makes events for as long as the socket is watched.
        if !(interest == Interest::Readable && self.ended) {
            self.watched.add_interest(interest);
            self.listens[interest as usize] = true;
        }
    }

    pub fn mute(&mut self, interest: Interest) {
        self.watched.remove_interest(interest);
        self.listens[interest as usize] = false;
    }

    /// Bytes that are here, and an end, without the system's network in between.
    pub fn must_be_reported(&self) -> bool {
        let local = !matches!(self.peer, Peer::Tcp(_));
        local && self.listens[0] && (self.read < self.written || self.peer_ended)
    }

    pub fn peer_writes(&mut self, size: usize) -> Result<(), String> {
        if self.peer_ended {
            return Ok(());
        }
        let result = either!(Peer, &mut self.peer, peer => peer.write(&bytes(self.written, size)));
        self.written += moved("the peer's write", result)? as u64;
        Ok(())
    }

    pub fn peer_reads(&mut self, size: usize) -> Result<(), String> {
        let mut buf = vec![0; size];
        let result = either!(Peer, &mut self.peer, peer => peer.read(&mut buf));
        let count = moved("the peer's read", result)?;
        if buf[..count] != bytes(self.received, count) {
            return Err("the peer reads wrong bytes".into());
        }
        self.received += count as u64;
        if self.received > self.sent { Err("the peer reads too much".into()) } else { Ok(()) }
    }

    pub fn peer_ends(&mut self) {
        self.peer_ended = true;
        let _ = either!(Peer, &self.peer, peer => peer.shutdown(Shutdown::Write)); // once is enough
    }

    pub fn readable(&mut self, size: usize) -> Result<(), String> {
        if !self.listens[0] {
            return Err("a Readable event came, and the socket was muted".into());
        }
        let mut buf = vec![0; size];
        match either!(Socket, &*self.watched, socket => socket.try_read(&mut buf)) {
            Ok(0) if !self.peer_ended || self.read < self.written => Err("the end comes too soon".into()),
            Ok(0) => {
                self.ended = true;
                self.mute(Interest::Readable);
                Ok(())
            }
            Ok(count) if buf[..count] == bytes(self.read, count) => {
                self.read += count as u64;
                Ok(())
            }
            Ok(_) => Err("wrong bytes are read".into()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(format!("reading failed: {error}")),
        }
    }

    pub fn writable(&mut self, size: usize) -> Result<(), String> {
        if !self.listens[1] {
            return Err("a Writable event came, and the socket was muted".into());
        }
        let result = either!(Socket, &*self.watched, socket => socket.try_write(&bytes(self.sent, size)));
        self.sent += moved("writing", result)? as u64;
        Ok(())
    }
}

fn moved(what: &str, result: io::Result<usize>) -> Result<usize, String> {
    match result {
        Ok(count) => Ok(count),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
        Err(error) => Err(format!("{what} failed: {error}")),
    }
}

fn pair<M>(events: &EventLoop<M>, tcp: bool) -> io::Result<(Socket, Peer)> {
    #[cfg(unix)]
    if !tcp {
        let (ours, theirs) = Local::pair()?;
        theirs.set_nonblocking(true)?;
        socket2::SockRef::from(&ours).set_send_buffer_size(4096)?;
        let ours = events.enter(|| oneloop::net::UnixStream::try_from(ours))?;
        return Ok((Socket::Local(ours), Peer::Local(theirs)));
    }
    let _ = tcp;
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let theirs = std::net::TcpStream::connect(listener.local_addr()?)?;
    let ours = listener.accept()?.0;
    theirs.set_nonblocking(true)?;
    socket2::SockRef::from(&ours).set_send_buffer_size(4096)?;
    let ours = events.enter(|| TcpStream::try_from(ours))?;
    ours.set_linger(Some(std::time::Duration::ZERO))?; // leaves no port behind that rests for a minute
    Ok((Socket::Tcp(ours), Peer::Tcp(theirs)))
}

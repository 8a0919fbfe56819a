//! The servers of the echo, the churn and the UDP clients. They are the code of the example `echo`.

use std::cell::Cell;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
#[cfg(unix)]
use std::path::PathBuf;
use std::rc::Rc;

use futures_lite::StreamExt;
use oneloop::Ready;
use oneloop::net::{TcpListener, TcpStream, UdpSocket};

use crate::shared::Shared;
use crate::streams::{self, ByteStream};
#[cfg(unix)]
use crate::unix_path::UnixPath;
use crate::work::During;

/// The number of bytes after which the TCP server spoils a byte.
const SPOILED: u64 = 100_000;

#[derive(Clone)]
pub struct Addresses {
    pub tcp: SocketAddr,
    pub udp: SocketAddr,
    #[cfg(unix)]
    pub unix: PathBuf,
}

/// The servers run in this process, or in one of their own.
pub enum Servers {
    Here(Rc<Shared>),
    #[cfg(unix)]
    Apart(crate::apart::Apart),
}

/// Starts the servers as tasks, which end with their runtime.
pub async fn start(spoil: bool) -> Result<(Addresses, Rc<Shared>), String> {
    let shared = Rc::new(Shared::new());
    let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.during("listening")?;
    let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.during("binding a UDP socket")?;
    let addresses = Addresses {
        tcp: tcp.local_addr().during("listening")?,
        udp: udp.local_addr().during("binding a UDP socket")?,
        #[cfg(unix)]
        unix: start_unix(shared.clone()).await?,
    };
    oneloop::spawn(crate::datagrams::echo(udp, shared.clone()));
    let theirs = shared.clone();
    oneloop::spawn(async move {
        let incoming =
            tcp.incoming().map(|accepted| accepted.inspect(|stream| drop(stream.set_nodelay(true))));
        if spoil {
            streams::accept(incoming.map(|accepted| accepted.map(Spoiling::new)), theirs).await;
        } else {
            streams::accept(incoming, theirs).await;
        }
    });
    Ok((addresses, shared))
}

#[cfg(unix)]
async fn start_unix(shared: Rc<Shared>) -> Result<PathBuf, String> {
    let path = std::env::temp_dir().join(format!("oneloop-soak-{}", std::process::id()));
    let listener = UnixPath::bind(&path).await.during(&format!("listening on {}", path.display()))?;
    oneloop::spawn(async move { streams::accept(listener.incoming(), shared).await });
    Ok(path)
}

/// A stream with one wrong byte for its reader, which the check must find.
struct Spoiling {
    stream: TcpStream,
    read: Cell<u64>,
}

impl Spoiling {
    fn new(stream: TcpStream) -> Spoiling {
        Spoiling { stream, read: Cell::new(0) }
    }
}

impl ByteStream for Spoiling {
    fn readable(&self) -> Ready<'_> {
        self.stream.readable()
    }
    fn writable(&self) -> Ready<'_> {
        self.stream.writable()
    }
    fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.stream.try_read(buffer)?;
        let before = self.read.replace(self.read.get() + length as u64);
        if let Some(byte) = SPOILED.checked_sub(before).and_then(|at| buffer[..length].get_mut(at as usize)) {
            *byte ^= 1;
        }
        Ok(length)
    }
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.try_write(bytes)
    }
}

//! The tests share temporary folders, certificates, other programs, and simple servers.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::examples::{LIMIT, uninterrupted};
use common::sockets::skip;

/// A temporary folder of one test.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(test: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("oneloop-programs-{}-{test}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path); // A killed process with the same number may have left it.
        std::fs::create_dir_all(&path).expect("a folder");
        Folder(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn file(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        std::fs::write(self.0.join(name), bytes).expect("it can be written");
        self.file(name)
    }

    /// Returns the names of all files, hidden ones included.
    pub fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.0).expect("the folder is there");
        let name = |entry: io::Result<std::fs::DirEntry>| entry.expect("an entry").file_name();
        let mut names: Vec<_> = entries.map(|entry| name(entry).to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Makes a self-signed certificate for `localhost` and 127.0.0.1 with this serial number, and its key.
pub fn certificate(serial: u8) -> (String, String) {
    let names = ["localhost", "127.0.0.1"].map(str::to_owned).to_vec();
    let mut params = rcgen::CertificateParams::new(names).expect("names that certificates can have");
    params.serial_number = Some(rcgen::SerialNumber::from_slice(&[serial]));
    let key = rcgen::KeyPair::generate().expect("a key");
    (params.self_signed(&key).expect("a certificate").pem(), key.serialize_pem())
}

/// Runs another program until its exit. Returns its standard output and error, or `None` without the
/// program.
pub fn tool(test: &str, name: &str, arguments: &[&str], input: &str) -> Option<String> {
    let mut command = Command::new(name);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            skip(test, &format!("`{name}` is not installed"), &format!("apt-get install {name}"));
            return None;
        }
        Err(error) => panic!("{name}: {error}"),
    };
    let mut stdin = child.stdin.take().expect("it is piped");
    let _ = stdin.write_all(input.as_bytes()); // The program may exit before it reads all of its input.
    drop(stdin);
    let output = child.wait_with_output().expect("it is our child");
    let texts = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    Some(texts.concat())
}

/// A simple server in a thread. It calls `answer` with each request when the request's head has arrived.
/// Each connection has one request.
pub struct ByHand {
    pub addr: SocketAddr,
    requests: Arc<AtomicUsize>,
}

/// A request to a `ByHand` server.
pub struct Request {
    /// The number of requests before this one.
    pub number: usize,
    /// The target of the request: a path and a query.
    pub target: String,
    pub stream: TcpStream,
}

impl ByHand {
    pub fn start(answer: impl Fn(Request) -> io::Result<()> + Send + 'static) -> ByHand {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let addr = listener.local_addr().expect("it is bound");
        let requests = Arc::new(AtomicUsize::new(0));
        let theirs = requests.clone();
        std::thread::spawn(move || {
            while let Ok((mut stream, _)) = uninterrupted(|| listener.accept()) {
                stream.set_read_timeout(Some(LIMIT)).expect("a limit that is not 0");
                let Ok(target) = read_target(&mut stream) else { continue };
                let number = theirs.fetch_add(1, Ordering::SeqCst);
                let _ = answer(Request { number, target, stream }); // The client may close the connection at any time.
            }
        });
        ByHand { addr, requests }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

/// Reads the head of a request.
fn read_target(stream: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head);
    Ok(head.split(' ').nth(1).unwrap_or_default().to_owned())
}

/// Sends a whole response, after which the connection is closed.
pub fn respond(stream: &mut TcpStream, status: &str, headers: &str, body: &[u8]) -> io::Result<()> {
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n");
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)
}

/// Sends the head of a response of 10,000 bytes, and half of its body.
pub fn respond_half(stream: &mut TcpStream) -> io::Result<()> {
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10000\r\n\r\n")?;
    stream.write_all(&[b'x'; 5000])
}

/// Waits until the client has closed its side.
pub fn until_closed(stream: &mut TcpStream) -> io::Result<()> {
    stream.read_to_end(&mut Vec::new()).map(drop)
}

/// Closes a connection with a reset.
pub fn reset(stream: TcpStream) {
    let socket = socket2::SockRef::from(&stream);
    socket.set_linger(Some(std::time::Duration::ZERO)).expect("it can be set");
}

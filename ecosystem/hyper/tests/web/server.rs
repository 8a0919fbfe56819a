//! The tests share the server as a process, a folder, and curl.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use common::examples::{LIMIT, Program, command, until};
use common::runner;

/// A folder of the test. Its drop removes it.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Folder {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("oneloop-web-{}-{number}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path); // A killed process with the same number may have left it.
        std::fs::create_dir(&path).unwrap();
        Folder(path)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub fn text(&self) -> &str {
        self.0.to_str().unwrap()
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    pub fn names(&self) -> Vec<String> {
        let name = |entry: std::io::Result<std::fs::DirEntry>| entry.unwrap().file_name();
        let mut names: Vec<_> = std::fs::read_dir(&self.0).unwrap().map(name).collect();
        names.sort();
        names.into_iter().map(|name| name.into_string().unwrap()).collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// `http_server` on a port that the system chooses.
pub struct Server {
    pub program: Program,
    pub address: String,
}

impl Server {
    #[track_caller]
    pub fn start(arguments: &[&str]) -> Server {
        let mut command = command("http_server");
        Server::start_command(command.arg("127.0.0.1:0").args(arguments))
    }

    #[track_caller]
    pub fn start_command(command: &mut Command) -> Server {
        let program = Program::start(command).expect("it starts");
        program.stdout.wait_for("try it"); // The program prints this line after the address.
        let text = program.stdout.so_far();
        let address = text.lines().next().and_then(|line| line.strip_prefix("listening on http://"));
        Server { address: address.expect("the program prints its address").to_owned(), program }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    #[track_caller]
    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).expect("the server listens");
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        stream.set_write_timeout(Some(LIMIT)).unwrap();
        stream
    }

    /// Waits until `/status` contains `part`.
    #[track_caller]
    pub fn wait_for_status(&self, part: &str) {
        until(part, || curl(&[&self.url("/status")]).text().contains(part).then_some(()));
    }

    #[cfg(unix)]
    pub fn terminate(&self) {
        self.program.signal(oneloop::signal::SignalKind::TERMINATE.number());
    }

    /// Stops the server, and returns its standard output and standard error.
    #[cfg(unix)]
    #[track_caller]
    pub fn stop(mut self) -> (String, String) {
        self.terminate();
        let status = self.program.wait();
        let (stdout, stderr) = (self.program.stdout.so_far(), self.program.stderr.so_far());
        assert_eq!(status.code(), Some(0), "{stdout}{stderr}");
        (stdout, stderr)
    }
}

/// Returns whether a program is installed. If it is not, a message names the skipped test.
pub fn has(program: &str, package: &str, test: &str) -> bool {
    let there = Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok();
    if !there {
        runner::skip(test, &format!("{program} is not installed"), &format!("apt-get install {package}"));
    }
    there
}

/// Returns from a test whose program is not installed.
macro_rules! need {
    ($program:literal, $package:literal, $test:literal) => {
        if !crate::server::has($program, $package, $test) {
            return;
        }
    };
    (curl, $test:literal) => {
        crate::server::need!("curl", "curl", $test)
    };
}
pub(crate) use need;

/// A response that curl received.
#[derive(Debug)]
pub struct Answer {
    pub version: String,
    pub status: u16,
    /// The headers. Their names are in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    /// Parses the output of `curl --include`: heads of interim responses, a head, a body.
    fn parse(mut bytes: &[u8]) -> Answer {
        loop {
            let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a head ends");
            let head = std::str::from_utf8(&bytes[..end]).expect("a head is text");
            bytes = &bytes[end + 4..];
            let mut lines = head.lines();
            let mut first = lines.next().unwrap().split(' ');
            let version = first.next().unwrap().to_owned();
            let status = first.next().unwrap().parse().unwrap();
            if status < 200 {
                continue;
            }
            let headers = lines.filter_map(|line| line.split_once(": "));
            let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
            return Answer { version, status, headers: headers.collect(), body: bytes.to_vec() };
        }
    }

    #[track_caller]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("it is text")
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|header| header.0 == name).map(|header| header.1.as_str())
    }

    /// Asserts that the response is a JSON error whose message contains `part`.
    #[track_caller]
    pub fn assert_error(&self, status: u16, part: &str) {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), Some("application/json"), "{self:?}");
        let begin = format!("{{\"error\":{{\"status\":{status},\"message\":\"");
        assert!(self.text().starts_with(&begin), "{}", self.text());
        assert!(self.text().contains(part), "`{part}` is not in {}", self.text());
    }
}

/// Runs curl, which prints errors only and uses no settings and no proxy of the machine.
pub fn curl_command(arguments: &[&str]) -> Command {
    let mut command = Command::new("curl");
    let limit = LIMIT.as_secs().to_string();
    command.args(["-q", "--silent", "--show-error", "--noproxy", "*", "--max-time", &limit]);
    // Without an answer to its question curl sends the body after a second, which may be too early.
    command.args(["--expect100-timeout", &limit]);
    command.args(arguments).stdin(Stdio::null());
    command
}

/// Makes one request with curl, and asserts that a response arrives.
#[track_caller]
pub fn curl(arguments: &[&str]) -> Answer {
    let output = curl_command(arguments).arg("--include").output().expect("curl starts");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "curl {arguments:?}: {}: {stderr}", output.status);
    Answer::parse(&output.stdout)
}

/// Returns a path as an argument.
#[track_caller]
pub fn text(path: &Path) -> &str {
    path.to_str().expect("the path is UTF-8")
}

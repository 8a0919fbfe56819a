//! A redis-server for a test, on a Unix socket in a temporary folder.

use std::io;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use common::examples::until;
use common::runner::skip;
use oneloop_work_queue::{Builder, Queue};
use tempfile::TempDir;

pub struct Redis {
    child: Child,
    arguments: Vec<String>,
    url: String,
    folder: TempDir,
}

impl Redis {
    /// Starts a server that writes nothing to a disk. Returns `None` if redis-server is not installed.
    pub fn start(test: &str) -> Option<Redis> {
        Redis::start_with(test, &["--appendonly", "no"])
    }

    /// Starts a server with these options in addition to its socket and its folder.
    pub fn start_with(test: &str, options: &[&str]) -> Option<Redis> {
        if !installed(test) {
            return None;
        }
        let folder = tempfile::tempdir().expect("a folder");
        let socket = folder.path().join("socket");
        let mut arguments: Vec<String> = ["--save", "", "--daemonize", "no"].map(str::to_owned).to_vec();
        if !options.contains(&"--port") {
            arguments.extend(["--port", "0"].map(str::to_owned));
        }
        arguments.extend(["--unixsocket".to_owned(), socket.display().to_string()]);
        arguments.extend(["--dir".to_owned(), folder.path().display().to_string()]);
        arguments.extend(options.iter().map(|option| (*option).to_owned()));
        let url = format!("redis+unix://{}", socket.display());
        let child = spawn(&arguments);
        let mut server = Redis { child, arguments, url, folder };
        server.wait();
        Some(server)
    }

    /// Waits until the server has loaded its data and answers. A server with a port may end at its
    /// start: a process that another test is starting holds this process's sockets for a moment, and so
    /// also the probe that found the port. Such a server is started again.
    #[track_caller]
    fn wait(&mut self) {
        until("redis-server answers", || {
            if self.child.try_wait().expect("the server is a child of this process").is_some() {
                self.child = spawn(&self.arguments);
            }
            match redis::cmd("PING").query::<String>(&mut self.connect().ok()?) {
                Ok(_) => Some(()),
                Err(error) if error.to_string().contains("NOAUTH") => Some(()),
                Err(_) => None,
            }
        });
    }

    fn connect(&self) -> redis::RedisResult<redis::Connection> {
        redis::Client::open(self.url.as_str())?.get_connection()
    }

    /// Opens a plain connection, with which a test reads the keys of the queue.
    #[track_caller]
    pub fn plain(&self) -> redis::Connection {
        self.connect().expect("the server listens")
    }

    /// Runs a command that consists of these words.
    #[track_caller]
    pub fn command<T: redis::FromRedisValue>(&self, words: &[&str]) -> T {
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]);
        command.query(&mut self.plain()).expect("the server runs the command")
    }

    pub fn url(&self) -> String {
        self.url.clone()
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn queue(&self) -> Queue {
        self.queue_with(|builder| builder)
    }

    pub fn queue_with(&self, options: impl FnOnce(Builder) -> Builder) -> Queue {
        options(Queue::builder("test")).redis(&self.url).expect("the options are valid")
    }

    /// Returns a function that makes a queue of this server on another thread.
    pub fn maker(&self) -> impl Fn() -> Queue + Send + Clone + 'static {
        let url = self.url();
        move || Queue::builder("test").redis(&url).expect("the options are valid")
    }

    /// Kills the server, as a crash does.
    pub fn kill(&mut self) {
        self.child.kill().expect("the server runs");
        self.child.wait().expect("the server is a child of this process");
    }

    /// Starts the server again on the same data.
    pub fn restart(&mut self) {
        self.child = spawn(&self.arguments);
        self.wait();
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill(); // The server may have ended already.
        let _ = self.child.wait();
    }
}

pub fn installed(test: &str) -> bool {
    let found = Command::new("redis-server").arg("--version").output().is_ok();
    if !found {
        skip(test, "redis-server is not installed", "apt-get install redis-server");
    }
    found
}

fn spawn(arguments: &[String]) -> Child {
    let mut command = Command::new("redis-server");
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null());
    match command.spawn() {
        Ok(child) => child,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            panic!("redis-server was installed at the start of the test")
        }
        Err(error) => panic!("redis-server: {error}"),
    }
}

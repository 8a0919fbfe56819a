//! What the tests of the examples share: the built programs, run for real.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

pub use crate::interrupted::uninterrupted;
pub use crate::runner::{self, need_descriptors};

/// Far more than anything here needs: what takes longer hangs.
pub const LIMIT: Duration = Duration::from_secs(90);

/// Asks again and again until there is an answer.
#[track_caller]
pub fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + LIMIT;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "{what}: not in {LIMIT:?}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// An example that cargo has built beside this test: `target/<profile>/examples/NAME`.
pub fn binary(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test knows where it is");
    let profile = test.parent().and_then(|deps| deps.parent()).expect("it is in target/<profile>/deps");
    let path = profile.join("examples").join(name).with_extension(std::env::consts::EXE_EXTENSION);
    assert!(path.exists(), "{path:?} is missing: `cargo test` builds it, as does `cargo build --examples`");
    path
}

/// A command that runs an example.
pub fn command(name: &str) -> Command {
    runner::command(&binary(name))
}

/// A program that runs; dropping it kills it.
pub struct Program {
    child: Child,
    pub stdout: Text,
    pub stderr: Text,
}

/// What a program has written so far.
pub struct Text {
    so_far: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

impl Text {
    fn of(pipe: impl Read + Send + 'static) -> Text {
        let so_far = Arc::new(Mutex::new(String::new()));
        let theirs = so_far.clone();
        let reader = std::thread::spawn(move || {
            let mut lines = BufReader::new(pipe);
            let mut line = String::new();
            while lines.read_line(&mut line).is_ok_and(|length| length > 0) {
                theirs.lock().unwrap().push_str(&line);
                line.clear();
            }
        });
        Text { so_far, reader: Some(reader) }
    }

    pub fn so_far(&self) -> String {
        self.so_far.lock().unwrap().clone()
    }

    #[track_caller]
    pub fn wait_for(&self, part: &str) {
        until(part, || self.so_far().contains(part).then_some(()));
    }
}

impl Program {
    pub fn start(command: &mut Command) -> std::io::Result<Program> {
        Program::start_from(command, Stdio::null())
    }

    /// With a pipe to its standard input, which [`input`](Program::input) gives out.
    pub fn start_fed(command: &mut Command) -> std::io::Result<Program> {
        Program::start_from(command, Stdio::piped())
    }

    /// With a standard input of the caller's.
    pub fn start_from(command: &mut Command, stdin: impl Into<Stdio>) -> std::io::Result<Program> {
        let mut child = command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let stdout = Text::of(child.stdout.take().expect("it is piped"));
        let stderr = Text::of(child.stderr.take().expect("it is piped"));
        Ok(Program { child, stdout, stderr })
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Where its standard input is written to; dropping it ends that.
    #[track_caller]
    pub fn input(&mut self) -> ChildStdin {
        self.child.stdin.take().expect("it was started with one")
    }

    /// Waits for the program's end, and for all its text.
    #[track_caller]
    pub fn wait(&mut self) -> ExitStatus {
        let status = until("the program's end", || {
            self.child.try_wait().expect("it is our child and can be waited for")
        });
        for text in [&mut self.stdout, &mut self.stderr] {
            if let Some(reader) = text.reader.take() {
                reader.join().unwrap();
            }
        }
        status
    }

    /// Whether it has; its status is kept for [`wait`](Program::wait).
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("it is our child and can be waited for").is_some()
    }

    /// The program's physical memory.
    #[cfg(target_os = "linux")]
    pub fn resident_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() * 1024
    }

    /// The processor time that the program has used.
    #[cfg(target_os = "linux")]
    pub fn processor_time(&self) -> Duration {
        const TICK: Duration = Duration::from_millis(10); // what Linux counts in for user space
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.id())).unwrap();
        // After the name, which is in brackets, comes the third field; user and system time are the 14th and 15th.
        let mut fields = stat.rsplit_once(')').unwrap().1.split_whitespace().skip(11);
        let mut next = || fields.next().unwrap().parse::<u32>().unwrap();
        TICK * (next() + next())
    }

    #[cfg(unix)]
    pub fn signal(&self, number: i32) {
        // SAFETY: `kill` takes two numbers and touches no memory. The number is that of our child, because the
        // child has not been waited for.
        let result = unsafe { libc::kill(self.id() as i32, number) };
        assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
    }
}

#[cfg(unix)]
impl Program {
    /// In a process group of its own, as a shell starts it in a terminal.
    pub fn start_in_a_group(command: &mut Command) -> std::io::Result<Program> {
        use std::os::unix::process::CommandExt;
        Program::start(command.process_group(0))
    }

    /// To all processes of the group, as a terminal does at Ctrl+C. The program was started in one of its own.
    pub fn signal_the_group(&self, number: i32) {
        // SAFETY: `kill` takes two numbers and touches no memory. The group is our child's, which has not been
        // waited for: so its number is no other group's.
        let result = unsafe { libc::kill(-(self.id() as i32), number) };
        assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!(
                "the program's stdout:\n{}\nits stderr:\n{}",
                self.stdout.so_far(),
                self.stderr.so_far()
            );
        }
    }
}

/// Runs an example to its end: its exit code, standard output and standard error.
#[track_caller]
pub fn run(name: &str, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut program = Program::start(command(name).args(arguments)).expect("it starts");
    let status = program.wait();
    (status.code(), program.stdout.so_far(), program.stderr.so_far())
}

/// Runs an example that is to end well and to complain of nothing: what it prints.
#[track_caller]
pub fn show(name: &str) -> String {
    let (code, stdout, stderr) = run(name, &[]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""), "{stdout}");
    assert_fits(&stdout);
    stdout
}

/// What a program prints fits into the 80 columns of a terminal. A line of an article is as long as it is there.
#[track_caller]
pub fn assert_fits(text: &str) {
    let too_long = |line: &&str| line.chars().count() > 80 && !line.starts_with("process running with id: ");
    assert_eq!(text.lines().find(too_long), None);
}

/// Runs an example that is to refuse its arguments, or to fail: exactly one line on standard error that
/// contains all `parts`, and the exit code.
#[track_caller]
pub fn assert_fails(name: &str, arguments: &[&str], exit_code: i32, parts: &[&str]) {
    let (code, stdout, stderr) = run(name, arguments);
    assert_eq!(code, Some(exit_code), "{arguments:?}: {stdout}{stderr}");
    assert_eq!(stdout, "", "{arguments:?}");
    assert_eq!(stderr.lines().count(), 1, "{arguments:?}: {stderr}");
    assert!(stderr.starts_with(&format!("{name}: ")), "{arguments:?}: {stderr}");
    for part in parts {
        assert!(
            stderr.to_lowercase().contains(&part.to_lowercase()),
            "{arguments:?}: `{part}` is not in: {stderr}"
        );
    }
}

/// The echo server.
pub struct Echo {
    pub program: Program,
    pub address: String,
}

impl Echo {
    #[track_caller]
    pub fn start(arguments: &[&str]) -> Echo {
        Echo::start_command(command("echo").args(arguments))
    }

    /// A TCP server on a port that the system chooses.
    #[track_caller]
    pub fn tcp() -> Echo {
        Echo::start(&["127.0.0.1:0"])
    }

    #[track_caller]
    pub fn start_command(command: &mut Command) -> Echo {
        let program = Program::start(command).expect("it starts");
        // The hint comes last.
        program.stdout.wait_for("nc ");
        let text = program.stdout.so_far();
        let address = text.lines().find_map(|line| line.strip_prefix("listening on "));
        Echo { address: address.expect("it says where it listens").to_owned(), program }
    }

    #[track_caller]
    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).expect("the server listens");
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        stream.set_write_timeout(Some(LIMIT)).unwrap();
        stream
    }
}

/// Sends bytes and expects them back.
#[track_caller]
pub fn assert_echoes(mut stream: impl Read + Write, bytes: &[u8]) {
    stream.write_all(bytes).unwrap();
    assert_returns(stream, bytes);
}

#[track_caller]
pub fn assert_returns(mut stream: impl Read, bytes: &[u8]) {
    let mut back = vec![0; bytes.len()];
    stream.read_exact(&mut back).unwrap();
    assert!(back == bytes, "other bytes came back");
}

/// Bytes that differ from one `seed` to another and at every place.
pub fn bytes(seed: usize, length: usize) -> Vec<u8> {
    (0..length).map(|i| (seed * 31 + i * 7 + i / 251) as u8).collect()
}

//! The servers in a process of their own, for systems that do not allow one process enough descriptors
//! for both ends of all connections. The process runs this program again, and communicates with the
//! first process through pipes. It prints its addresses, and a sample for each question.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use oneloop::Runtime;

use crate::options;
use crate::process::say;
use crate::rest::Sample;
use crate::servers::{self, Addresses};
use crate::stop::Stop;
use crate::work::During;

/// The servers' process, from the view of the first process.
pub struct Apart {
    pub addresses: Addresses,
    child: Child,
    questions: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Apart {
    pub fn start(spoil: bool) -> Result<Apart, String> {
        let step = "starting the servers' process";
        let mut command = Command::new(std::env::current_exe().during(step)?);
        command.arg(if spoil { options::SERVE_SPOILED } else { options::SERVE });
        // Ctrl+C in a terminal reaches the first process alone, which decides when both end.
        command.process_group(0);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().during(step)?;
        let questions = child.stdin.take();
        let mut answers = BufReader::new(child.stdout.take().ok_or("it has no standard output")?);
        let addresses = Addresses {
            tcp: line(&mut answers)?.parse().during(step)?,
            udp: line(&mut answers)?.parse().during(step)?,
            unix: line(&mut answers)?.into(),
        };
        Ok(Apart { addresses, child, questions, answers })
    }

    /// Asks for a sample and waits for the answer. This blocks the loop, which is no problem while all
    /// work rests.
    pub fn sample(&mut self) -> Result<Sample, String> {
        let questions = self.questions.as_mut().ok_or("the servers' process has no standard input")?;
        writeln!(questions).during("asking the servers' process")?;
        let line = line(&mut self.answers)?;
        let mut values = line.split(' ').map(|value| value.parse().ok());
        let mut next = || values.next().flatten();
        Ok(Sample {
            resident: next(),
            heap: next().ok_or("the servers' process doesn't answer")?,
            descriptors: next(),
            connections: next().ok_or("the servers' process doesn't answer")?,
        })
    }
}

fn line(answers: &mut BufReader<ChildStdout>) -> Result<String, String> {
    let mut line = String::new();
    answers.read_line(&mut line).during("reading from the servers' process")?;
    Ok(line.trim_end().to_owned())
}

impl Drop for Apart {
    fn drop(&mut self) {
        drop(self.questions.take()); // the end of its input ends the process
        let _ = self.child.wait();
    }
}

/// Runs the servers until the end of standard input.
pub fn serve(spoil: bool) -> Result<u8, String> {
    crate::process::raise_descriptor_limit();
    let runtime = Runtime::new().during("an event loop")?;
    runtime.block_on(async {
        // A request to end may reach both processes. This process ignores it, because the first one
        // decides when both end.
        let _ignored = Stop::listen().during("listening for signals")?;
        let (addresses, shared) = servers::start(spoil).await?;
        say(&format!("{}\n{}\n{}", addresses.tcp, addresses.udp, addresses.unix.display()));
        let (ask, asked) = async_channel::unbounded();
        std::thread::spawn(move || {
            io::stdin().lines().map_while(Result::ok).try_for_each(|_| ask.send_blocking(()))
        });
        while asked.recv().await.is_ok() {
            let Sample { resident, heap, descriptors, connections } = Sample::now(shared.open());
            let known = |value: Option<u64>| value.map_or("-".to_owned(), |value| value.to_string());
            say(&format!("{} {heap} {} {connections}", known(resident), known(descriptors)));
        }
        Ok(0)
    })
}

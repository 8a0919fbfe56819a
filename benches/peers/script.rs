//! Echo servers in other languages. They run if this machine has the interpreter.
//!
//! The texts of the scripts are part of this program, which passes them to the interpreter on its
//! command line. The interpreter chooses the size of a read, because the usual server of neither
//! language sets it.

use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A server that an interpreter runs.
pub struct Script {
    /// The name of the interpreter on the search path.
    interpreter: &'static str,
    /// The option that precedes the text of a program.
    option: &'static str,
    /// A program that prints the path of the interpreter and, on a second line, its name and version. It
    /// fails if a required part is missing.
    probe: &'static str,
    /// The part that is missing if the probe fails.
    lacking: &'static str,
    text: &'static str,
    arguments: &'static [&'static str],
}

pub const ASYNCIO: Script = Script {
    interpreter: "python3",
    option: "-c",
    probe: "import asyncio, platform, sys; asyncio.run; \
            print(sys.executable); print('Python', platform.python_version())",
    lacking: "asyncio.run (Python 3.7)",
    text: include_str!("asyncio_echo.py"),
    arguments: &[],
};

pub const UVLOOP: Script = Script {
    probe: "import uvloop, platform, sys; uvloop.run; \
            print(sys.executable); print('uvloop', uvloop.__version__, 'on Python', platform.python_version())",
    lacking: "a module uvloop with uvloop.run (0.18)",
    arguments: &["uvloop"],
    ..ASYNCIO
};

pub const NODE: Script = Script {
    interpreter: "node",
    option: "-e",
    probe: "console.log(process.execPath); console.log('Node', process.version)",
    lacking: "process.execPath",
    text: include_str!("node_echo.js"),
    arguments: &[],
};

/// The interpreter of a script.
#[derive(Clone)]
pub struct Interpreter {
    /// The path of the interpreter itself. The search path may name a launcher, which would run at each
    /// start.
    pub path: PathBuf,
    /// The name and the version.
    pub version: String,
}

impl Script {
    /// Finds the interpreter on this machine. The error is a message that names the missing part.
    pub fn find(&self) -> Result<Interpreter, String> {
        let name = self.interpreter;
        let mut command = Command::new(name);
        command.args([self.option, self.probe]).stdin(Stdio::null());
        let output = command.output().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => format!("there is no {name} on the search path"),
            _ => format!("cannot run {name}: {error}"),
        })?;
        let printed = String::from_utf8_lossy(&output.stdout);
        match printed.lines().collect::<Vec<_>>()[..] {
            [path, version] if output.status.success() => {
                Ok(Interpreter { path: path.into(), version: version.into() })
            }
            _ => Err(format!("{name} does not have {}", self.lacking)),
        }
    }

    /// Replaces this process by the server, and returns only if this fails. The listener is standard
    /// input.
    pub fn serve(&self, interpreter: &Path) -> io::Error {
        Command::new(interpreter).args([self.option, self.text]).args(self.arguments).exec()
    }
}

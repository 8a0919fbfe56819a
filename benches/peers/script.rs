//! Echo servers in other languages, run by what this machine has for them.
//!
//! Their texts are part of this program and are handed to the interpreter on its command line. How many bytes they
//! read at a time is the interpreter's choice: neither language's usual server sets it.

use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A server that an interpreter runs.
pub struct Script {
    /// The name by which the search path knows the interpreter.
    interpreter: &'static str,
    /// The option before a program's text.
    option: &'static str,
    /// A program that writes the interpreter's own path and, on a second line, what it is; or fails where something
    /// is missing.
    probe: &'static str,
    /// What is missing when the probe fails.
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

/// What runs a script.
#[derive(Clone)]
pub struct Interpreter {
    /// The interpreter itself, not a launcher that the search path may name: that would run at each start.
    pub path: PathBuf,
    /// Its name and version.
    pub version: String,
}

impl Script {
    /// What runs it on this machine; or what is missing.
    pub fn find(&self) -> Result<Interpreter, String> {
        let name = self.interpreter;
        let mut command = Command::new(name);
        command.args([self.option, self.probe]).stdin(Stdio::null());
        let output = command.output().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => format!("there is no {name} on the search path"),
            _ => format!("cannot run {name}: {error}"),
        })?;
        let told = String::from_utf8_lossy(&output.stdout);
        match told.lines().collect::<Vec<_>>()[..] {
            [path, version] if output.status.success() => {
                Ok(Interpreter { path: path.into(), version: version.into() })
            }
            _ => Err(format!("{name} has not got {}", self.lacking)),
        }
    }

    /// Makes this process the server; returns only if that fails. The listener is standard input.
    pub fn serve(&self, interpreter: &Path) -> io::Error {
        Command::new(interpreter).args([self.option, self.text]).args(self.arguments).exec()
    }
}

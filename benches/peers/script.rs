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
    /// A program that writes the interpreter's own path, or fails where something is missing.
    probe: &'static str,
    /// What is missing when the probe fails.
    lacking: &'static str,
    text: &'static str,
    arguments: &'static [&'static str],
}

pub const ASYNCIO: Script = Script {
    interpreter: "python3",
    option: "-c",
    probe: "import asyncio, sys; asyncio.run; print(sys.executable)",
    lacking: "asyncio.run (Python 3.7)",
    text: include_str!("asyncio_echo.py"),
    arguments: &[],
};

pub const UVLOOP: Script = Script {
    probe: "import uvloop, sys; uvloop.run; print(sys.executable)",
    lacking: "a module uvloop with uvloop.run (0.18)",
    arguments: &["uvloop"],
    ..ASYNCIO
};

pub const NODE: Script = Script {
    interpreter: "node",
    option: "-e",
    probe: "console.log(process.execPath)",
    lacking: "process.execPath",
    text: include_str!("node_echo.js"),
    arguments: &[],
};

impl Script {
    /// The interpreter itself, behind whatever launcher the search path may name; or what is missing.
    pub fn find(&self) -> Result<PathBuf, String> {
        let name = self.interpreter;
        let mut command = Command::new(name);
        command.args([self.option, self.probe]).stdin(Stdio::null());
        let output = command.output().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => format!("there is no {name} on the search path"),
            _ => format!("cannot run {name}: {error}"),
        })?;
        let path = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
        if !output.status.success() || path.as_os_str().is_empty() {
            return Err(format!("{name} has not got {}", self.lacking));
        }
        Ok(path)
    }

    /// Makes this process the server; returns only if that fails. The listener is standard input.
    pub fn serve(&self, interpreter: &Path) -> io::Error {
        Command::new(interpreter).args([self.option, self.text]).args(self.arguments).exec()
    }
}

//! The start of a process under callgrind, and callgrind's output.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use oneloop_bench::counts::Profile;

/// Valgrind, and its output file.
pub struct Valgrind {
    /// The program that valgrind runs. It is the benchmark itself.
    program: PathBuf,
    output: PathBuf,
}

impl Valgrind {
    /// Finds the valgrind of this machine. Callgrind writes its output into `directory`.
    ///
    /// # Errors
    ///
    /// The error is a message that names the missing part.
    pub fn find(directory: &Path) -> Result<Valgrind, String> {
        let version = Command::new("valgrind").arg("--version").stdin(Stdio::null()).output();
        match version {
            Ok(output) if output.status.success() => {}
            Ok(output) => return Err(format!("valgrind fails: {}", output.status)),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err("there is no valgrind on the search path".into());
            }
            Err(error) => return Err(format!("cannot run valgrind: {error}")),
        }
        // Callgrind names an object by its whole path, without links.
        let program = std::env::current_exe().and_then(|it| it.canonicalize());
        let program = program.map_err(|error| format!("cannot find this program: {error}"))?;
        let output = directory.join(format!("callgrind-{}.out", std::process::id()));
        Ok(Valgrind { program, output })
    }

    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Returns the command that starts the program under callgrind.
    pub fn command(&self) -> Command {
        let mut command = Command::new("valgrind");
        command.args(["--quiet", "--tool=callgrind", "--vgdb=no", "--collect-systime=yes"]);
        let mut output = std::ffi::OsString::from("--callgrind-out-file=");
        output.push(&self.output);
        command.arg(output).arg(&self.program);
        command
    }

    /// Reads the counts of the last process. This process must have ended.
    pub fn profile(&self) -> Result<Profile, String> {
        let text = std::fs::read_to_string(&self.output);
        let text = text.map_err(|error| format!("callgrind wrote nothing: {error}"))?;
        // If the next process writes no file, its profile must not be the one of this process.
        let _ = std::fs::remove_file(&self.output);
        Profile::parse(&text)
    }
}

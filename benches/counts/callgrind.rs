//! The parser of callgrind's output. It reads the self cost of each object, and the number of system
//! calls.
//!
//! The format is described at <https://valgrind.org/docs/manual/cl-format.html>. The parser uses these
//! lines:
//!
//! ```text
//! positions: line                  the parts of a position (with `--dump-instr=yes`: `instr line`)
//! events: Ir sysCount sysTime      the meaning of the numbers behind a position
//! ob=(7) /path/of/the/program      the object of the lines below (later only `ob=(7)`)
//! fn=(9) main                      the function of the lines below (later only `fn=(9)`)
//! 16 400 2                         a position, then the costs: 400 instructions, 2 system calls
//! calls=1 16                       the next line is the cost of a callee, which has lines of its own
//! 17 12000
//! ```

use std::collections::HashMap;
use std::path::Path;

/// The cost of one run of a program.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Profile {
    /// Instructions of each object. An object is the program or a shared library.
    instructions: HashMap<String, u64>,
    /// System calls of the whole process, without [`CLOCK`].
    system_calls: u64,
}

/// The cost of one operation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Count {
    /// Instructions of the program's own object. The object contains the runtime, all crates and Rust's
    /// standard library.
    pub own: f64,
    /// Instructions of all other objects. Most of these are the C library's, whose variant of `memcpy`
    /// depends on the processor.
    pub libraries: f64,
    /// System calls.
    pub system_calls: f64,
}

/// Valgrind hides the page of the kernel (vDSO) that reads the clock without a system call. So a reading
/// of the clock makes a system call under valgrind, and none elsewhere. The parser does not count it.
const CLOCK: &str = "clock_gettime";

impl Profile {
    /// Reads callgrind's output.
    ///
    /// # Errors
    ///
    /// The error is a message for the user, if the text is not the output of callgrind.
    pub fn parse(text: &str) -> Result<Profile, String> {
        let mut reader = Reader::default();
        for line in text.lines() {
            reader.line(line).ok_or_else(|| format!("callgrind wrote a line of an unknown form: {line}"))?;
        }
        if reader.events.is_empty() {
            return Err("callgrind wrote no counts".into());
        }
        Ok(reader.profile)
    }

    /// Returns the instructions of `program`, and those of all other objects.
    fn split(&self, program: &str) -> (u64, u64) {
        let own = self.instructions.get(program).copied().unwrap_or(0);
        (own, self.instructions.values().sum::<u64>() - own)
    }

    /// Returns the cost of one operation of `program`. `self` is a run with `operations` operations more
    /// than `shorter`. The start and the end of the program are in both runs, so that the difference
    /// does not include them.
    ///
    /// # Errors
    ///
    /// The error is a message, if the longer run has no more instructions than the shorter one.
    pub fn per_operation(&self, shorter: &Profile, operations: f64, program: &Path) -> Result<Count, String> {
        let program = program.to_string_lossy();
        let (long, short) = (self.split(&program), shorter.split(&program));
        if short.0 == 0 || long.0 <= short.0 || operations <= 0.0 {
            return Err("the longer run has no more instructions than the shorter one".into());
        }
        let each = |long: u64, short: u64| (long as f64 - short as f64) / operations;
        Ok(Count {
            own: each(long.0, short.0),
            libraries: each(long.1, short.1),
            system_calls: each(self.system_calls, shorter.system_calls),
        })
    }
}

#[derive(Default)]
struct Reader {
    profile: Profile,
    events: Vec<String>,
    /// The number of numbers in a position. It is 0 until the reader receives the line `positions:`. A
    /// position has one number if the output has no such line.
    positions: usize,
    objects: Names,
    functions: Names,
    object: String,
    function: String,
    /// Whether the next line is the cost of a callee.
    callee: bool,
}

impl Reader {
    /// Reads one line. Returns `None` if the form of the line is unknown.
    fn line(&mut self, line: &str) -> Option<()> {
        if line.starts_with(|first: char| first.is_ascii_digit() || "+-*".contains(first)) {
            return if std::mem::take(&mut self.callee) { Some(()) } else { self.cost(line) };
        }
        if let Some(parts) = line.strip_prefix("positions:") {
            self.positions = parts.split_whitespace().count();
        } else if let Some(events) = line.strip_prefix("events:") {
            self.events = events.split_whitespace().map(str::to_owned).collect();
        } else if let Some(name) = line.strip_prefix("ob=") {
            self.object = self.objects.name(name)?;
        } else if let Some(name) = line.strip_prefix("fn=") {
            self.function = self.functions.name(name)?;
        } else if let Some(name) = line.strip_prefix("cob=") {
            // `cob=` and `ob=` share their numbers, and a name may stand in `cob=` first.
            self.objects.name(name)?;
        } else if let Some(name) = line.strip_prefix("cfn=") {
            self.functions.name(name)?;
        } else if line.starts_with("calls=") {
            self.callee = true;
        }
        Some(())
    }

    /// Reads a position and its costs. Zeros at the end may be missing.
    fn cost(&mut self, line: &str) -> Option<()> {
        let costs = line.split_whitespace().skip(self.positions.max(1));
        for (event, cost) in self.events.iter().zip(costs) {
            let cost: u64 = cost.parse().ok()?;
            match event.as_str() {
                "Ir" => *self.profile.instructions.entry(self.object.clone()).or_default() += cost,
                "sysCount" if !self.function.starts_with(CLOCK) => self.profile.system_calls += cost,
                _ => {}
            }
        }
        Some(())
    }
}

/// The names of objects or functions, by their numbers.
#[derive(Default)]
struct Names(HashMap<String, String>);

impl Names {
    /// Returns a name that has one of two forms: `(7) name`, or `(7)` for a known name.
    fn name(&mut self, text: &str) -> Option<String> {
        let Some((number, name)) = text.strip_prefix('(').and_then(|it| it.split_once(')')) else {
            return Some(text.to_owned());
        };
        if !name.is_empty() {
            self.0.insert(number.to_owned(), name.trim_start().to_owned());
        }
        self.0.get(number).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = "# callgrind format\nversion: 1\ncmd:  /bin/it 5\npositions: line\n\
        event: sysTime : sysTime (elapsed ms)\nevents: Ir sysCount sysTime\nsummary: 590 3 0\n\n\
        ob=(1) /lib/libc.so.6\nfl=(1) ???\nfn=(1) write\n0 40 2 7\n\n\
        ob=(2) /bin/it\nfl=(2) it.rs\nfn=(2) main\n16 400\n+1 50\ncob=(1)\ncfn=(1)\ncalls=2 0\n* 40 2\n\
        cob=(3) /lib/libm.so.6\ncfn=(3) sin\ncalls=1 0\n-3 99\n* 1\n\nob=(3)\nfn=(3)\n0 99 1\n\ntotals: 590 3 7\n";

    #[test]
    fn the_self_cost_is_summed_by_object() {
        let profile = Profile::parse(SAMPLE).unwrap();
        assert_eq!(profile.split("/bin/it"), (451, 139));
        assert_eq!(profile.instructions["/lib/libm.so.6"], 99);
        assert_eq!(profile.system_calls, 3);
    }

    #[test]
    fn a_read_of_the_clock_is_no_system_call() {
        let text = "events: Ir sysCount\nob=(1) libc\nfn=(4) clock_gettime@@GLIBC_2.17\n0 10 1\nfn=(5) send\n0 10 1\n\
            fn=(4)\n0 10 1\n";
        let profile = Profile::parse(text).unwrap();
        assert_eq!((profile.system_calls, profile.instructions["libc"]), (1, 30));
    }

    #[test]
    fn start_and_end_are_in_no_figure() {
        let run = |own: u64, libraries: u64, system_calls: u64| {
            let instructions = [("it", own), ("libc", libraries)].map(|(name, it)| (name.to_owned(), it));
            Profile { instructions: HashMap::from(instructions), system_calls }
        };
        let (short, long) = (run(10_500, 700, 33), run(16_500, 900, 63));
        let count = long.per_operation(&short, 10.0, Path::new("it")).unwrap();
        assert_eq!(count, Count { own: 600.0, libraries: 20.0, system_calls: 3.0 });
    }

    #[test]
    fn runs_that_do_not_differ_give_no_figure() {
        let profile = Profile::parse(SAMPLE).unwrap();
        assert!(profile.per_operation(&profile, 10.0, Path::new("/bin/it")).is_err());
        assert!(profile.per_operation(&Profile::default(), 10.0, Path::new("/bin/it")).is_err());
    }

    #[test]
    fn what_is_no_output_of_callgrind_is_an_error() {
        assert!(Profile::parse("").is_err());
        assert!(Profile::parse("events: Ir\nob=(7)\n").is_err());
        assert!(Profile::parse("events: Ir\nob=(7) x\n1 many\n").is_err());
    }
}

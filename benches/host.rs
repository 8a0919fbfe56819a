//! The description of the machine, and the versions of the libraries in the benchmark.

use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::record::Machine;

/// The libraries that a report names with their versions.
const LIBRARIES: &[&str] = &[
    "oneloop",
    "tokio",
    "hyper",
    "hyper-util",
    "mio",
    "async-executor",
    "async-io",
    "async-net",
    "monoio",
    "compio",
    "glommio",
    "futures",
];

/// Returns the description of this machine. A part that cannot be found is "unknown".
pub fn look(cores: usize) -> Machine {
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let value = |key: &str| {
        let line = cpuinfo.lines().find(|line| line.split(':').next().is_some_and(|it| it.trim() == key))?;
        line.split_once(':').map(|(_, value)| value.trim().to_owned())
    };
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or("unknown".into());
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    Machine {
        cpu: value("model name").unwrap_or("unknown".into()),
        cores,
        virtual_machine: value("flags").is_some_and(|it| it.split(' ').any(|flag| flag == "hypervisor")),
        kernel: kernel.trim().to_owned(),
        rustc: rustc_version().unwrap_or("unknown".into()),
        date: date(seconds),
        // The file is included when this program is compiled, so that it names the versions of this
        // program.
        versions: versions(include_str!("../Cargo.lock"), LIBRARIES),
    }
}

/// Returns the output of `rustc --version`, or `None` if the command fails or prints nothing.
pub fn rustc_version() -> Option<String> {
    let output = Command::new("rustc").arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    (!text.trim().is_empty()).then(|| text.trim().to_owned())
}

/// Returns the versions of packages in a lock file.
pub fn versions(lock: &str, names: &[&str]) -> Vec<(String, String)> {
    let field = |package: &str, key: &str| {
        let line = package.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = \""));
        line.map(|rest| rest.trim_end_matches('"').to_owned())
    };
    let packages = lock.split("[[package]]").skip(1);
    let named = packages.filter_map(|package| Some((field(package, "name")?, field(package, "version")?)));
    named.filter(|(name, _)| names.contains(&name.as_str())).collect()
}

/// Formats seconds since 1970 as a date and a time of day in UTC.
pub fn date(seconds: u64) -> String {
    let is_leap =
        |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let (mut day, second) = (seconds / 86_400, seconds % 86_400);
    let mut year = 1970;
    let year_days = |year| if is_leap(year) { 366 } else { 365 };
    while day >= year_days(year) {
        day -= year_days(year);
        year += 1;
    }
    let february = if is_leap(year) { 29 } else { 28 };
    let mut month = 1;
    for days in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if day < days {
            break;
        }
        day -= days;
        month += 1;
    }
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year}-{month:02}-{:02}T{hour:02}:{minute:02}:{second:02}Z", day + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        assert_eq!(date(0), "1970-01-01T00:00:00Z");
        assert_eq!(date(951_782_399), "2000-02-28T23:59:59Z");
        assert_eq!(date(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(date(1_767_225_599), "2025-12-31T23:59:59Z");
    }

    #[test]
    fn versions_of_a_lock_file() {
        let lock = "version = 4\n\n[[package]]\nname = \"mio\"\nversion = \"1.2.3\"\nsource = \"x\"\n\n\
                    [[package]]\nname = \"mio-not\"\nversion = \"9.9.9\"\n";
        assert_eq!(versions(lock, &["mio"]), [("mio".to_owned(), "1.2.3".to_owned())]);
    }
}

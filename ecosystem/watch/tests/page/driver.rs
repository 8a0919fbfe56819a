//! This file starts a headless Chromium behind ChromeDriver, and a session of `thirtyfour` that drives
//! it.

use std::fmt::Display;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

use tempfile::TempDir;
use thirtyfour::{
    ChromiumLikeCapabilities, DesiredCapabilities, LoggingPrefsLogLevel, WebDriver, error::WebDriverResult,
};

/// The time limit of a call. The machines are shared.
pub const WAIT: Duration = Duration::from_secs(60);

/// The last five options turn off the browser's own requests, which a test would take for the page's.
const ARGUMENTS: [&str; 13] = [
    "--headless",
    "--remote-debugging-pipe", // The browser ends with ChromeDriver, for any reason of its end.
    "--no-sandbox",            // Root has no sandbox. The page is the repository's own.
    "--no-first-run",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
];

/// The two programs that the tests run.
pub struct Programs {
    browser: PathBuf,
    driver: PathBuf,
}

impl Programs {
    /// Finds the programs, if both are installed. `CHROME` and `CHROMEDRIVER` may name other paths.
    pub fn find() -> Option<Programs> {
        Some(Programs {
            browser: program("CHROME", &["chromium", "chromium-browser", "google-chrome"])?,
            driver: program("CHROMEDRIVER", &["chromedriver"])?,
        })
    }
}

fn program(variable: &str, names: &[&str]) -> Option<PathBuf> {
    if let Some(path) = std::env::var_os(variable) {
        return Some(path.into());
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .flat_map(|folder| names.iter().map(move |name| folder.join(name)))
        .find(|file| file.is_file())
}

/// The process of ChromeDriver. Its drop kills the process.
struct ChromeDriver {
    child: Child,
}

impl ChromeDriver {
    /// Starts ChromeDriver, which chooses a free port and prints it, unless its log is off.
    fn start(program: &Path) -> (ChromeDriver, u16) {
        let mut child = Command::new(program)
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("ChromeDriver starts");
        let output = BufReader::new(child.stdout.take().expect("the output is piped"));
        let this = ChromeDriver { child };
        let (sender, port) = channel();
        // The thread reads until the end of the output, so that ChromeDriver never writes to a closed
        // pipe.
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let named = line.trim_end_matches('.').rsplit_once("on port ");
                if let Some(Ok(port @ 1..)) = named.map(|(_, port)| port.parse::<u16>()) {
                    let _ = sender.send(port);
                }
            }
        });
        let port = port.recv_timeout(WAIT).expect("ChromeDriver names its port");
        (this, port)
    }
}

impl Drop for ChromeDriver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Rust drops the fields in this order, so the browser ends before its profile is removed.
pub struct Driver {
    runtime: tokio::runtime::Runtime,
    /// The session, or `None` after the browser was ordered to end.
    session: Option<WebDriver>,
    _process: ChromeDriver,
    _profile: TempDir,
}

impl Driver {
    /// Starts a browser. Chromium sometimes crashes at its start on a busy machine, so a second and a
    /// third attempt are made.
    pub fn start(programs: &Programs) -> Driver {
        let mut failed = Vec::new();
        while failed.len() < 3 {
            match Driver::try_start(programs) {
                Ok(driver) => return driver,
                Err(error) => failed.push(error),
            }
        }
        panic!("no session in three attempts: {failed:#?}");
    }

    fn try_start(programs: &Programs) -> Result<Driver, thirtyfour::error::WebDriverError> {
        let profile = tempfile::tempdir().expect("a folder for the profile");
        let (process, port) = ChromeDriver::start(&programs.driver);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let url = format!("http://127.0.0.1:{port}");
        let session = runtime.block_on(async {
            let mut wanted = DesiredCapabilities::chrome();
            wanted.set_binary(&programs.browser.to_string_lossy())?;
            for argument in ARGUMENTS {
                wanted.add_arg(argument)?;
            }
            wanted.add_arg(&format!("--user-data-dir={}", profile.path().display()))?;
            for log in ["browser", "performance"] {
                wanted.set_logging_prefs(log, LoggingPrefsLogLevel::All)?;
            }
            let session = WebDriver::builder(url, wanted).request_timeout(WAIT).await?;
            session.set_script_timeout(WAIT).await?;
            Ok::<_, thirtyfour::error::WebDriverError>(session)
        })?;
        Ok(Driver { runtime, session: Some(session), _process: process, _profile: profile })
    }

    pub fn session(&self) -> &WebDriver {
        self.session.as_ref().expect("the browser was not told to end")
    }

    /// Returns the output of a call of the driver.
    pub fn try_call<T>(&self, call: impl Future<Output = WebDriverResult<T>>) -> WebDriverResult<T> {
        self.runtime.block_on(call)
    }

    /// Returns the output of a call that must succeed.
    #[track_caller]
    pub fn call<T>(&self, what: impl Display, call: impl Future<Output = WebDriverResult<T>>) -> T {
        self.try_call(call).unwrap_or_else(|error| panic!("{what}: {error}"))
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        if let Some(session) = self.session.take() {
            let _ = self.runtime.block_on(session.quit());
        }
    }
}

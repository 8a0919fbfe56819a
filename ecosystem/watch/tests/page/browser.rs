//! This file starts one browser for all tests, and a tab of it for each test.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use oneloop_watch::{Record, write_page};
use serde_json::{Value, json};
use tempfile::TempDir;
use thirtyfour::action_chain::ActionChain;
use thirtyfour::{WebDriver, WindowHandle};

use crate::common::server::{self, Plan};
use crate::driver::{Driver, Programs, WAIT};

/// The browser ends with the last test that holds it. Each test takes it before it waits for its turn.
static BROWSER: Mutex<Weak<Driver>> = Mutex::new(Weak::new());
/// One tab is in front at a time: a browser draws no other tab, and a session drives no other tab.
static TURN: Mutex<()> = Mutex::new(());

/// A tab with a page. Its drop fails the test if the page has written to the console, has thrown an
/// exception or has made a request to the network.
pub struct Page {
    folder: TempDir,
    /// The browser's first tab.
    first: WindowHandle,
    browser: Arc<Driver>,
    _turn: MutexGuard<'static, ()>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns the browser, and starts it if no test holds one. The result is `None` if no browser is
/// installed, which is a failure on the gate's machine.
fn browser() -> Option<Arc<Driver>> {
    let mut shared = lock(&BROWSER);
    if let Some(browser) = shared.upgrade() {
        return Some(browser);
    }
    let Some(programs) = Programs::find() else {
        let text = "the test is skipped: Chromium or ChromeDriver is not installed; \
                    `apt-get install chromium chromium-driver` brings them";
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{text}");
        eprintln!("{text}");
        return None;
    };
    let browser = Arc::new(Driver::start(&programs));
    *shared = Arc::downgrade(&browser);
    Some(browser)
}

/// Makes the record of a small server.
pub fn small() -> Vec<u8> {
    server::record(Plan { events: 3_000, tasks: 20, hostile: false, seed: 1 }).record()
}

/// Makes the record of a server with polls that hold the loop for long.
pub fn slow() -> Vec<u8> {
    server::record(Plan { events: 20_000, tasks: 200, hostile: false, seed: 1 }).record()
}

/// Returns the address of an event's network request, if it has one.
fn request(event: &str) -> Option<String> {
    let event: Value = serde_json::from_str(event).expect("an event is JSON");
    let event = &event["message"];
    if event["method"] != "Network.requestWillBeSent" {
        return None;
    }
    let url = event["params"]["request"]["url"].as_str().unwrap_or_default();
    // The browser's first, empty page also loads parts of the browser, but by other schemes.
    ["http", "ws"].iter().any(|scheme| url.starts_with(scheme)).then(|| url.to_owned())
}

impl Page {
    /// Opens the page of a record, as the program writes it.
    pub fn of(record: &[u8]) -> Option<Page> {
        Page::at(record, "")
    }

    /// Opens the page with a hash in its address.
    pub fn at(record: &[u8], hash: &str) -> Option<Page> {
        let record = Record::parse(record).expect("the record is whole");
        let mut html = Vec::new();
        write_page(&record, "test", &mut html).expect("a Vec takes all");
        Page::of_html(&html, hash)
    }

    pub fn of_html(html: &[u8], hash: &str) -> Option<Page> {
        let browser = browser()?;
        let turn = lock(&TURN);
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("page.html");
        std::fs::write(&file, html).expect("the page is written");
        let session = browser.session();
        let first = browser.call("a tab", async {
            let first = session.window().await?;
            let tab = session.new_tab().await?;
            session.switch_to_window(tab).await?;
            Ok(first)
        });
        let page = Page { folder, first, browser, _turn: turn };
        page.complaints(); // This call discards the events of a test that has panicked.
        page.command("Page.bringToFront", json!({}));
        page.size(1400, 900);
        let url = format!("file://{}{hash}", file.display());
        page.browser.call(&url, page.session().goto(url.as_str()));
        page.frame(); // A page receives no clicks before its first frame.
        Some(page)
    }

    fn session(&self) -> &WebDriver {
        self.browser.session()
    }

    /// Calls a method of the DevTools protocol. WebDriver has no command for it.
    #[track_caller]
    fn command(&self, method: &str, parameters: Value) {
        self.browser.call(method, self.session().cdp().send_raw(method, parameters));
    }

    /// Returns the page's console output, exceptions and network requests since the last call.
    pub fn complaints(&self) -> Vec<String> {
        let session = self.session();
        let (console, events) = self.browser.call("the logs", async {
            Ok((session.get_log("browser").await?, session.get_log("performance").await?))
        });
        let console = console.into_iter().map(|entry| entry.message);
        let requests = events.iter().filter_map(|event| request(&event.message));
        console.chain(requests.map(|url| format!("request: {url}"))).collect()
    }

    /// Returns the value of an expression, or of the promise that it returns.
    #[track_caller]
    pub fn value(&self, expression: &str) -> Value {
        let script = format!("return ({expression});");
        let result = self.browser.call(expression, self.session().execute(script, Vec::new()));
        result.json().clone()
    }

    #[track_caller]
    pub fn number(&self, expression: &str) -> f64 {
        self.value(expression).as_f64().unwrap_or_else(|| panic!("{expression} is no number"))
    }

    #[track_caller]
    pub fn text(&self, expression: &str) -> String {
        match self.value(expression) {
            Value::String(text) => text,
            other => panic!("{expression} is {other}"),
        }
    }

    #[track_caller]
    pub fn is(&self, expression: &str) -> bool {
        self.value(expression) == Value::Bool(true)
    }

    #[track_caller]
    pub fn wait_until(&self, expression: &str) {
        let begin = Instant::now();
        while !self.is(expression) {
            assert!(begin.elapsed() < WAIT, "{expression} is still false");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until the page has drawn its next frame.
    pub fn frame(&self) {
        self.value(
            "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))",
        );
    }

    pub fn size(&self, width: u32, height: u32) {
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.command("Emulation.setDeviceMetricsOverride", metrics);
    }

    pub fn scheme(&self, scheme: &str) {
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.command("Emulation.setEmulatedMedia", features);
        self.frame();
    }

    /// Performs a chain of actions: events of the keyboard and of the pointer, one after the other.
    #[track_caller]
    fn act(&self, chain: impl FnOnce(ActionChain) -> ActionChain) {
        let at_once = Some(Duration::ZERO);
        let chain = chain(self.session().action_chain_with_delay(at_once, at_once));
        self.browser.call("actions", chain.perform());
        self.frame();
    }

    /// Presses a key and releases it.
    #[track_caller]
    pub fn key(&self, key: impl Into<char>) {
        let key = key.into();
        self.act(|chain| chain.key_down(key).key_up(key));
    }

    /// Types a text, key by key.
    #[track_caller]
    pub fn write(&self, text: &str) {
        self.act(|chain| chain.send_keys(text));
    }

    #[track_caller]
    pub fn click(&self, selector: &str) {
        self.value(&format!("document.querySelector('{selector}').scrollIntoView({{block: 'nearest'}})"));
        let (x, y) = self.middle(selector);
        self.act(|chain| chain.move_to(x, y).click());
    }

    /// Presses the mouse button at the first point, moves over the others, and releases it at the last.
    #[track_caller]
    pub fn drag(&self, points: &[(i64, i64)]) {
        let [(x, y), to @ ..] = points else { panic!("a drag has a begin") };
        self.act(|chain| {
            let pressed = chain.move_to(*x, *y).click_and_hold();
            to.iter().fold(pressed, |chain, (x, y)| chain.move_to(*x, *y)).release()
        });
    }

    #[track_caller]
    pub fn point(&self, (x, y): (i64, i64)) {
        self.act(|chain| chain.move_to(x, y));
    }

    /// Turns the wheel. A negative distance is away from the user.
    #[track_caller]
    pub fn wheel(&self, (x, y): (i64, i64), distance: i64) {
        let event = json!({"type": "mouseWheel", "x": x, "y": y, "deltaX": 0, "deltaY": distance});
        self.command("Input.dispatchMouseEvent", event);
        self.frame();
    }

    #[track_caller]
    pub fn middle(&self, selector: &str) -> (i64, i64) {
        let middle = self.value(&format!(
            "(() => {{ const b = document.querySelector('{selector}').getBoundingClientRect(); \
             return [b.x + b.width / 2, b.y + b.height / 2].map(Math.floor); }})()"
        ));
        (middle[0].as_i64().expect("x"), middle[1].as_i64().expect("y"))
    }

    pub fn picture(&self) -> Vec<u8> {
        self.frame();
        self.browser.call("a picture", self.session().screenshot_as_png())
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        let complaints = if std::thread::panicking() { Vec::new() } else { self.complaints() };
        let session = self.session();
        let closed = self.browser.try_call(async {
            session.close_window().await?;
            session.switch_to_window(self.first.clone()).await
        });
        if !std::thread::panicking() {
            assert!(closed.is_ok(), "{closed:?}");
            assert!(complaints.is_empty(), "{}: {complaints:#?}", self.folder.path().display());
        }
    }
}

//! A browser with one page. A test chooses the size and the colour scheme of the page.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::driver::{Driver, Programs};

/// A browser that shows a file.
pub struct Page {
    browser: Driver,
    /// The folder with the shown file. It is dropped after the browser.
    _folder: TempDir,
}

impl Page {
    /// Starts a browser that shows a file with this text and this extension. Returns `None` if no
    /// browser is installed. With `CI=true` a missing browser is a failure.
    pub fn of(text: &str, ending: &str) -> Option<Page> {
        let Some(programs) = Programs::find() else {
            let text = "the test is skipped: Chromium or ChromeDriver is not installed. \
                        `apt-get install chromium chromium-driver` installs them";
            assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{text}");
            eprintln!("{text}");
            return None;
        };
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join(format!("page.{ending}"));
        std::fs::write(&file, text).expect("the file is written");
        let page = Page { browser: Driver::start(&programs), _folder: folder };
        let url = format!("file://{}", file.display());
        page.browser.call(&url, page.browser.session().goto(url.as_str()));
        Some(page)
    }

    #[track_caller]
    fn command(&self, method: &str, parameters: Value) {
        self.browser.call(method, self.browser.session().cdp().send_raw(method, parameters));
    }

    /// Returns the value of an expression, or of the promise that it returns.
    #[track_caller]
    pub fn value(&self, expression: &str) -> Value {
        let script = format!("return ({expression});");
        let result = self.browser.call(expression, self.browser.session().execute(script, Vec::new()));
        result.json().clone()
    }

    #[track_caller]
    pub fn number(&self, expression: &str) -> f64 {
        self.value(expression).as_f64().unwrap_or_else(|| panic!("{expression} is no number"))
    }

    /// Sets the size and the colour scheme of the page, and waits until the page is drawn again.
    pub fn look(&self, width: u32, height: u32, scheme: &str) {
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.command("Emulation.setDeviceMetricsOverride", metrics);
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.command("Emulation.setEmulatedMedia", features);
        self.value(
            "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))",
        );
    }

    /// Returns the messages of the page on the console, and its requests to the network.
    pub fn complaints(&self) -> Vec<String> {
        let session = self.browser.session();
        let (console, events) = self.browser.call("the logs", async {
            Ok((session.get_log("browser").await?, session.get_log("performance").await?))
        });
        let request = |event: &str| {
            let event: Value = serde_json::from_str(event).expect("an event is JSON");
            let event = &event["message"];
            let url = event["params"]["request"]["url"].as_str().unwrap_or_default();
            // The empty page of the browser also loads parts of the browser, but not by HTTP.
            let is_foreign = event["method"] == "Network.requestWillBeSent" && url.starts_with("http");
            is_foreign.then(|| format!("request: {url}"))
        };
        let requests = events.iter().filter_map(|event| request(&event.message));
        console.iter().map(|entry| entry.message.clone()).chain(requests).collect()
    }

    pub fn picture(&self) -> Vec<u8> {
        self.browser.call("a picture", self.browser.session().screenshot_as_png())
    }
}

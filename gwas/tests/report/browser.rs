//! A headless browser, told what to do over a pipe by the Chrome DevTools Protocol.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use crate::common::skip;

/// A browser with one page.
pub(crate) struct Browser {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    session: Option<String>,
    next: u64,
    /// Events so far: method and parameters.
    events: Vec<(String, Value)>,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Starts Chromium; `None` where there is none, which [`skip`] has told.
    pub(crate) fn start() -> Option<Browser> {
        let runs = |name: &&&str| {
            let mut command = Command::new(name);
            command
                .arg("--version")
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            command.status().is_ok_and(|s| s.success())
        };
        let names = ["chromium", "chromium-browser", "google-chrome"];
        let Some(name) = names.iter().find(runs) else {
            skip("chromium is not installed");
            return None;
        };
        let profile = tempfile::tempdir().unwrap();
        // The browser reads commands from descriptor 3 and writes answers to 4.
        let line = format!(
            "exec {name} --headless --no-sandbox --disable-gpu --hide-scrollbars --no-first-run \
             --disable-dev-shm-usage --disable-background-networking --remote-debugging-pipe \
             --user-data-dir=\"$0\" 3<&0 4>&1 0</dev/null 1>/dev/null 2>/dev/null"
        );
        let mut process = Command::new("sh")
            .args(["-c", &line])
            .arg(profile.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut browser = Browser {
            input: process.stdin.take().unwrap(),
            output: BufReader::new(process.stdout.take().unwrap()),
            process,
            session: None,
            next: 0,
            events: Vec::new(),
            _profile: profile,
        };
        let target = browser.call("Target.createTarget", json!({"url": "about:blank"}));
        let target = json!({"targetId": target["targetId"], "flatten": true});
        let session = browser.call("Target.attachToTarget", target);
        browser.session = session["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        Some(browser)
    }

    fn message(&mut self) -> Value {
        let mut bytes = Vec::new();
        self.output.read_until(0, &mut bytes).unwrap();
        assert_eq!(bytes.pop(), Some(0), "the browser has ended");
        serde_json::from_slice(&bytes).unwrap()
    }

    /// Calls a method and waits for its result.
    #[track_caller]
    pub(crate) fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.next += 1;
        let mut request = json!({"id": self.next, "method": method, "params": parameters});
        if let Some(session) = &self.session {
            request["sessionId"] = session.as_str().into();
        }
        self.input
            .write_all(request.to_string().as_bytes())
            .unwrap();
        self.input.write_all(&[0]).unwrap();
        loop {
            let mut message = self.message();
            if message["id"] == self.next {
                assert!(message["error"].is_null(), "{method}: {message}");
                return message["result"].take();
            }
            self.event(message);
        }
    }

    fn event(&mut self, mut message: Value) {
        if let Some(method) = message["method"].as_str().map(str::to_owned) {
            self.events.push((method, message["params"].take()));
        }
    }

    /// Opens a file and waits until it is shown.
    pub(crate) fn open(&mut self, path: &Path) {
        self.events.clear();
        let url = format!("file://{}", path.display());
        self.call("Page.navigate", json!({ "url": url }));
        while !self.events.iter().any(|e| e.0 == "Page.loadEventFired") {
            let message = self.message();
            self.event(message);
        }
        // What the page still wants to say comes before the answer to this.
        self.evaluate("new Promise(r => setTimeout(r, 200))");
    }

    /// Sets width and height of the window in CSS pixels.
    pub(crate) fn resize(&mut self, width: u32, height: u32) {
        let mobile = width < 600;
        let size = json!({
            "width": width, "height": height, "mobile": mobile,
            "deviceScaleFactor": if mobile { 2 } else { 1 },
        });
        self.call("Emulation.setDeviceMetricsOverride", size);
    }

    /// Shows the page as on `medium`: `screen` or `print`.
    pub(crate) fn medium(&mut self, medium: &str) {
        self.call("Emulation.setEmulatedMedia", json!({ "media": medium }));
    }

    /// The value of a JavaScript expression.
    #[track_caller]
    pub(crate) fn evaluate(&mut self, expression: &str) -> Value {
        let what = json!({
            "expression": expression, "returnByValue": true, "awaitPromise": true,
        });
        let mut result = self.call("Runtime.evaluate", what);
        assert!(
            result["exceptionDetails"].is_null(),
            "{expression}: {result}"
        );
        result["result"]["value"].take()
    }

    /// URLs that the page asked for since it was opened, itself and inline data left out.
    pub(crate) fn requests(&self) -> Vec<String> {
        let sent = self
            .events
            .iter()
            .filter(|e| e.0 == "Network.requestWillBeSent");
        let other = sent.filter(|e| e.1["type"] != "Document");
        let urls = other.map(|e| {
            e.1["request"]["url"]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        });
        urls.filter(|url| !url.starts_with("data:")).collect()
    }

    /// Errors, warnings and messages of the console since the page was opened.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let kinds = [
            "Runtime.consoleAPICalled",
            "Runtime.exceptionThrown",
            "Log.entryAdded",
        ];
        let told = self.events.iter().filter(|e| kinds.contains(&e.0.as_str()));
        told.map(|e| format!("{}: {}", e.0, e.1)).collect()
    }

    /// The whole page as a PNG.
    pub(crate) fn screenshot(&mut self) -> Vec<u8> {
        let how = json!({"format": "png", "captureBeyondViewport": true});
        let shot = self.call("Page.captureScreenshot", how);
        decode(shot["data"].as_str().unwrap())
    }

    /// The page as a PDF.
    pub(crate) fn print(&mut self) -> Vec<u8> {
        let how = json!({"printBackground": true, "preferCSSPageSize": true});
        decode(self.call("Page.printToPDF", how)["data"].as_str().unwrap())
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Bytes of base64.
fn decode(text: &str) -> Vec<u8> {
    let six = |c: u8| match c {
        b'A'..=b'Z' => u32::from(c - b'A'),
        b'a'..=b'z' => u32::from(c - b'a') + 26,
        b'0'..=b'9' => u32::from(c - b'0') + 52,
        b'+' => 62,
        _ => 63,
    };
    let mut bytes = Vec::new();
    let text = text.trim_end_matches('=').as_bytes();
    for four in text.chunks(4) {
        let all = four.iter().fold(0, |sum, &c| sum << 6 | six(c));
        let all = all << (6 * (4 - four.len()));
        bytes.extend(&all.to_be_bytes()[1..four.len()]);
    }
    bytes
}

#[test]
fn base64_is_decoded() {
    for (text, bytes) in [
        ("TWFu", &b"Man"[..]),
        ("TWE=", b"Ma"),
        ("TQ==", b"M"),
        ("", b""),
    ] {
        assert_eq!(decode(text), bytes);
    }
}

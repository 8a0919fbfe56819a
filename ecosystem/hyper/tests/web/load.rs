//! These tests run other projects' load generators for a short time. The generators must report no
//! error.
#![cfg(unix)]

use std::process::Command;

use crate::server::{Folder, Server, need};

#[track_caller]
fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().expect("it starts");
    let [stdout, stderr] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    assert!(output.status.success(), "{program} {arguments:?}: {}: {stdout}{stderr}", output.status);
    stdout + &stderr
}

#[test]
fn wrk_reports_no_error() {
    need!("wrk", "wrk", "wrk_reports_no_error");
    let folder = Folder::new();
    folder.write("small", "small");
    folder.write("large", vec![b'x'; 200_000]);
    let server = Server::start(&["--dir", folder.text()]);
    for path in ["/hello/wrk", "/files/small", "/files/large", "/notes"] {
        let url = server.url(path);
        let run = || {
            let report = output("wrk", &["-t", "1", "-c", "20", "-d", "1s", "--timeout", "60s", &url]);
            let requests = report.lines().find(|line| line.contains(" requests in ")).expect(&report);
            for bad in ["Socket errors", "Non-2xx"] {
                assert!(!report.contains(bad), "{path}: {report}");
            }
            !requests.trim().starts_with("0 ")
        };
        // On a busy machine wrk may start so late that its second is over.
        assert!(std::iter::repeat_with(run).take(5).any(|requested| requested), "{path}: no request");
    }
    let (_, stderr) = server.stop();
    assert!(!stderr.contains("panicked"), "{stderr}");
}

#[test]
fn h2load_reports_no_error() {
    need!("h2load", "nghttp2-client", "h2load_reports_no_error");
    let folder = Folder::new();
    folder.write("small", "small");
    folder.write("large", vec![b'x'; 200_000]);
    let server = Server::start(&["--dir", folder.text()]);
    for (path, requests) in [("/hello/h2load", 2000), ("/files/small", 1000), ("/files/large", 200)] {
        for version in [&[][..], &["--h1"]] {
            let (url, count) = (server.url(path), requests.to_string());
            let streams = if version.is_empty() { "20" } else { "1" };
            let options = ["-n", &count, "-c", "10", "-m", streams, &url];
            let report = output("h2load", &[version, &options].concat());
            let counts = format!(
                "requests: {count} total, {count} started, {count} done, {count} succeeded, 0 failed, \
                 0 errored, 0 timeout"
            );
            assert!(report.contains(&counts), "{path} {version:?}: {report}");
            assert!(report.contains(&format!("status codes: {count} 2xx")), "{path}: {report}");
        }
    }
    server.stop();
}

//! An error response has the right status, and its body is JSON.

use crate::server::{Folder, Server, curl, need, text};

#[test]
fn a_missing_path_is_404() {
    need!(curl, "a_missing_path_is_404");
    let server = Server::start(&[]);
    for path in ["/nothing", "/notes/", "/hello/", "/hello/a/b", "/NOTES"] {
        curl(&[&server.url(path)]).assert_error(404, path);
    }
    curl(&["--http2-prior-knowledge", &server.url("/nothing")]).assert_error(404, "/nothing");
    curl(&[&server.url("/notes/7")]).assert_error(404, "number 7");
    curl(&[&server.url("/files/a")]).assert_error(404, "/files/a"); // The server has no `--dir`.
}

#[test]
fn a_wrong_method_is_405_and_names_the_right_ones() {
    need!(curl, "a_wrong_method_is_405_and_names_the_right_ones");
    let server = Server::start(&[]);
    for (method, path, allowed) in [
        ("DELETE", "/notes", "GET,HEAD,POST"),
        ("POST", "/notes/1", "GET,HEAD,DELETE"),
        ("PUT", "/files/a", "GET,HEAD"),
        ("GET", "/uploads/a", "PUT"),
    ] {
        let answer = curl(&["--request", method, &server.url(path)]);
        answer.assert_error(405, method);
        assert_eq!(answer.header("allow"), Some(allowed), "{method} {path}");
    }
}

#[test]
fn a_body_beyond_its_limit_is_413() {
    need!(curl, "a_body_beyond_its_limit_is_413");
    let (server, folder) = (Server::start(&[]), Folder::new());
    let large = folder.write("large", vec![b' '; 32 * 1024 + 1]);
    let data = format!("@{}", text(&large));
    let json = "content-type: application/json";
    for url in [server.url("/notes"), server.url("/notes/form")] {
        let kind = if url.ends_with("form") { "accept: */*" } else { json };
        for version in ["--http1.1", "--http2-prior-knowledge"] {
            curl(&[version, "--header", kind, "--data-binary", &data, &url]).assert_error(413, "limit");
            // This request announces no length.
            let chunked = ["--header", "transfer-encoding: chunked"];
            let [name, value] = if version == "--http1.1" { chunked } else { ["--header", "accept: */*"] };
            curl(&[version, name, value, "--header", kind, "--data-binary", &data, &url])
                .assert_error(413, "limit");
        }
    }
}

#[test]
fn a_malformed_request_is_400_415_or_422() {
    need!(curl, "a_malformed_request_is_400_415_or_422");
    let server = Server::start(&[]);
    let json = |body: &str| {
        curl(&["--header", "content-type: application/json", "--data", body, &server.url("/notes")])
    };
    json(r#"{"title"#).assert_error(400, "JSON");
    json(r#"{"title":1}"#).assert_error(422, "title");
    json(r#"{"text":"no title"}"#).assert_error(422, "title");
    json(r#"{"title":""}"#).assert_error(422, "1 to 200 bytes");
    curl(&["--data", "{}", &server.url("/notes")]).assert_error(415, "application/json");
    curl(&["--data", "text=x", &server.url("/notes/form")]).assert_error(422, "title");
    curl(&[&server.url("/notes?limit=-1")]).assert_error(400, "limit");
    curl(&[&server.url("/notes/one")]).assert_error(400, "one");
    curl(&[&server.url("/ticks?every_ms=0")]).assert_error(422, "every_ms");
    curl(&[&server.url("/hello/%FF")]).assert_error(400, "UTF-8");
}

#[test]
fn a_body_that_does_not_come_is_408() {
    use std::io::{Read, Write};
    let server = Server::start(&["--body-timeout", "1"]);
    let mut client = server.connect();
    let head =
        "POST /notes HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 20\r\n\r\n";
    client.write_all(head.as_bytes()).unwrap();
    client.write_all(b"{").unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 408 Request Timeout\r\n"), "{answer}");
    assert!(answer.contains("the body did not arrive within 1s"), "{answer}");
}

#[test]
fn the_log_has_a_line_for_each_request() {
    need!(curl, "the_log_has_a_line_for_each_request");
    let server = Server::start(&["--log"]);
    curl(&[&server.url("/hello/you?secret=1")]);
    curl(&[&server.url("/nothing%0Aelse")]);
    server.program.stderr.wait_for(r#"http_server: GET "/hello/you" (/hello/{name}) 200 "#);
    server.program.stderr.wait_for(r#"http_server: GET "/nothing%0Aelse" (no route) 404 "#);
}

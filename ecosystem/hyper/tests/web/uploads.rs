//! An upload is stored as a whole or not at all.

use std::io::{Read, Write};
use std::net::Shutdown;

use common::examples::bytes;

use crate::server::{Folder, Server, curl, need, text};

fn serve(options: &[&str]) -> (Folder, Server) {
    let folder = Folder::new();
    let server = Server::start(&[&["--uploads", folder.text()], options].concat());
    (folder, server)
}

#[test]
fn an_upload_is_stored_as_it_is() {
    need!(curl, "an_upload_is_stored_as_it_is");
    let (folder, server) = serve(&[]);
    let source = Folder::new();
    for length in [0, 1, 262_144, 5_000_000] {
        let content = bytes(length, length);
        let file = source.write("content", &content);
        for version in ["--http1.1", "--http2-prior-knowledge"] {
            let url = server.url("/uploads/large%20file.bin");
            let stored = curl(&[version, "--upload-file", text(&file), &url]);
            assert_eq!(stored.status, 201, "{stored:?}");
            assert_eq!(stored.text(), format!(r#"{{"name":"large file.bin","bytes":{length}}}"#));
            // The upload replaces the previous file.
            assert!(std::fs::read(folder.path("large file.bin")).unwrap() == content, "{length} bytes");
            std::fs::write(folder.path("large file.bin"), "old").unwrap();
        }
    }
    assert_eq!(folder.names(), ["large file.bin"]);
    server.wait_for_status(r#""uploads_open":0"#);
}

#[test]
fn a_form_stores_each_of_its_files() {
    need!(curl, "a_form_stores_each_of_its_files");
    let (folder, server) = serve(&[]);
    let source = Folder::new();
    let one = source.write("one.txt", "one");
    let two = source.write("two.bin", bytes(2, 1_000_000));
    let fields = [format!("a=@{}", text(&one)), "text=nothing".to_owned(), format!("b=@{}", text(&two))];
    let [one, words, two] = &fields;
    let stored = curl(&["--form", one, "--form", words, "--form", two, &server.url("/uploads")]);
    assert_eq!(stored.status, 201, "{stored:?}");
    assert_eq!(stored.text(), r#"[{"name":"one.txt","bytes":3},{"name":"two.bin","bytes":1000000}]"#);
    assert_eq!(folder.names(), ["one.txt", "two.bin"]);
    assert!(std::fs::read(folder.path("two.bin")).unwrap() == bytes(2, 1_000_000));
    let renamed = format!("{one};filename=\"../out\"");
    curl(&["--form", &renamed, &server.url("/uploads")]).assert_error(422, "name");
    curl(&["--data", "x=y", &server.url("/uploads")]).assert_error(400, "boundary");
}

#[test]
fn an_upload_beyond_its_limit_is_413_and_leaves_nothing() {
    need!(curl, "an_upload_beyond_its_limit_is_413_and_leaves_nothing");
    let (folder, server) = serve(&["--max-upload", "1000000"]);
    let source = Folder::new();
    let large = source.write("large", bytes(1, 1_000_001));
    let url = server.url("/uploads/large");
    let chunked = "transfer-encoding: chunked";
    // curl asks by itself before it sends more than 1 MiB. Without the question it may find a reset
    // instead of the response, because the server closes the connection in the middle of the upload.
    let asks = "expect: 100-continue";
    curl(&["--header", asks, "--upload-file", text(&large), &url]).assert_error(413, "1000000 bytes");
    curl(&["--header", chunked, "--upload-file", text(&large), &url]).assert_error(413, "1000000 bytes");
    let field = format!("a=@{}", text(&large));
    curl(&["--form", &field, &server.url("/uploads")]).assert_error(413, "1000000 bytes");
    assert_eq!(folder.names(), [""; 0]);
    let fits = source.write("fits", bytes(1, 1_000_000));
    assert_eq!(curl(&["--upload-file", text(&fits), &url]).status, 201);
}

/// Standard HTTP asks for a reset after this response, because the rest of the upload is not needed.
/// curl 7.88 reports the reset as a failure.
#[test]
fn over_http2_an_upload_beyond_its_limit_is_413() {
    need!("nghttp", "nghttp2-client", "over_http2_an_upload_beyond_its_limit_is_413");
    let (folder, server) = serve(&["--max-upload", "1000000"]);
    let source = Folder::new();
    let large = source.write("large", bytes(1, 1_000_001));
    let url = server.url("/uploads/large");
    let output = std::process::Command::new("nghttp")
        .args(["--verbose", "--header=:method: PUT", "--data", text(&large), &url])
        .output()
        .unwrap();
    let report = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{report}");
    for part in [":status: 413", "an upload has 1000000 bytes at most", "error_code=NO_ERROR"] {
        assert!(report.contains(part), "`{part}` is not in {report}");
    }
    assert_eq!(folder.names(), [""; 0]);
}

#[test]
fn a_piece_that_does_not_come_is_408_and_leaves_nothing() {
    let (folder, server) = serve(&["--body-timeout", "1"]);
    let mut client = server.connect();
    let head = b"PUT /uploads/slow HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\n";
    client.write_all(head).unwrap();
    client.write_all(&bytes(1, 500_000)).unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 408 Request Timeout\r\n"), "{answer}");
    assert!(answer.contains("nothing more of the upload arrived within 1s"), "{answer}");
    assert_eq!(folder.names(), [""; 0]);
}

#[test]
fn a_client_that_leaves_in_the_middle_leaves_nothing() {
    need!(curl, "a_client_that_leaves_in_the_middle_leaves_nothing");
    let (folder, server) = serve(&[]);
    let head = b"PUT /uploads/part HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\n";
    for end in [Some(Shutdown::Write), None] {
        let mut client = server.connect();
        client.write_all(head).unwrap();
        client.write_all(&bytes(1, 600_000)).unwrap();
        server.wait_for_status(r#""uploads_open":1"#);
        if let Some(end) = end {
            client.shutdown(end).unwrap();
            let mut answer = String::new();
            client.read_to_string(&mut answer).unwrap();
        }
        drop(client);
        server.wait_for_status(r#""uploads_open":0"#);
        // A thread may still have the file open.
        common::examples::until("an empty folder", || folder.names().is_empty().then_some(()));
    }
}

#[test]
fn a_chunk_that_is_none_leaves_nothing() {
    let (folder, server) = serve(&[]);
    let mut client = server.connect();
    let head = b"PUT /uploads/part HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n";
    client.write_all(head).unwrap();
    client.write_all(b"5\r\nhello\r\nxyz\r\n").unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert_eq!(folder.names(), [""; 0]);
}

#[test]
fn names_that_lead_out_or_hide_are_refused() {
    need!(curl, "names_that_lead_out_or_hide_are_refused");
    let (folder, server) = serve(&[]);
    let source = Folder::new();
    let data = format!("@{}", text(&source.write("x", "x")));
    let too_long = "x".repeat(256);
    let names = [
        "..",
        "%2e%2e",
        "..%2foneloop-out",
        "%2Ftmp%2Foneloop-out",
        "a%5Cb",
        "a%00b",
        ".hidden",
        "a%3Ab",
        "%FF",
        "a.",
    ];
    for name in names.into_iter().chain([&*too_long]) {
        let url = server.url(&format!("/uploads/{name}"));
        // `--upload-file` would make curl replace the first name by another one.
        let body = ["--request", "PUT", "--data-binary", &data];
        curl(&[&["--path-as-is"], &body[..], &[&url]].concat()).assert_error(422, "name");
    }
    assert_eq!(folder.names(), [""; 0]);
    assert!(!std::env::temp_dir().join("oneloop-out").exists());
}

#[test]
fn without_a_folder_uploads_are_refused() {
    need!(curl, "without_a_folder_uploads_are_refused");
    let (server, source) = (Server::start(&[]), Folder::new());
    let file = source.write("x", "x");
    curl(&["--upload-file", text(&file), &server.url("/uploads/x")]).assert_error(403, "--uploads");
    let field = format!("a=@{}", text(&file));
    curl(&["--form", &field, &server.url("/uploads")]).assert_error(403, "--uploads");
}

#[cfg(unix)]
#[test]
fn a_link_of_an_uploads_name_is_replaced_and_not_followed() {
    need!(curl, "a_link_of_an_uploads_name_is_replaced_and_not_followed");
    let (folder, server) = serve(&[]);
    let source = Folder::new();
    let file = source.write("x", "new");
    let secret = source.write("secret", "secret");
    std::os::unix::fs::symlink(&secret, folder.path("link")).unwrap();
    assert_eq!(curl(&["--upload-file", text(&file), &server.url("/uploads/link")]).status, 201);
    assert_eq!(std::fs::read_to_string(secret).unwrap(), "secret");
    assert_eq!(std::fs::read_to_string(folder.path("link")).unwrap(), "new");
}

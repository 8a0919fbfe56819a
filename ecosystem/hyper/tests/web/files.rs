//! These tests cover static files: types, conditions, ranges, size.

use std::time::{Duration, SystemTime};

use common::examples::bytes;

use crate::server::{Folder, Server, curl, need};

/// A day in the past, as a file's time and as a header's text.
const DAY: u64 = 1_700_000_000;
const DAY_TEXT: &str = "Tue, 14 Nov 2023 22:13:20 GMT";

fn serve() -> (Folder, Server) {
    let folder = Folder::new();
    let path = folder.write("greeting.txt", "hello, world");
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(DAY);
    std::fs::File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
    let server = Server::start(&["--dir", folder.text()]);
    (folder, server)
}

#[test]
fn a_file_comes_with_its_type_length_and_time() {
    need!(curl, "a_file_comes_with_its_type_length_and_time");
    let (folder, server) = serve();
    for version in ["--http1.1", "--http2-prior-knowledge"] {
        for (method, body) in [("--get", "hello, world"), ("--head", "")] {
            let answer = curl(&[version, method, &server.url("/files/greeting.txt")]);
            assert_eq!((answer.status, answer.text()), (200, body));
            assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
            assert_eq!(answer.header("content-length"), Some("12"));
            assert_eq!(answer.header("last-modified"), Some(DAY_TEXT));
            assert_eq!(answer.header("accept-ranges"), Some("bytes"));
            assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        }
    }
    for (name, kind) in [
        ("a.html", "text/html; charset=utf-8"),
        ("a.css", "text/css; charset=utf-8"),
        ("a.js", "text/javascript; charset=utf-8"),
        ("a.json", "application/json"),
        ("a.PNG", "image/png"),
        ("a.wasm", "application/wasm"),
        ("a", "application/octet-stream"),
        ("grüße und mehr.txt", "text/plain; charset=utf-8"),
    ] {
        folder.write(name, "");
        let encoded = name.replace("üß", "%C3%BC%C3%9F").replace(' ', "%20");
        let answer = curl(&[&server.url(&format!("/files/{encoded}"))]);
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(kind)), "{name}");
        assert_eq!(answer.header("content-length"), Some("0"));
    }
}

#[test]
fn a_copy_that_is_still_right_is_not_sent_again() {
    need!(curl, "a_copy_that_is_still_right_is_not_sent_again");
    let (_folder, server) = serve();
    let url = server.url("/files/greeting.txt");
    let get = |header: &str| curl(&["--header", header, &url]);
    let same = get(&format!("if-modified-since: {DAY_TEXT}"));
    assert_eq!((same.status, same.body.len(), same.header("last-modified")), (304, 0, Some(DAY_TEXT)));
    assert_eq!(get("if-modified-since: Sun, 26 Nov 2023 00:00:00 GMT").status, 304);
    assert_eq!(get("if-modified-since: Tue, 14 Nov 2023 22:13:19 GMT").status, 200);
    assert_eq!(get("if-modified-since: yesterday").status, 200);
    let tag = format!("if-none-match: \"x\"\r\nif-modified-since: {DAY_TEXT}");
    assert_eq!(get(&tag).status, 200);
}

#[test]
fn a_range_is_a_part_of_the_file() {
    need!(curl, "a_range_is_a_part_of_the_file");
    let (folder, server) = serve();
    folder.write("empty", "");
    let url = server.url("/files/greeting.txt");
    for version in ["--http1.1", "--http2-prior-knowledge"] {
        for (range, body, content_range) in [
            ("0-4", "hello", "bytes 0-4/12"),
            ("7-", "world", "bytes 7-11/12"),
            ("-5", "world", "bytes 7-11/12"),
            ("-100", "hello, world", "bytes 0-11/12"),
            ("11-100", "d", "bytes 11-11/12"),
        ] {
            let part = curl(&[version, "--range", range, &url]);
            assert_eq!((part.status, part.text()), (206, body), "{range}");
            assert_eq!(part.header("content-range"), Some(content_range));
            assert_eq!(part.header("content-length"), Some(body.len().to_string().as_str()));
        }
    }
    let get = |headers: &[&str]| {
        let headers = headers.iter().flat_map(|header| ["--header", header]);
        curl(&headers.chain([url.as_str()]).collect::<Vec<_>>())
    };
    for range in ["12-", "100-200", "-0"] {
        let outside = curl(&["--range", range, &url]);
        outside.assert_error(416, "outside");
        assert_eq!(outside.header("content-range"), Some("bytes */12"), "{range}");
    }
    // Several ranges, or a malformed one, give the whole file, as the standard allows.
    for range in ["bytes=0-1,3-4", "bytes=5-1", "bytes=x", "lines=1-2", "bytes=+1-2"] {
        let whole = get(&[&format!("range: {range}")]);
        assert_eq!((whole.status, whole.text()), (200, "hello, world"), "{range}");
    }
    // A client can use a part only if it belongs to the same file as its other parts.
    let same = get(&["range: bytes=0-4", &format!("if-range: {DAY_TEXT}")]);
    assert_eq!((same.status, same.text()), (206, "hello"));
    let other = get(&["range: bytes=0-4", "if-range: Tue, 14 Nov 2023 22:13:19 GMT"]);
    assert_eq!((other.status, other.text()), (200, "hello, world"));
    assert_eq!(curl(&["--head", "--range", "0-4", &url]).status, 200);
    assert_eq!(curl(&["--range", "0-4", &server.url("/files/empty")]).status, 416);
}

#[test]
fn a_large_file_comes_whole_and_in_parts() {
    need!(curl, "a_large_file_comes_whole_and_in_parts");
    let (folder, server) = serve();
    let url = server.url("/files/large");
    let large = bytes(7, 5_000_000);
    for length in [65_535, 65_536, 65_537, 131_072, 5_000_000] {
        folder.write("large", &large[..length]);
        for version in ["--http1.1", "--http2-prior-knowledge"] {
            let answer = curl(&[version, &url]);
            assert_eq!(answer.header("content-length"), Some(length.to_string().as_str()));
            assert!(answer.body == large[..length], "{length} bytes by {version}");
        }
    }
    let part = curl(&["--range", "1000000-3999999", &url]);
    assert!(part.status == 206 && part.body == large[1_000_000..4_000_000]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_client_that_takes_nothing_does_not_make_the_server_grow() {
    use std::io::{Read, Write};
    const CLIENTS: usize = 20;
    let (folder, server) = serve();
    folder.write("large", bytes(7, 20_000_000));
    let mut clients: Vec<_> = (0..CLIENTS).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.write_all(b"GET /files/large HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
        let mut head = [0; 15];
        client.read_exact(&mut head).unwrap();
        assert_eq!(&head, b"HTTP/1.1 200 OK");
    }
    // Each client would cost 20 MB if the server read the file faster than the client receives it.
    let resident = server.program.resident_bytes();
    assert!(
        common::runner::instrumented() || resident < 60_000_000,
        "{CLIENTS} clients that read nothing cost {resident} bytes"
    );
    let mut rest = Vec::new();
    clients[0].read_to_end(&mut rest).unwrap();
    assert!(rest.ends_with(&bytes(7, 20_000_000)[19_000_000..]));
}

#[test]
fn a_folder_is_its_index() {
    need!(curl, "a_folder_is_its_index");
    let (folder, server) = serve();
    folder.write("sub/index.html", "<p>sub");
    let link = curl(&[&server.url("/files/sub")]);
    assert_eq!((link.status, link.header("location")), (308, Some("/files/sub/")));
    let index = curl(&[&server.url("/files/sub/")]);
    assert_eq!((index.status, index.text()), (200, "<p>sub"));
    assert_eq!(index.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(curl(&[&server.url("/files")]).header("location"), Some("/files/"));
    curl(&[&server.url("/files/")]).assert_error(404, "/files/"); // The folder has no index yet.
    folder.write("index.html", "<p>top");
    assert_eq!(curl(&[&server.url("/files/")]).text(), "<p>top");
    curl(&[&server.url("/files/greeting.txt/")]).assert_error(404, "greeting.txt/");
    std::fs::remove_file(folder.path("sub/index.html")).unwrap();
    curl(&[&server.url("/files/sub/")]).assert_error(404, "/files/sub/");
}

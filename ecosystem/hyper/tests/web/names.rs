//! These tests cover the file names that the server accepts from clients.

use std::io::{Read, Write};

use crate::server::{Folder, Server, curl, need};

/// Starts a server. Its folder is beside a secret file.
fn serve() -> (Folder, Server) {
    let folder = Folder::new();
    folder.write("secret", "SECRET");
    folder.write("public/a.txt", "public");
    folder.write("public/sub/b.txt", "public");
    folder.write("public/.hidden", "SECRET");
    folder.write("public/.git/config", "SECRET");
    let server = Server::start(&["--dir", folder.path("public").to_str().unwrap()]);
    (folder, server)
}

#[test]
fn no_path_leads_out() {
    need!(curl, "no_path_leads_out");
    let (folder, server) = serve();
    let absolute = folder.path("secret").to_str().unwrap().replace('\\', "/");
    let twice = absolute.replace('/', "%2F");
    let paths = [
        "../secret",
        "./../secret",
        "sub/../../secret",
        "sub/../a.txt", // The path leads inside the folder. The server refuses it all the same.
        "%2e%2e/secret",
        "%2E%2E%2Fsecret",
        "..%2fsecret",
        "..%5csecret",
        "..\\\\secret",
        ".%2e/secret",
        "%252e%252e/secret",
        "..%00/secret",
        "....//secret",
        "..;/secret",
        "%c0%ae%c0%ae/secret",
        "sub/%2e%2e/%2e%2e/secret",
        "/etc/passwd",
        "//etc/passwd",
        "%2fetc%2fpasswd",
        "file:///etc/passwd",
        "C:/secret",
        "C:%5Csecret",
        "a.txt%00.html",
        "a.txt%20",
        "a.txt.",
        "sub//b.txt",
        "./a.txt",
        ".hidden",
        ".git/config",
        "%2ehidden",
        &absolute,
        &twice,
    ];
    for path in paths {
        for version in ["--http1.1", "--http2-prior-knowledge"] {
            let url = server.url(&format!("/files/{path}"));
            let answer = curl(&[version, "--path-as-is", "--globoff", &url]);
            // The response is that of the file route or of a path without a route.
            answer.assert_error(404, "/files/");
            assert!(!answer.text().contains("SECRET") && !answer.text().contains("root:"), "{path}");
        }
    }
    for path in ["a.txt", "sub/b.txt", "%61.txt"] {
        assert_eq!(curl(&[&server.url(&format!("/files/{path}"))]).text(), "public", "{path}");
    }
    curl(&["--path-as-is", &server.url("/../secret")]).assert_error(404, "/../secret");
}

/// These requests are raw, because curl would not send them.
#[test]
fn no_line_of_a_request_leads_out() {
    let (_folder, server) = serve();
    for target in [
        &b"/files/../secret"[..],
        b"http://x/files/../secret",
        b"/files/..\\secret",
        b"/files/..\xffsecret",
        b"/files/\x00",
        b"../secret",
        b"*",
    ] {
        for method in [&b"GET"[..], b"OPTIONS", b"CONNECT"] {
            let mut client = server.connect();
            let end = &b" HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"[..];
            client.write_all(&[method, b" ", target, end].concat()).unwrap();
            let mut answer = Vec::new();
            client.read_to_end(&mut answer).unwrap();
            let answer = String::from_utf8_lossy(&answer);
            assert!(answer.starts_with("HTTP/1.1 4"), "{method:?} {target:?}: {answer}");
            assert!(!answer.contains("SECRET"), "{answer}");
        }
    }
}

#[cfg(unix)]
#[test]
fn links_that_lead_out_are_refused() {
    use std::os::unix::fs::symlink;
    need!(curl, "links_that_lead_out_are_refused");
    let (folder, server) = serve();
    let public = folder.path("public");
    for (link, target) in [
        ("absolute", folder.path("secret").to_str().unwrap()),
        ("relative", "../secret"),
        ("deep", "sub/../../secret"),
        ("parent", ".."),
        ("root", "/"),
        ("sub/up", "../../secret"),
        ("chain", "relative"),
        ("dangling", "nothing"),
    ] {
        symlink(target, public.join(link)).unwrap();
    }
    for path in
        ["absolute", "relative", "deep", "parent/secret", "root/etc/passwd", "sub/up", "chain", "dangling"]
    {
        let answer = curl(&[&server.url(&format!("/files/{path}"))]);
        answer.assert_error(404, path);
        assert!(!answer.text().contains("SECRET"), "{path}");
    }
    for (link, target) in [("in", "a.txt"), ("sub/in", "../a.txt"), ("folder", "sub")] {
        symlink(target, public.join(link)).unwrap();
    }
    for path in ["in", "sub/in", "folder/b.txt"] {
        assert_eq!(curl(&[&server.url(&format!("/files/{path}"))]).text(), "public", "{path}");
    }
}

#[cfg(unix)]
#[test]
fn a_pipe_and_a_socket_are_not_opened() {
    need!(curl, "a_pipe_and_a_socket_are_not_opened");
    let (folder, server) = serve();
    let pipe = folder.path("public/pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let _socket = std::os::unix::net::UnixListener::bind(folder.path("public/socket")).unwrap();
    for path in ["pipe", "socket"] {
        curl(&[&server.url(&format!("/files/{path}"))]).assert_error(404, path);
    }
}

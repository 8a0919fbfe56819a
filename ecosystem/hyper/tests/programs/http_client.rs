//! These tests run the example `http_client` against servers written in this crate's tests.

use std::io::Write;

use common::examples::{Program, assert_fails, command, run, until};

use crate::support::{
    ByHand, Folder, Request, certificate, reset, respond, respond_half, tool, until_closed,
};

#[test]
fn a_download_that_breaks_off_is_begun_again() {
    let folder = Folder::new("breaks-off");
    let whole = common::sockets::pattern(10_000, 3);
    let body = whole.clone();
    let server = ByHand::start(move |Request { number, mut stream, .. }| match number {
        0 => {
            respond_half(&mut stream)?;
            reset(stream);
            Ok(())
        }
        1 => respond_half(&mut stream), // This response ends with an orderly close too early.
        _ => respond(&mut stream, "200 OK", "", &body),
    });
    let url = server.url("/file.bin");
    let (code, stdout, stderr) = run("http_client", &["--dir", &folder.file(""), "--pause", "0.01", &url]);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stdout.ends_with("file.bin: 10000 bytes\n"), "{stdout}");
    assert_eq!(stderr.matches("; again in 0.0 s").count(), 2, "{stderr}");
    assert_eq!(folder.names(), ["file.bin"]);
    assert!(std::fs::read(folder.file("file.bin")).unwrap() == whole, "other bytes were written");
}

#[test]
fn retries_end_and_nothing_is_left_behind() {
    let folder = Folder::new("retries");
    let server = ByHand::start(|Request { mut stream, .. }| {
        respond_half(&mut stream)?;
        reset(stream);
        Ok(())
    });
    let url = server.url("/file.bin");
    let arguments = ["--dir", &folder.file(""), "--pause", "0", "--retries", "2", &url];
    let (code, stdout, stderr) = run("http_client", &arguments);
    assert_eq!((code, stdout.as_str()), (Some(1), ""), "{stderr}");
    assert_eq!(server.requests(), 3);
    assert_eq!(stderr.lines().count(), 3, "{stderr}");
    assert!(folder.names().is_empty(), "{:?}", folder.names());
}

#[test]
fn a_busy_server_is_asked_again_and_a_missing_file_is_not() {
    let folder = Folder::new("statuses");
    let server = ByHand::start(|Request { number, mut stream, .. }| match number {
        0 => respond(&mut stream, "503 Service Unavailable", "", b"later"),
        1 => respond(&mut stream, "200 OK", "", b"now"),
        _ => respond(&mut stream, "404 Not Found", "", b"no"),
    });
    let (folder_path, pause) = (folder.file(""), ["--pause", "0.01"]);
    let (code, _, stderr) =
        run("http_client", &["--dir", &folder_path, pause[0], pause[1], &server.url("/a")]);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stderr.contains("503 Service Unavailable; again in"), "{stderr}");
    assert_eq!(std::fs::read(folder.file("a")).unwrap(), b"now");

    let (code, _, stderr) = run("http_client", &["--dir", &folder_path, &server.url("/b")]);
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.ends_with("/b: the server answers 404 Not Found\n"), "{stderr}");
    assert_eq!(server.requests(), 3);
    assert_eq!(folder.names(), ["a"]);
}

#[test]
fn a_silent_server_is_given_up() {
    let folder = Folder::new("silent");
    let server = ByHand::start(|Request { mut stream, .. }| {
        respond_half(&mut stream)?;
        until_closed(&mut stream)
    });
    let url = server.url("/file.bin");
    let arguments = ["--dir", &folder.file(""), "--timeout", "0.2", "--retries", "1", "--pause", "0", &url];
    let (code, _, stderr) = run("http_client", &arguments);
    assert_eq!(code, Some(1), "{stderr}");
    assert_eq!(stderr.matches("nothing arrived for 0.2 s").count(), 2, "{stderr}");
    assert!(folder.names().is_empty(), "{:?}", folder.names());
}

#[test]
fn a_server_that_refuses_is_tried_again() {
    let folder = Folder::new("refuses");
    let (_kept, addr) = common::sockets::refusing().unwrap();
    let url = format!("http://{addr}/file");
    let arguments = ["--dir", &folder.file(""), "--retries", "1", "--pause", "0", &url];
    let (code, _, stderr) = run("http_client", &arguments);
    assert_eq!(code, Some(1), "{stderr}");
    assert_eq!(stderr.matches("Connection refused").count(), 2, "{stderr}");
}

#[test]
fn asked_to_stop_it_removes_partial_files() {
    for (signal, code) in [(libc::SIGINT, 130), (libc::SIGTERM, 143)] {
        let folder = Folder::new(&format!("stop-{signal}"));
        let server = ByHand::start(|Request { mut stream, .. }| {
            respond_half(&mut stream)?;
            until_closed(&mut stream)
        });
        let url = server.url("/file.bin");
        let mut command = command("http_client");
        let mut program = Program::start(command.args(["--dir", &folder.file(""), &url])).unwrap();
        until("the partial file", || folder.names().iter().any(|name| name.ends_with(".part")).then_some(()));
        program.signal(signal);
        assert_eq!(program.wait().code(), Some(code));
        let text = program.stderr.so_far();
        assert_eq!(text, "http_client: stopping; partial files are removed\n");
        assert!(folder.names().is_empty(), "{:?}", folder.names());
    }
}

#[test]
fn asked_to_stop_it_neither_waits_for_a_retry_nor_begins_another_file() {
    let folder = Folder::new("stop-waiting");
    let server = ByHand::start(|Request { stream, .. }| {
        reset(stream);
        Ok(())
    });
    let mut command = command("http_client");
    command.args(["--jobs", "1", "--pause", "1000000", "--dir", &folder.file("")]);
    let mut program = Program::start(command.args([server.url("/a"), server.url("/b")])).unwrap();
    program.stderr.wait_for("again in");
    program.signal(libc::SIGINT);
    assert_eq!(program.wait().code(), Some(130));
    assert_eq!(server.requests(), 1);
}

#[test]
fn redirects_are_followed_ten_times() {
    let folder = Folder::new("redirects");
    let server = ByHand::start(|Request { target, mut stream, .. }| {
        let port = stream.local_addr()?.port();
        let to = match target.as_str() {
            "/a/b/name" => "../c/d?e=f#g".to_owned(),
            "/a/c/d?e=f" => format!("//127.0.0.1:{port}/e"),
            "/e" => "f".to_owned(),
            "/f" => format!("http://127.0.0.1:{port}/./x/../g"),
            "/g" => return respond(&mut stream, "200 OK", "", b"here"),
            "/loop" | "/loop?again" => "?again".to_owned(),
            "/nowhere" => "http://[".to_owned(),
            _ => return respond(&mut stream, "404 Not Found", "", b""),
        };
        respond(&mut stream, "302 Found", &format!("location: {to}\r\n"), b"moved")
    });
    let get = |path| {
        let arguments = ["--dir", &folder.file(""), "--retries", "0", &server.url(path)];
        run("http_client", &arguments)
    };
    let (code, _, stderr) = get("/a/b/name");
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    assert_eq!(std::fs::read(folder.file("name")).unwrap(), b"here");

    let before = server.requests();
    let (code, _, stderr) = get("/loop");
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains("more than 10 redirects, the last one to http://127.0.0.1"), "{stderr}");
    assert_eq!(server.requests() - before, 11);

    let (code, _, stderr) = get("/nowhere");
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains("a redirect to \"http://[\", which is not a URL"), "{stderr}");
    assert_eq!(folder.names(), ["name"]);
}

#[test]
fn a_wrong_argument_is_one_line_and_exit_code_2() {
    let folder = Folder::new("client-starts");
    let (_, key) = certificate(1);
    let no_ca = folder.write("key.pem", key);
    let url = "http://localhost/file";
    let cases: [(&[&str], &[&str]); 8] = [
        (&[], &["no URL is given", "--help"]),
        (&["localhost/file"], &["localhost/file: not a URL"]),
        (&["ftp://localhost/file"], &["ftp://localhost/file: not a URL of the form"]),
        (&["--dir", "missing", url], &["missing: there is no such folder"]),
        (&["--ca", &no_ca, url], &[&no_ca, "it contains no certificate"]),
        (&[url, "http://127.0.0.1/x/file"], &["would both be written to file"]),
        (&["--timeout", "-1", url], &["--timeout -1"]),
        (&["--jobs", "0", url], &["--jobs 0", "1 to 1000"]),
    ];
    for (arguments, parts) in cases {
        assert_fails("http_client", arguments, 2, parts);
    }
}

#[test]
fn on_a_terminal_it_draws_bars() {
    let test = "http_client::on_a_terminal_it_draws_bars";
    let folder = Folder::new("terminal");
    let server = ByHand::start(|Request { mut stream, .. }| {
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10000\r\nconnection: close\r\n\r\n")?;
        for _ in 0..10 {
            stream.write_all(&[b'x'; 1000])?;
            std::thread::sleep(std::time::Duration::from_millis(30)); // The program draws a bar 20 times a second.
        }
        Ok(())
    });
    let program = common::examples::binary("http_client").display().to_string();
    let line = format!("{program} --dir {} {}", folder.file(""), server.url("/file.bin"));
    let Some(text) = tool(test, "script", &["-qec", &line, "/dev/null"], "") else { return };
    assert!(text.contains("file.bin: 10000 bytes"), "{text:?}");
    assert!(text.contains("=>"), "{text:?}");
    assert_eq!(folder.names(), ["file.bin"]);
}

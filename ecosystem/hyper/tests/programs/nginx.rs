//! These tests run the example `http_client` against nginx.

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use common::examples::{run, until};
use common::sockets::{pattern, skip};

use crate::support::{Folder, certificate};

/// A child whose drop kills it.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// nginx with a configuration of its own, on two ports that were free: HTTP, and HTTPS with HTTP/2.
struct Nginx {
    _child: Killed,
    folder: Folder,
    http: u16,
    https: u16,
    /// The server's certificate.
    ca: String,
}

impl Nginx {
    /// Starts nginx. Returns `None` if it is not installed.
    fn start(test: &str, name: &str) -> Option<Nginx> {
        let binary = ["/usr/sbin/nginx", "nginx"].into_iter().find(|binary| {
            Command::new(binary).arg("-v").output().is_ok_and(|output| output.status.success())
        });
        let Some(binary) = binary else {
            skip(test, "nginx is not installed", "apt-get install nginx-light");
            return None;
        };
        let folder = Folder::new(name);
        let (certificate, key) = certificate(7);
        let ca = folder.write("cert.pem", certificate);
        folder.write("key.pem", key);
        std::fs::create_dir_all(folder.path().join("www")).expect("a folder");
        loop {
            let (http, https) = (free_port(), free_port());
            let pid = folder.path().join("nginx.pid");
            let _ = std::fs::remove_file(&pid); // An earlier attempt may have left it.
            let config = folder.write("nginx.conf", config(folder.path().to_str().unwrap(), http, https));
            let mut command = Command::new(binary);
            command.args(["-c", &config, "-p", &folder.file(""), "-e", &folder.file("error.log")]);
            let mut child = Killed(command.stderr(Stdio::null()).spawn().expect("it starts"));
            let mut ended = || child.0.try_wait().expect("it is our child").is_some();
            let serves = until("nginx", || {
                let listens = |port| TcpStream::connect(("127.0.0.1", port)).is_ok();
                // nginx tries for 2.5 s to bind a port that another test has taken, and then ends. It
                // writes its number to the file after it has bound both.
                let bound = || pid.exists() && listens(http) && listens(https);
                if ended() { Some(false) } else { bound().then_some(true) }
            });
            if serves {
                return Some(Nginx { _child: child, folder, http, https, ca });
            }
        }
    }

    fn file(&self, name: &str, length: usize) -> Vec<u8> {
        let bytes = pattern(length, length as u64);
        self.folder.write(&format!("www/{name}"), &bytes);
        bytes
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.http)
    }

    fn secure_url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.https)
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.file("access.log")).unwrap_or_default()
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("it is bound").port()
}

fn config(folder: &str, http: u16, https: u16) -> String {
    format!(
        "daemon off;
master_process off;
pid {folder}/nginx.pid;
events {{ worker_connections 512; }}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{http};
        listen 127.0.0.1:{https} ssl http2;
        ssl_certificate {folder}/cert.pem;
        ssl_certificate_key {folder}/key.pem;
        root {folder}/www;
        location /slow/ {{ alias {folder}/www/; limit_rate 40k; }}
        location = /moved {{ return 302 /one.bin; }}
        location = /up {{ return 301 https://localhost:{https}/one.bin; }}
        location = /down {{ return 301 http://127.0.0.1:{http}/one.bin; }}
    }}
}}
"
    )
}

/// Returns the bytes of a downloaded file.
fn read(folder: &Folder, name: &str) -> Vec<u8> {
    std::fs::read(folder.file(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn files_arrive_whole_over_http_and_https() {
    let test = "nginx::files_arrive_whole_over_http_and_https";
    let Some(nginx) = Nginx::start(test, "nginx-files") else { return };
    let sizes = [("empty.bin", 0), ("one.bin", 1), ("small.bin", 10_000), ("big.bin", 20_000_000)];
    let files = sizes.map(|(name, length)| (name, nginx.file(name, length)));
    let schemes: [&dyn Fn(&str) -> String; 2] = [&|path| nginx.url(path), &|path| nginx.secure_url(path)];
    for (index, url) in schemes.into_iter().enumerate() {
        let folder = Folder::new(&format!("nginx-arrived-{index}"));
        folder.write("one.bin", "an older file");
        let urls = files.each_ref().map(|(name, _)| url(&format!("/{name}")));
        let mut arguments = vec!["--dir", folder.path().to_str().unwrap(), "--jobs", "3", "--ca", &nginx.ca];
        arguments.extend(urls.iter().map(String::as_str));
        let (code, stdout, stderr) = run("http_client", &arguments);
        assert_eq!((code, stderr.as_str()), (Some(0), ""), "{stdout}");
        assert_eq!(stdout.lines().count(), files.len(), "{stdout}");
        for (name, bytes) in &files {
            assert!(read(&folder, name) == *bytes, "{name}: other bytes arrived");
        }
        assert_eq!(folder.names().len(), files.len(), "{:?}", folder.names());
    }
    // nginx may write a line after the client has ended.
    let log = until("a line for each file", || {
        let log = nginx.log();
        (log.matches("\" 200").count() >= 2 * files.len()).then_some(log)
    });
    assert_eq!(log.matches("HTTP/1.1\" 200").count(), files.len(), "{log}");
    assert_eq!(log.matches("HTTP/2.0\" 200").count(), files.len(), "{log}");
}

#[test]
fn a_missing_file_fails_alone() {
    let Some(nginx) = Nginx::start("nginx::a_missing_file_fails_alone", "nginx-missing") else { return };
    let bytes = nginx.file("one.bin", 5_000);
    let folder = Folder::new("nginx-missing-arrived");
    let (dir, missing, there) = (folder.file(""), nginx.url("/missing"), nginx.url("/one.bin"));
    let (code, _, stderr) = run("http_client", &["--dir", &dir, &missing, &there]);
    assert_eq!(code, Some(1), "{stderr}");
    assert_eq!(stderr, format!("http_client: {missing}: the server answers 404 Not Found\n"));
    assert_eq!(folder.names(), ["one.bin"]);
    assert!(read(&folder, "one.bin") == bytes);
}

#[test]
fn a_slow_server_is_waited_for() {
    let Some(nginx) = Nginx::start("nginx::a_slow_server_is_waited_for", "nginx-slow") else { return };
    let bytes = nginx.file("one.bin", 80_000);
    let folder = Folder::new("nginx-slow-arrived");
    let (code, _, stderr) = run("http_client", &["--dir", &folder.file(""), &nginx.url("/slow/one.bin")]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    assert!(read(&folder, "one.bin") == bytes);
}

#[test]
fn redirects_lead_to_https_but_not_back() {
    let Some(nginx) = Nginx::start("nginx::redirects_lead_to_https_but_not_back", "nginx-moved") else {
        return;
    };
    let bytes = nginx.file("one.bin", 3_000);
    let folder = Folder::new("nginx-moved-arrived");
    let (dir, moved, up) = (folder.file(""), nginx.url("/moved"), nginx.url("/up"));
    let (code, _, stderr) = run("http_client", &["--dir", &dir, "--ca", &nginx.ca, &moved, &up]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    assert!(read(&folder, "moved") == bytes && read(&folder, "up") == bytes);

    let down = nginx.secure_url("/down");
    let (code, _, stderr) = run("http_client", &["--dir", &dir, "--ca", &nginx.ca, &down]);
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains("a redirect from https to http://127.0.0.1"), "{stderr}");
    assert_eq!(folder.names(), ["moved", "up"]);
}

#[test]
fn a_certificate_that_is_not_trusted_is_not_tried_again() {
    let test = "nginx::a_certificate_that_is_not_trusted_is_not_tried_again";
    let Some(nginx) = Nginx::start(test, "nginx-untrusted") else { return };
    let folder = Folder::new("nginx-untrusted-arrived");
    let url = nginx.secure_url("/one.bin");
    let (code, _, stderr) = run("http_client", &["--dir", &folder.file(""), &url]);
    assert_eq!(code, Some(1), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(stderr.contains("handshake with localhost failed: invalid peer certificate"), "{stderr}");
}

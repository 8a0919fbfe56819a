//! These tests cover the response of each route.

use crate::server::{Server, curl, need};

const JSON: &str = "content-type: application/json";

#[test]
fn the_index_lists_the_routes() {
    need!(curl, "the_index_lists_the_routes");
    let server = Server::start(&[]);
    let index = curl(&[&server.url("/")]);
    assert_eq!((index.status, index.version.as_str()), (200, "HTTP/1.1"));
    for route in ["/hello/NAME", "/status", "/notes", "/ticks", "/files/PATH", "/uploads/NAME"] {
        assert!(index.text().contains(route), "{route}");
    }
}

#[test]
fn a_path_parameter_is_decoded_and_state_that_is_not_send_is_shared() {
    need!(curl, "a_path_parameter_is_decoded_and_state_that_is_not_send_is_shared");
    let server = Server::start(&[]);
    for (number, version) in [(1, "--http1.1"), (2, "--http2-prior-knowledge")] {
        let answer = curl(&[version, &server.url("/hello/J%C3%BCrg")]);
        assert_eq!(answer.text(), format!("hello, Jürg: greeting {number} of {number}\n"));
    }
    let status = curl(&[&server.url("/status")]);
    assert_eq!(status.text(), r#"{"requests":3,"greetings":2,"streams_open":0,"uploads_open":0}"#);
}

#[test]
fn notes_are_made_found_read_and_removed() {
    need!(curl, "notes_are_made_found_read_and_removed");
    let server = Server::start(&[]);
    let notes = server.url("/notes");
    for (number, title) in [(1, "milk"), (2, "bread"), (3, "milky way")] {
        let note = format!(r#"{{"title":"{title}","text":"x"}}"#);
        let made = curl(&["--header", JSON, "--data", &note, &notes]);
        assert_eq!(made.status, 201);
        assert_eq!(made.header("location"), Some(format!("/notes/{number}").as_str()));
        assert_eq!(made.text(), format!(r#"{{"id":{number},"title":"{title}","text":"x"}}"#));
    }
    assert_eq!(curl(&[&server.url("/notes/2")]).text(), r#"{"id":2,"title":"bread","text":"x"}"#);
    let found = curl(&[&server.url("/notes?contains=milk&limit=1")]);
    assert_eq!(found.text(), r#"[{"id":1,"title":"milk","text":"x"}]"#);
    assert_eq!(curl(&["--request", "DELETE", &server.url("/notes/1")]).status, 204);
    curl(&[&server.url("/notes/1")]).assert_error(404, "number 1");
    let found = curl(&["--http2-prior-knowledge", &server.url("/notes?contains=milk")]);
    assert_eq!(found.version, "HTTP/2");
    assert_eq!(found.text(), r#"[{"id":3,"title":"milky way","text":"x"}]"#);
}

#[test]
fn a_form_makes_a_note_and_leads_to_it() {
    need!(curl, "a_form_makes_a_note_and_leads_to_it");
    let server = Server::start(&[]);
    let made = curl(&["--data-urlencode", "title=a & b", "--data", "text=c", &server.url("/notes/form")]);
    assert_eq!((made.status, made.header("location")), (303, Some("/notes/1")));
    assert_eq!(curl(&[&server.url("/notes/1")]).text(), r#"{"id":1,"title":"a & b","text":"c"}"#);
}

#[test]
fn head_has_the_length_and_no_body() {
    need!(curl, "head_has_the_length_and_no_body");
    let server = Server::start(&[]);
    let body = curl(&[&server.url("/")]).body.len().to_string();
    for version in ["--http1.1", "--http2-prior-knowledge"] {
        let head = curl(&[version, "--head", &server.url("/")]);
        assert_eq!((head.status, head.body.len()), (200, 0));
        assert_eq!(head.header("content-length"), Some(body.as_str()));
    }
}

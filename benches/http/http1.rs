//! The bytes of the requests and responses of HTTP/1.1.

use std::io;

use super::Method;
use super::client::wrong;

const STATUS: &[u8] = b"HTTP/1.1 200 OK\r\n";
const HEAD_END: &[u8] = b"\r\n\r\n";

/// Returns the bytes of a whole request.
pub fn request(method: Method) -> Vec<u8> {
    let body = method.body();
    let mut request = match method {
        Method::Get => b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n".to_vec(),
        Method::Post => {
            format!("POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n", body.len()).into()
        }
    };
    request.extend(body);
    request
}

/// Returns the length of a whole response with this body, or `None` if the response is not complete.
pub fn response(input: &[u8], body: &[u8]) -> io::Result<Option<usize>> {
    let Some(head) = input.windows(HEAD_END.len()).position(|it| it == HEAD_END) else { return Ok(None) };
    let end = head + HEAD_END.len() + body.len();
    if input.len() < end {
        return Ok(None);
    }
    if input.starts_with(STATUS) && input[..end].ends_with(body) { Ok(Some(end)) } else { Err(wrong(input)) }
}

//! The server: HTTP/1.1 and HTTP/2 on one port.

//! HTTP/1.1, HTTP/2 and TLS on one thread: [hyper] on the [oneloop] runtime.
//!
//! ```no_run
//! use std::convert::Infallible;
//!
//! use hyper::body::Incoming;
//! use hyper::service::service_fn;
//! use hyper::{Request, Response};
//! use oneloop::net::TcpListener;
//!
//! async fn hello(_request: Request<Incoming>) -> Result<Response<String>, Infallible> {
//!     Ok(Response::new("hello\n".to_owned()))
//! }
//!
//! fn main() -> std::io::Result<()> {
//!     oneloop::block_on(async {
//!         let listener = TcpListener::bind("127.0.0.1:8080").await?;
//!         oneloop_hyper::serve(listener, service_fn(hello)).await;
//!         Ok(())
//!     })
//! }
//! ```
//!
//! [hyper]: https://docs.rs/hyper
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "client")]
pub mod client;
mod executor;
mod io;
#[cfg(feature = "server")]
pub mod server;
mod timer;
#[cfg(feature = "tls")]
pub mod tls;

#[cfg(feature = "client")]
pub use client::client;
pub use executor::Executor;
pub use io::Io;
#[cfg(feature = "server")]
#[doc(inline)]
pub use server::{serve, serve_with};
pub use timer::Timer;

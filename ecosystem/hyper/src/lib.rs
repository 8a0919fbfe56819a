//! This crate runs [hyper] on the [oneloop] runtime: HTTP/1.1, HTTP/2 and TLS on one thread.
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
//! `oneloop::spawn(serve(listener, service).into_future())` runs a server in a task of its own.
//!
//! # axum
//!
//! hyper-util's `TowerToHyperService` (feature `service`) makes a service of a router. axum requires
//! `Send` of handlers and of state. `SendWrapper` makes values `Send` that are not, which is correct
//! because all of them stay on one thread.
//!
//! ```no_run
//! use std::cell::Cell;
//! use std::net::SocketAddr;
//! use std::rc::Rc;
//! use std::time::Duration;
//!
//! use axum::Router;
//! use axum::extract::{Extension, State};
//! use axum::routing::get;
//! use hyper_util::service::TowerToHyperService;
//! use oneloop::net::TcpListener;
//! use send_wrapper::SendWrapper;
//!
//! type Visits = SendWrapper<Rc<Cell<u64>>>;
//!
//! async fn visit(State(visits): State<Visits>, Extension(client): Extension<Option<SocketAddr>>) -> String {
//!     visits.set(visits.get() + 1);
//!     format!("visit {} comes from {client:?}\n", visits.get())
//! }
//!
//! fn main() -> std::io::Result<()> {
//!     oneloop::block_on(async {
//!         let router = Router::new().route("/", get(visit)).with_state(Visits::new(Rc::default()));
//!         let listener = TcpListener::bind("127.0.0.1:8080").await?;
//!         oneloop_hyper::serve_with(listener, move |peer| {
//!             TowerToHyperService::new(router.clone().layer(Extension(peer.remote_addr())))
//!         })
//!         .on_error(|error| eprintln!("{error}"))
//!         .shutdown(oneloop::signal::ctrl_c(), Duration::from_secs(5))
//!         .await;
//!         Ok(())
//!     })
//! }
//! ```
//!
//! # Features
//!
//! | feature | default | content |
//! |---|---|---|
//! | `server` | yes | [`serve`](server) |
//! | `client` | yes | `Connector` and the pooled client |
//! | `tls` | yes | TLS for both, by rustls with ring, whose build compiles C |
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

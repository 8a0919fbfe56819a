//! The same requests, one after another on a connection that stays open, in three ways.

use std::error::Error;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper::client::conn::http1::{self, SendRequest};
use oneloop::net::TcpStream;
use oneloop_hyper::Io;
use tokio::runtime::Handle;

use crate::server::BODY;
use crate::side_thread::SideThread;

/// The result of a way. Its error can cross threads, because the results of tokio's tasks do.
pub type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

pub struct Ways {
    url: String,
    reqwest: reqwest::Client,
    tokio: Handle,
    hyper: SendRequest<Empty<Bytes>>,
}

impl Ways {
    /// Connects both clients, so that no round includes the cost of a connection.
    pub async fn connect(address: SocketAddr, side_thread: &SideThread) -> Result<Ways> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (hyper, connection) = http1::handshake(Io::new(stream)).await?;
        drop(oneloop::spawn(connection));
        let mut ways = Ways {
            url: format!("http://{address}/"),
            reqwest: reqwest::Client::builder().no_proxy().build()?,
            tokio: side_thread.handle().clone(),
            hyper,
        };
        ways.reqwest_on_the_loop(1).await?;
        ways.hyper_on_the_loop(1).await?;
        Ok(ways)
    }

    /// Awaits each request in a task of the loop. The request's socket is on the side thread.
    pub async fn reqwest_on_the_loop(&self, requests: usize) -> Result<Duration> {
        let began = Instant::now();
        get_by_reqwest(&self.reqwest, &self.url, requests).await?;
        Ok(began.elapsed() / requests as u32)
    }

    /// Sends all requests in one task on the side thread. The loop waits once, for the result of all.
    pub async fn reqwest_in_one_task(&self, requests: usize) -> Result<Duration> {
        let (client, url) = (self.reqwest.clone(), self.url.clone());
        let began = Instant::now();
        self.tokio.spawn(async move { get_by_reqwest(&client, &url, requests).await }).await??;
        Ok(began.elapsed() / requests as u32)
    }

    /// Sends the requests with a library that needs no other runtime. All its work stays on the loop's
    /// thread.
    pub async fn hyper_on_the_loop(&mut self, requests: usize) -> Result<Duration> {
        let began = Instant::now();
        for _ in 0..requests {
            self.hyper.ready().await?;
            let request = Request::get("/").header("host", "localhost").body(Empty::new())?;
            let response = self.hyper.send_request(request).await?;
            check(&response.into_body().collect().await?.to_bytes())?;
        }
        Ok(began.elapsed() / requests as u32)
    }
}

async fn get_by_reqwest(client: &reqwest::Client, url: &str, requests: usize) -> Result<()> {
    for _ in 0..requests {
        check(&client.get(url).send().await?.bytes().await?)?;
    }
    Ok(())
}

fn check(body: &Bytes) -> Result<()> {
    if body == BODY { Ok(()) } else { Err(format!("the response is {body:?}").into()) }
}

pub fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

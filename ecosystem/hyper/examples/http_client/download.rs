//! One download: attempts, pauses between them, and the file.

use std::error::Error;
use std::io;
use std::path::Path;
use std::time::Duration;

use futures::channel::oneshot;
use futures::future::Shared;
use http_body_util::{BodyExt, Empty};
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::client::legacy;
use oneloop::future::or;
use oneloop::time::{sleep, timeout};
use oneloop_hyper::client::Connector;

use crate::file::Partial;
use crate::options::Limits;
use crate::process::causes;
use crate::progress::{Bar, Progress};
use crate::redirect;

pub type Client = legacy::Client<Connector, Empty<Bytes>>;

const REDIRECTS_MAX: usize = 10;
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// The reason why a file is not complete.
pub enum Failure {
    /// The next attempt may succeed.
    Retry(String),
    /// Another attempt would fail in the same way.
    Final(String),
    /// The program was asked to stop.
    Stopped,
}

/// The state that all downloads share.
pub struct Downloads {
    pub client: Client,
    pub limits: Limits,
    pub progress: Progress,
    /// The future is ready when the program is asked to stop. Waits for the network and for timers end
    /// then. Operations on files are short, so the download awaits them.
    pub stopped: Shared<oneshot::Receiver<()>>,
}

impl Downloads {
    /// Downloads one file and returns its length in bytes. Removes a file that is not complete.
    pub async fn download(&self, url: &Uri, file: &Path) -> Result<u64, Failure> {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let bar = self.progress.begin(&name);
        let mut pause = self.limits.pause;
        for left in (0..=self.limits.retries).rev() {
            let reason = match self.attempt(url, file, &bar).await {
                Err(Failure::Retry(reason)) if left > 0 => reason,
                Err(Failure::Retry(reason)) => return Err(Failure::Final(reason)),
                ended => return ended,
            };
            // A part of the pause is random, so that the clients of a failed server do not all retry at
            // the same moment.
            let this = pause.mul_f64(1.0 - fastrand::f64() / 2.0);
            self.progress.complain(&format!("{url}: {reason}; again in {:.1} s", this.as_secs_f64()));
            bar.note("waiting");
            self.unless_stopped(sleep(this)).await?;
            pause = (pause * 2).min(PAUSE_MAX.max(self.limits.pause));
        }
        unreachable!("the last attempt has no retry left")
    }

    async fn attempt(&self, url: &Uri, file: &Path, bar: &Bar) -> Result<u64, Failure> {
        let mut body = self.request(url).await?.into_body();
        bar.restart(body.size_hint().exact());
        let disk = |error: io::Error| Failure::Final(format!("{}: {error}", file.display()));
        let mut partial = Partial::create(file).await.map_err(disk)?;
        let mut total = 0;
        while let Some(frame) = self.arrived(body.frame()).await? {
            // HTTP gives the length of a body, so a body that ends early is an error.
            let frame = frame.map_err(|error| Failure::Retry(causes(&error)))?;
            if let Ok(bytes) = frame.into_data() {
                partial.write(&bytes).await.map_err(disk)?;
                total += bytes.len() as u64;
                bar.received(bytes.len());
            }
        }
        partial.complete(file.to_owned()).await.map_err(disk)?;
        Ok(total)
    }

    /// Requests a URL and follows redirects.
    async fn request(&self, url: &Uri) -> Result<Response<Incoming>, Failure> {
        let mut url = url.clone();
        for _ in 0..=REDIRECTS_MAX {
            let request = Request::get(&url)
                .header("user-agent", concat!("oneloop-hyper-example/", env!("CARGO_PKG_VERSION")))
                .body(Empty::new())
                .map_err(|error| Failure::Final(error.to_string()))?;
            let response = self.arrived(self.client.request(request)).await?.map_err(failed)?;
            match redirect::target(&url, &response).map_err(Failure::Final)? {
                Some(next) => url = next,
                None => return check(response),
            }
        }
        Err(Failure::Final(format!("more than {REDIRECTS_MAX} redirects, the last one to {url}")))
    }

    /// Waits for the server, for the time limit at most.
    async fn arrived<F: Future>(&self, future: F) -> Result<F::Output, Failure> {
        let limit = self.limits.timeout;
        let silent = |_| Failure::Retry(format!("nothing arrived for {} s", limit.as_secs_f64()));
        self.unless_stopped(timeout(limit, future)).await?.map_err(silent)
    }

    async fn unless_stopped<F: Future>(&self, future: F) -> Result<F::Output, Failure> {
        let stopped = async {
            let _ = self.stopped.clone().await;
            Err(Failure::Stopped)
        };
        or(stopped, async { Ok(future.await) }).await
    }
}

fn check(response: Response<Incoming>) -> Result<Response<Incoming>, Failure> {
    let status = response.status();
    let text = || format!("the server answers {status}");
    match status {
        StatusCode::OK => Ok(response),
        StatusCode::REQUEST_TIMEOUT
        | StatusCode::TOO_MANY_REQUESTS
        | StatusCode::INTERNAL_SERVER_ERROR
        | StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::GATEWAY_TIMEOUT => Err(Failure::Retry(text())),
        _ => Err(Failure::Final(text())),
    }
}

/// Decides whether a request without a response is retried. A retry can't help if the server's
/// certificate is not trusted, or if the connector refuses the URL.
fn failed(error: legacy::Error) -> Failure {
    let kind = error.source().and_then(|source| source.downcast_ref::<io::Error>()).map(io::Error::kind);
    let text = causes(&error);
    match kind {
        Some(io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => {
            Failure::Final(text)
        }
        _ => Failure::Retry(text),
    }
}

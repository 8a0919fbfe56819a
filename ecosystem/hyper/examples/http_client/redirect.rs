//! The target of a redirect.

use hyper::header::LOCATION;
use hyper::{Response, StatusCode, Uri};
use iri_string::types::{UriAbsoluteString, UriReferenceStr};

/// Returns the next URL if the response is a redirect that names one.
pub fn target<B>(url: &Uri, response: &Response<B>) -> Result<Option<Uri>, String> {
    let redirects = [
        StatusCode::MOVED_PERMANENTLY,
        StatusCode::FOUND,
        StatusCode::SEE_OTHER,
        StatusCode::TEMPORARY_REDIRECT,
        StatusCode::PERMANENT_REDIRECT,
    ];
    if !redirects.contains(&response.status()) {
        return Ok(None);
    }
    let Some(location) = response.headers().get(LOCATION) else { return Ok(None) };
    let unusable = || format!("a redirect to {location:?}, which is not a URL");
    let location = location.to_str().map_err(|_| unusable())?;
    let next = resolve(url, location).ok_or_else(unusable)?;
    let scheme = |url: &Uri| url.scheme_str().map(str::to_owned);
    if scheme(url).as_deref() == Some("https") && scheme(&next).as_deref() != Some("https") {
        return Err(format!("a redirect from https to {next} is not followed"));
    }
    Ok(Some(next))
}

/// Resolves a reference against a URL, as RFC 3986, section 5, defines it. Removes the fragment.
fn resolve(url: &Uri, reference: &str) -> Option<Uri> {
    let base = UriAbsoluteString::try_from(url.to_string()).ok()?;
    let reference = UriReferenceStr::new(reference).ok()?;
    let mut resolved = reference.resolve_against(&base).to_string();
    if let Some(at) = resolved.find('#') {
        resolved.truncate(at);
    }
    resolved.parse().ok()
}

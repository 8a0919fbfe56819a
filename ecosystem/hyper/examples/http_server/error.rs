//! Errors, all of them JSON: `{"error":{"status":404,"message":"…"}}`.

use std::time::Duration;

use axum::Json;
use axum::extract::multipart::{MultipartError, MultipartRejection};
use axum::extract::rejection::{FormRejection, JsonRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use oneloop::time::timeout;
use serde::Serialize;

/// The error that handlers return with `?`.
#[derive(Debug, Serialize)]
pub struct ApiError {
    #[serde(skip)]
    code: StatusCode,
    status: u16,
    message: String,
}

impl ApiError {
    pub fn new(code: StatusCode, message: impl Into<String>) -> ApiError {
        ApiError { code, status: code.as_u16(), message: message.into() }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        #[derive(Serialize)]
        struct Body {
            error: ApiError,
        }
        (self.code, Json(Body { error: self })).into_response()
    }
}

/// Answers a request that no route matches.
pub async fn not_found(uri: Uri) -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, format!("nothing is at {}", uri.path()))
}

/// Answers a request with a method that its route does not have. axum adds the header `Allow`.
pub async fn method_not_allowed(method: Method, uri: Uri) -> ApiError {
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, format!("{} does not take {method}", uri.path()))
}

/// The time limit for a body that an extractor collects. The router stores it in the extensions of each
/// request.
#[derive(Clone, Copy)]
pub struct BodyTimeout(pub Duration);

/// One of axum's extractors, with its rejection as an [`ApiError`] and with a time limit. An extractor
/// alone answers with plain text, and waits for a body without limit.
pub struct Checked<E>(pub E);

impl<S, E> FromRequest<S> for Checked<E>
where
    S: Send + Sync,
    E: FromRequest<S, Rejection: Into<ApiError>>,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Checked<E>, ApiError> {
        let BodyTimeout(limit) = *request.extensions().get().expect("the router adds it to all requests");
        let extracted = timeout(limit, E::from_request(request, state)).await.map_err(|_| {
            ApiError::new(StatusCode::REQUEST_TIMEOUT, format!("the body did not arrive within {limit:?}"))
        })?;
        extracted.map(Checked).map_err(Into::into)
    }
}

impl<S, E> FromRequestParts<S> for Checked<E>
where
    S: Send + Sync,
    E: FromRequestParts<S, Rejection: Into<ApiError>>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Checked<E>, ApiError> {
        E::from_request_parts(parts, state).await.map(Checked).map_err(Into::into)
    }
}

/// All of axum's rejections have these two functions. axum has no trait for them.
macro_rules! from_rejections {
    ($($rejection:ty),*) => {
        $(impl From<$rejection> for ApiError {
            fn from(rejection: $rejection) -> ApiError {
                ApiError::new(rejection.status(), rejection.body_text())
            }
        })*
    };
}

from_rejections!(
    FormRejection,
    JsonRejection,
    MultipartError,
    MultipartRejection,
    PathRejection,
    QueryRejection
);

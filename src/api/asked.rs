//! What a request brings, parsed once at the door; what cannot be understood is a [`Problem`].

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::{Code, Problem};

/// The JSON body of a request. Its content type does not matter: this API takes nothing but JSON.
#[derive(Debug)]
pub struct Asked<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let body = Bytes::from_request(request, state)
            .await
            .map_err(|rejection| Problem::new(Code::BadRequest, rejection.body_text()))?;
        serde_json::from_slice(&body).map(Self).map_err(|error| Problem::of(Code::BadRequest, &error))
    }
}

/// The query of a request.
#[derive(Debug)]
pub struct Sought<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Sought<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Query::try_from_uri(&parts.uri)
            .map(|Query(sought)| Self(sought))
            .map_err(|rejection| Problem::new(Code::BadRequest, rejection.body_text()))
    }
}

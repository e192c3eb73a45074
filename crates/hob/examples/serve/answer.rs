//! From a request to a response.

use std::convert::Infallible;
use std::io;
use std::path::Path;
use std::sync::Arc;

use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, LOCATION};
use hyper::{Method, Request, Response, StatusCode};

use crate::files::{self, Found};
use crate::path::{self, Refusal};

type Body = UnsyncBoxBody<Bytes, io::Error>;

/// Answers a request. What goes wrong is an answer too.
pub(crate) async fn answer(
    request: Request<Incoming>,
    root: Arc<Path>,
) -> Result<Response<Body>, Infallible> {
    // HEAD is answered like GET; hyper then sends the head alone, and never asks for the body.
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD");
        let allowed = HeaderValue::from_static("GET, HEAD");
        response.headers_mut().insert(ALLOW, allowed);
        return Ok(response);
    }
    let wanted = request.uri().path().to_owned();
    Ok(match find(wanted.clone(), root).await {
        Ok(Found::Small { content, kind }) => {
            let length = content.len() as u64;
            file(whole(content), length, kind)
        }
        Ok(Found::Large {
            file: open,
            length,
            kind,
        }) => file(files::chunks(open, length).boxed_unsync(), length, kind),
        Ok(Found::Folder) => redirect(&wanted),
        Err(refusal) => refused(&refusal),
    })
}

/// Looks for a file, on a thread that may block.
async fn find(wanted: String, root: Arc<Path>) -> Result<Found, Refusal> {
    let found = hob::to_thread(move || {
        let relative = path::relative(&wanted)?;
        files::find(&root, &relative, wanted.ends_with('/'))
    });
    match found.await {
        Ok(found) => found,
        Err(error) => Err(Refusal::Failed(io::Error::other(error))),
    }
}

fn file(body: Body, length: u64, kind: &'static str) -> Response<Body> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    response
}

/// Sends a browser to the folder's path with a slash, which the links in `index.html` are relative to.
fn redirect(wanted: &str) -> Response<Body> {
    let name = wanted.rsplit('/').next().unwrap_or_default();
    // Relative, so that no name of a folder is taken for a host.
    let Ok(place) = HeaderValue::try_from(format!("./{name}/")) else {
        return refused(&Refusal::Malformed);
    };
    let mut response = plain(StatusCode::MOVED_PERMANENTLY, "this is a folder");
    response.headers_mut().insert(LOCATION, place);
    response
}

fn refused(refusal: &Refusal) -> Response<Body> {
    match refusal {
        Refusal::Malformed => plain(StatusCode::BAD_REQUEST, "the path is malformed"),
        Refusal::Outside => plain(StatusCode::FORBIDDEN, "the path leads out of the folder"),
        Refusal::Closed => plain(StatusCode::FORBIDDEN, "the file may not be read"),
        Refusal::Missing => plain(StatusCode::NOT_FOUND, "there is no such file"),
        Refusal::Failed(error) => plain(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

fn plain(status: StatusCode, text: &str) -> Response<Body> {
    let content = format!("{status}: {text}\n").into_bytes();
    let length = content.len() as u64;
    let mut response = file(whole(content), length, "text/plain; charset=utf-8");
    *response.status_mut() = status;
    response
}

fn whole(content: Vec<u8>) -> Body {
    let body = Full::new(Bytes::from(content));
    body.map_err(|never| match never {}).boxed_unsync()
}

//! Files: which one is meant, what it is, and what is in it. All but [`chunks`] blocks.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use futures_lite::stream;
use http_body_util::StreamBody;
use hyper::body::{Body, Bytes, Frame};

use crate::path::Refusal;

/// Up to this size a file is read at once; above, in chunks of this size.
const CHUNK: usize = 64 * 1024;

/// What a path leads to.
pub(crate) enum Found {
    /// A file, read already.
    Small {
        content: Vec<u8>,
        kind: &'static str,
    },
    /// A file to be read in [`chunks`].
    Large {
        file: File,
        length: u64,
        kind: &'static str,
    },
    /// A folder whose path lacks the slash at its end.
    Folder,
}

/// Finds a file below `root`; of a folder, which `slash` says is meant, its `index.html`.
pub(crate) fn find(root: &Path, relative: &Path, slash: bool) -> Result<Found, Refusal> {
    let mut path = inside(root, relative)?;
    match (path.is_dir(), slash) {
        (true, false) => return Ok(Found::Folder),
        // The index may be a link as well.
        (true, true) => path = inside(root, &path.join("index.html"))?,
        (false, true) => return Err(Refusal::Missing),
        (false, false) => {}
    }
    // Opening a pipe would wait for its other end.
    if !fs::metadata(&path)?.is_file() {
        return Err(Refusal::Missing);
    }
    open(&path)
}

/// Follows all links, and refuses to leave `root`, which has none.
fn inside(root: &Path, path: &Path) -> Result<PathBuf, Refusal> {
    let path = root.join(path).canonicalize()?;
    if path.starts_with(root) {
        Ok(path)
    } else {
        Err(Refusal::Outside)
    }
}

fn open(path: &Path) -> Result<Found, Refusal> {
    let kind = kind(path);
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    if length > CHUNK as u64 {
        return Ok(Found::Large { file, length, kind });
    }
    let content = read(&mut file, CHUNK)?;
    Ok(Found::Small { content, kind })
}

/// The content of a file, read as it is sent: a chunk when the one before is on its way.
pub(crate) fn chunks(
    file: File,
    length: u64,
) -> impl Body<Data = Bytes, Error = io::Error> + Send + 'static {
    StreamBody::new(stream::try_unfold((file, length), async |(file, left)| {
        if left == 0 {
            return Ok(None);
        }
        let (file, chunk) = hob::to_thread(move || chunk(file, left))
            .await
            .map_err(io::Error::other)??;
        let left = left - chunk.len() as u64;
        Ok(Some((Frame::data(Bytes::from(chunk)), (file, left))))
    }))
}

fn chunk(mut file: File, left: u64) -> io::Result<(File, Vec<u8>)> {
    let size = usize::try_from(left).unwrap_or(CHUNK).min(CHUNK);
    let chunk = read(&mut file, size)?;
    if chunk.is_empty() {
        // The length was promised: breaking the connection off is all that is left.
        return Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "the file has shrunk",
        ));
    }
    Ok((file, chunk))
}

/// Reads so many bytes, or what is there.
fn read(file: &mut File, size: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(size);
    file.take(size as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The content type, by the ending of the name.
fn kind(path: &Path) -> &'static str {
    let ending = path.extension().unwrap_or_default();
    match ending.to_ascii_lowercase().to_str().unwrap_or_default() {
        "html" | "htm" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "txt" | "md" | "rs" | "toml" => "text/plain; charset=utf-8",
        "xml" => "text/xml; charset=utf-8",
        "json" | "map" => "application/json",
        "pdf" => "application/pdf",
        "wasm" => "application/wasm",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff" => "font/woff",
        "woff2" => "font/woff2",
        "ttf" => "font/ttf",
        "mp3" => "audio/mpeg",
        "mp4" => "video/mp4",
        _ => "application/octet-stream",
    }
}

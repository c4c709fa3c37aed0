//! Compressed headers (QuickTime File Format, "Compressed movie resources"): a `moov` that
//! contains another one, deflated.

use miniz_oxide::inflate::{TINFLStatus, decompress_to_vec_zlib_with_limit};

use super::boxes::{BoxAt, Fields, children, content};
use crate::probe::problem::{Problem, Result};
use crate::probe::source::Source;

/// The most bytes of deflated headers that are read.
const LONGEST: usize = 2 * 1024 * 1024;

/// The most bytes that they become. Headers of hours take one or two megabytes; a few kilobytes
/// of deflated zeros could become gigabytes.
const LONGEST_INFLATED: usize = 6 * 1024 * 1024;

/// The headers inside a `moov` box, which are a `moov` box again. None if it is not compressed.
///
/// # Errors
/// If the file cannot be read, or the headers are damaged or too long.
pub fn inflate(source: &mut Source<'_>, moov: &BoxAt) -> Result<Option<Vec<u8>>> {
    let Some(cmov) = children(source, moov)?.into_iter().find(|found| &found.kind == b"cmov")
    else {
        return Ok(None);
    };
    let (mut method, mut data) = (None, None);
    for found in children(source, &cmov)? {
        match &found.kind {
            b"dcom" => method = Fields::new(&content(source, &found, 4)?).kind(),
            b"cmvd" => data = Some(found),
            _ => {}
        }
    }
    let Some(data) = data else {
        return Err(Problem::damaged("the compressed headers are missing"));
    };
    if method.is_some_and(|method| &method != b"zlib") {
        return Err(Problem::Unsupported("the headers are compressed in an unknown way".into()));
    }
    if data.len() > LONGEST as u64 {
        return Err(Problem::Final(TOO_LONG));
    }
    let bytes = content(source, &data, LONGEST)?;
    let mut fields = Fields::new(&bytes);
    let length = fields.u32().unwrap_or(0) as usize;
    if length > LONGEST_INFLATED {
        return Err(Problem::Final(TOO_LONG));
    }
    match decompress_to_vec_zlib_with_limit(fields.rest(), LONGEST_INFLATED) {
        Ok(headers) => Ok(Some(headers)),
        Err(error) if error.status == TINFLStatus::HasMoreOutput => Err(Problem::Final(TOO_LONG)),
        Err(_) => Err(Problem::damaged("the compressed headers are damaged")),
    }
}

/// ffprobe would inflate them whatever memory that takes.
const TOO_LONG: &str = "the compressed headers are too long";

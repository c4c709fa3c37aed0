//! Why a file could not be probed.

use std::any::Any;
use std::borrow::Cow;
use std::fmt;
use std::io;

/// The result of probing.
pub type Result<T> = std::result::Result<T, Problem>;

/// Why a file could not be probed.
#[derive(Debug)]
pub enum Problem {
    /// The file could not be read; this is the system's error.
    Io(io::Error),
    /// No other program could read the content, or should try: why.
    Final(&'static str),
    /// The format of the content is unknown.
    Unknown,
    /// The format is known, but the content is damaged: what is wrong.
    Damaged(Cow<'static, str>),
    /// The content seems to be valid, but the parser cannot read it: why.
    Unsupported(Cow<'static, str>),
    /// Probing would exceed the [`Limits`](super::source::Limits): which one.
    Limit(&'static str),
    /// The file has another size or mtime than expected. It was not read.
    Changed,
    /// A parser panicked, which is a bug.
    Panic(String),
}

impl Problem {
    /// The problem's stable name.
    pub fn code(&self) -> &'static str {
        match self {
            Problem::Io(_) => "unreadable",
            Problem::Final(_) => "final",
            Problem::Unknown => "unknown",
            Problem::Damaged(_) => "damaged",
            Problem::Unsupported(_) => "unsupported",
            Problem::Limit(_) => "limit",
            Problem::Changed => "changed",
            Problem::Panic(_) => "panic",
        }
    }

    /// A damaged file: what is wrong.
    pub fn damaged(what: impl Into<Cow<'static, str>>) -> Self {
        Problem::Damaged(what.into())
    }

    pub(super) fn from_panic(panic: &(dyn Any + Send)) -> Self {
        let message = panic
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_default();
        Problem::Panic(message)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Io(error) => {
                let text = error.to_string();
                f.write_str(text.split(" (os error").next().unwrap_or_default())
            }
            Problem::Final(what) => f.write_str(what),
            Problem::Unknown => f.write_str("the format is unknown"),
            Problem::Damaged(what) => write!(f, "damaged: {what}"),
            Problem::Unsupported(what) => write!(f, "not supported: {what}"),
            Problem::Limit(what) => write!(f, "vpo stopped reading: {what}"),
            Problem::Changed => f.write_str("the file has changed"),
            Problem::Panic(what) => write!(f, "internal error in a parser: {what}"),
        }
    }
}

impl std::error::Error for Problem {}

impl From<io::Error> for Problem {
    /// Also extracts a problem that was passed through `Read` or `Seek` as an error.
    fn from(error: io::Error) -> Self {
        match error.downcast::<Problem>() {
            Ok(problem) => problem,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Problem::damaged("the file is cut off")
            }
            Err(error) => Problem::Io(error),
        }
    }
}

impl From<Problem> for io::Error {
    fn from(problem: Problem) -> Self {
        match problem {
            Problem::Io(error) => error,
            other => io::Error::other(other),
        }
    }
}

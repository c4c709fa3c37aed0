//! Why a file could not be probed.

use std::any::Any;
use std::borrow::Cow;
use std::fmt;
use std::io;

/// What probing gives.
pub type Result<T> = std::result::Result<T, Problem>;

/// Why nothing (sure) can be said of a file.
#[derive(Debug)]
pub enum Problem {
    /// The file could not be read; the text is the system's.
    Io(io::Error),
    /// The content is of no format that is known here.
    Unknown,
    /// The format is known, the content breaks its rules: what is wrong.
    Damaged(Cow<'static, str>),
    /// Valid as far as can be seen, but not for this parser: what it lacks.
    Unsupported(Cow<'static, str>),
    /// The answer is further away than [`super::Limits`] let it look.
    Limit(&'static str),
    /// A parser has a bug that this file found.
    Panic(String),
}

impl Problem {
    /// The problem's stable name.
    pub fn code(&self) -> &'static str {
        match self {
            Problem::Io(_) => "unreadable",
            Problem::Unknown => "unknown",
            Problem::Damaged(_) => "damaged",
            Problem::Unsupported(_) => "unsupported",
            Problem::Limit(_) => "limit",
            Problem::Panic(_) => "panic",
        }
    }

    /// Damage, with what is wrong.
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
            Problem::Unknown => f.write_str("not a media file that is known"),
            Problem::Damaged(what) => write!(f, "damaged: {what}"),
            Problem::Unsupported(what) => write!(f, "not understood: {what}"),
            Problem::Limit(what) => write!(f, "given up: {what}"),
            Problem::Panic(what) => write!(f, "a parser failed: {what}"),
        }
    }
}

impl std::error::Error for Problem {}

impl From<io::Error> for Problem {
    /// Also takes back a problem that went through `Read` or `Seek` as an error.
    fn from(error: io::Error) -> Self {
        match error.downcast::<Problem>() {
            Ok(problem) => problem,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Problem::damaged("it ends too early")
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

//! Probing: reads the properties of a media file from the few kilobytes that contain them.
//!
//! [`probe`] recognises the format of a file by its content ([`Format`]). The parser of that
//! format then reads what it needs through a [`Source`], which limits bytes, requests and
//! time whatever the file claims. The result is a [`Media`]. If the parser is not sure of
//! something, [`Media::unsure`] says so, and a slower program can be asked instead.
//!
//! Nothing in a file is trusted: sizes are checked against the length of the file, invalid
//! text is decoded with replacement characters, and a panic in a parser becomes that file's
//! [`Problem`].

mod codec;
mod containers;
mod dispatch;
mod format;
mod language;
mod model;
mod normalise;
mod photo;
mod pool;
mod problem;
mod rational;
mod sidecars;
mod source;
mod text;

pub use dispatch::{probe, probe_source, read_as};
pub use format::Format;
pub use language::to_iso639_2b;
pub use model::{Chapter, Hdr, Media, Photo, Track, TrackType};
pub use photo::xmp::{TagValue, Tags, tags};
pub use pool::{Completion, Job, Pool, Stat};
pub use problem::{Problem, Result};
pub use sidecars::read_sidecars;
pub use source::{Limits, ReadAt, Source};

//! Photos: one module a format, each with a `read` that gives its [`Media`].
//!
//! [`Media`]: super::model::Media

mod date;
pub mod exif;
mod ifd;
mod iptc;
pub mod jpeg;
mod makernote;
pub mod other;
pub mod png;
pub mod raf;
#[cfg(test)]
mod testing;
pub mod tiff;
pub mod webp;
pub mod xmp;

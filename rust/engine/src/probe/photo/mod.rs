//! Photos: one module a format, each with a `read` that gives its [`Media`].
//!
//! [`Media`]: super::model::Media

pub mod exif;
pub mod jpeg;
pub mod png;
pub mod raf;
pub mod tiff;
pub mod webp;
pub mod xmp;

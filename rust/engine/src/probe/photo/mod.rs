//! Photos: one module for each format. Its `read` returns the [`Media`].
//!
//! [`Media`]: super::model::Media

pub mod crw;
mod date;
pub mod exif;
mod fill;
mod ifd;
mod iptc;
pub mod jpeg;
mod lens;
mod makernote;
pub mod other;
pub mod png;
pub mod raf;
#[cfg(test)]
mod testing;
pub mod tiff;
pub mod webp;
pub mod xmp;

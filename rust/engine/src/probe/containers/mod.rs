//! Containers: one module for each format. Its `read` returns the [`Media`].
//!
//! [`Media`]: super::model::Media

pub mod aac;
pub mod avi;
mod elementary;
pub mod flac;
pub mod flv;
pub mod isomedia;
pub mod matroska;
pub mod mp3;
pub mod mpegps;
pub mod mpegts;
pub mod ogg;
mod pes;
pub mod riff;
mod sniff;
pub mod wav;

mod average;
mod genre;
mod id3;
mod picture;
#[cfg(test)]
mod testing;
mod vorbis_comment;

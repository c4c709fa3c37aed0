//! Containers: one module for each format. Its `read` returns the [`Media`].
//!
//! [`Media`]: super::model::Media

pub mod aac;
pub mod avi;
mod elementary;
pub mod flac;
mod flac_frame;
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

mod ape_tag;
mod average;
mod genre;
mod id3;
mod picture;
mod sampled_rate;
#[cfg(test)]
mod testing;
mod vorbis_comment;

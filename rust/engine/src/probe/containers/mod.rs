//! Containers: one module for each format. Its `read` returns the [`Media`].
//!
//! [`Media`]: super::model::Media

pub mod aac;
pub mod aiff;
pub mod amr;
pub mod ape;
pub mod asf;
pub mod au;
pub mod avi;
pub mod caf;
pub mod dsdiff;
pub mod dsf;
mod elementary;
pub mod flac;
mod flac_frame;
pub mod flv;
pub mod isomedia;
pub mod ivf;
pub mod matroska;
pub mod mp3;
pub mod mpegps;
pub mod mpegts;
pub mod musepack;
pub mod ogg;
mod pes;
pub mod raw_audio;
pub mod raw_video;
pub mod realmedia;
pub mod riff;
mod sniff;
pub mod tak;
pub mod tta;
pub mod wav;
pub mod wavpack;

mod ape_tag;
mod average;
mod duration;
mod genre;
mod id3;
mod picture;
mod sampled_rate;
#[cfg(test)]
mod testing;
mod usual_rates;
mod vorbis_comment;

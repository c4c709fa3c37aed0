//! Element identifiers of Matroska (RFC 9559), with their length markers.

pub const EBML: u32 = 0x1A45_DFA3;
pub const DOC_TYPE: u32 = 0x4282;
pub const VOID: u32 = 0xEC;
pub const CRC_32: u32 = 0xBF;

pub const SEGMENT: u32 = 0x1853_8067;
pub const SEEK_HEAD: u32 = 0x114D_9B74;
pub const INFO: u32 = 0x1549_A966;
pub const TRACKS: u32 = 0x1654_AE6B;
pub const CLUSTER: u32 = 0x1F43_B675;
pub const CUES: u32 = 0x1C53_BB6B;
pub const CHAPTERS: u32 = 0x1043_A770;
pub const TAGS: u32 = 0x1254_C367;
pub const ATTACHMENTS: u32 = 0x1941_A469;

pub mod seek {
    pub const SEEK: u32 = 0x4DBB;
    pub const ID: u32 = 0x53AB;
    pub const POSITION: u32 = 0x53AC;
}

pub mod info {
    pub const TIMESTAMP_SCALE: u32 = 0x2A_D7B1;
    pub const DURATION: u32 = 0x4489;
    pub const DATE_UTC: u32 = 0x4461;
    pub const TITLE: u32 = 0x7BA9;
    pub const MUXING_APP: u32 = 0x4D80;
}

pub mod track {
    pub const ENTRY: u32 = 0xAE;
    pub const NUMBER: u32 = 0xD7;
    pub const UID: u32 = 0x73C5;
    pub const TYPE: u32 = 0x83;
    pub const FLAG_DEFAULT: u32 = 0x88;
    pub const FLAG_FORCED: u32 = 0x55AA;
    pub const FLAG_HEARING_IMPAIRED: u32 = 0x55AB;
    pub const FLAG_VISUAL_IMPAIRED: u32 = 0x55AC;
    pub const FLAG_COMMENTARY: u32 = 0x55AF;
    pub const DEFAULT_DURATION: u32 = 0x23_E383;
    pub const NAME: u32 = 0x536E;
    pub const LANGUAGE: u32 = 0x22_B59C;
    pub const LANGUAGE_BCP47: u32 = 0x22_B59D;
    pub const CODEC_ID: u32 = 0x86;
    pub const CODEC_PRIVATE: u32 = 0x63A2;
    pub const VIDEO: u32 = 0xE0;
    pub const AUDIO: u32 = 0xE1;
    pub const CONTENT_ENCODINGS: u32 = 0x6D80;
    pub const BLOCK_ADDITION_MAPPING: u32 = 0x41E4;
    pub const BLOCK_ADD_ID_TYPE: u32 = 0x41E7;
    pub const BLOCK_ADD_ID_EXTRA_DATA: u32 = 0x41ED;
}

pub mod encoding {
    pub const ENCODING: u32 = 0x6240;
    pub const SCOPE: u32 = 0x5032;
    pub const TYPE: u32 = 0x5033;
    pub const COMPRESSION: u32 = 0x5034;
    pub const ALGORITHM: u32 = 0x4254;
    pub const SETTINGS: u32 = 0x4255;
}

pub mod video {
    pub const PIXEL_WIDTH: u32 = 0xB0;
    pub const PIXEL_HEIGHT: u32 = 0xBA;
    pub const UNCOMPRESSED_FOURCC: u32 = 0x2E_B524;
    pub const COLOUR: u32 = 0x55B0;
    pub const MATRIX: u32 = 0x55B1;
    pub const TRANSFER: u32 = 0x55BA;
    pub const PRIMARIES: u32 = 0x55BB;
    pub const PROJECTION: u32 = 0x7670;
    pub const PROJECTION_TYPE: u32 = 0x7671;
    pub const PROJECTION_YAW: u32 = 0x7673;
    pub const PROJECTION_PITCH: u32 = 0x7674;
    pub const PROJECTION_ROLL: u32 = 0x7675;
}

pub mod audio {
    pub const SAMPLING_FREQUENCY: u32 = 0xB5;
    pub const OUTPUT_SAMPLING_FREQUENCY: u32 = 0x78B5;
    pub const CHANNELS: u32 = 0x9F;
    pub const BIT_DEPTH: u32 = 0x6264;
}

pub mod cluster {
    pub const TIMESTAMP: u32 = 0xE7;
    pub const SIMPLE_BLOCK: u32 = 0xA3;
    pub const BLOCK_GROUP: u32 = 0xA0;
    pub const BLOCK: u32 = 0xA1;
    pub const BLOCK_ADDITIONS: u32 = 0x75A1;
    pub const BLOCK_MORE: u32 = 0xA6;
    pub const BLOCK_ADD_ID: u32 = 0xEE;
    pub const BLOCK_ADDITIONAL: u32 = 0xA5;
}

pub mod attachment {
    pub const FILE: u32 = 0x61A7;
    pub const NAME: u32 = 0x466E;
    pub const MEDIA_TYPE: u32 = 0x4660;
    pub const DATA: u32 = 0x465C;
}

pub mod chapter {
    pub const EDITION: u32 = 0x45B9;
    pub const EDITION_DEFAULT: u32 = 0x45DB;
    pub const EDITION_HIDDEN: u32 = 0x45BD;
    pub const ATOM: u32 = 0xB6;
    pub const HIDDEN: u32 = 0x98;
    pub const TIME_START: u32 = 0x91;
    pub const TIME_END: u32 = 0x92;
    pub const DISPLAY: u32 = 0x80;
    pub const STRING: u32 = 0x85;
}

pub mod tag {
    pub const TAG: u32 = 0x7373;
    pub const TARGETS: u32 = 0x63C0;
    pub const TARGET_TYPE: u32 = 0x63CA;
    pub const TARGET_TYPE_VALUE: u32 = 0x68CA;
    pub const TRACK_UID: u32 = 0x63C5;
    pub const EDITION_UID: u32 = 0x63C9;
    pub const CHAPTER_UID: u32 = 0x63C4;
    pub const ATTACHMENT_UID: u32 = 0x63C6;
    pub const SIMPLE_TAG: u32 = 0x67C8;
    pub const NAME: u32 = 0x45A3;
    pub const STRING: u32 = 0x4487;
}

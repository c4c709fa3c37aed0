#![no_main]
vpo_fuzz::target!(H264);

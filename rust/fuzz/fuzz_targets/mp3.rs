#![no_main]
vpo_fuzz::target!(Mp3);

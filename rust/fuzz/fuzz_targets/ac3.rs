#![no_main]
vpo_fuzz::target!(Ac3);

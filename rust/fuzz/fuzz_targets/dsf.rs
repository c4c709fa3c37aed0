#![no_main]
vpo_fuzz::target!(Dsf);

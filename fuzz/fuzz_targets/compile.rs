//! A config and its users to what is deployed.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| swarmgen_fuzz::compile(input));

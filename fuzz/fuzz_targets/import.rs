//! What the shim tells of a Python config to a config.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| swarmgen_fuzz::import(input));

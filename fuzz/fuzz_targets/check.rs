//! Config documents to one checked document.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| swarmgen_fuzz::check(input));

//! Texts to trees and records.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| swarmgen_fuzz::load(input));

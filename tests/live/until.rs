//! Waiting for what comes about by itself.

use std::time::{Duration, Instant};

/// Waits until something is so, and says what is instead when the time, in seconds, is over.
pub(crate) fn until(what: &str, seconds: u64, mut so: impl FnMut() -> bool, instead: impl FnOnce() -> String) {
    let end = Instant::now() + Duration::from_secs(seconds);
    while !so() {
        assert!(Instant::now() < end, "not within {seconds} s: {what}; instead: {}", instead());
        std::thread::sleep(Duration::from_millis(100));
    }
}

//! Amounts in the units that people read, where they say exactly the same.

use crate::resolve::amount::{cpus_text, duration_text, memory_text};

use super::super::draft::Out;
use super::super::value::Py;
use super::Translator;

/// What counts as a number of CPUs.
const MOST_CPUS: i64 = 512;

impl Translator {
    /// CPUs: whole numbers are 10^-9ths of one, as docker-py takes them.
    pub(super) fn cpus(&mut self, subject: &str, value: &Py) -> Option<Out> {
        match value {
            Py::Int(nano) if *nano >= 1_000_000 => {
                let text = cpus_text(*nano);
                Some(match text.parse::<i64>() {
                    Ok(whole) if whole <= 512 => Out::Int(whole),
                    _ => text.parse().map_or(Out::Int(*nano), Out::Float),
                })
            }
            Py::Int(few) if (1..=MOST_CPUS).contains(few) => {
                let message = format!("is {few} of the 10^9 parts of a CPU, which the engine refuses");
                let cpus = if *few == 1 { "CPU" } else { "CPUs" };
                self.mended(subject, &message, &format!("taken for {few} {cpus}"));
                Some(Out::Int(*few))
            }
            // The old README's 1000: whoever wrote it cannot have meant the millionth that it says.
            Py::Int(few) if (1..=MOST_CPUS * 1000).contains(few) => {
                let message = format!("is {few} of the 10^9 parts of a CPU, which the engine refuses");
                let text = cpus_text(few * 1_000_000);
                self.mended(subject, &message, &format!("taken for thousandths of a CPU: `{text}`"));
                Some(text.parse().map_or_else(|_| text.parse().map_or(Out::Int(*few), Out::Float), Out::Int))
            }
            other => self.plain(subject, other),
        }
    }

    /// Bytes.
    pub(super) fn memory(&mut self, subject: &str, value: &Py) -> Option<Out> {
        match value {
            Py::Int(bytes) if *bytes > 0 => {
                let text = memory_text(*bytes);
                Some(if text == bytes.to_string() { Out::Int(*bytes) } else { Out::Str(text) })
            }
            other => self.plain(subject, other),
        }
    }

    /// Times: whole numbers are nanoseconds.
    pub(super) fn duration(&mut self, subject: &str, value: &Py) -> Option<Out> {
        match value {
            Py::Int(ns) if *ns >= 1_000_000 => Some(Out::Str(duration_text(*ns))),
            other => self.plain(subject, other),
        }
    }

    /// A file's mode.
    pub(super) fn mode(&mut self, subject: &str, value: &Py) -> Option<Out> {
        match value {
            Py::Int(mode) if (0..=0o7777).contains(mode) => u32::try_from(*mode).ok().map(Out::Octal),
            other => self.plain(subject, other),
        }
    }
}

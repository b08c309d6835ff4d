//! Secrets in the engine's words.
//!
//! The engine quotes what it refuses: an invalid template with its whole value, a mount with its driver's options.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use base64::Engine as _;
use serde_json::Value;
use zeroize::{Zeroize as _, Zeroizing};

use crate::ir::Service;
use crate::plan::graph::{Action, Plan, VolumeRemoval};
use crate::plan::label;
use crate::plan::observed::ObservedService;
use crate::resolve::template::unescape_for_swarm;

/// What stands in a secret's place.
pub const REDACTED: &str = "«redacted»";

/// A shorter secret is only found where it stands as a word: else it would be found in words that have nothing to do
/// with it.
const SHORT: usize = 4;

/// A line of a secret of several lines that is shorter is not looked for by itself.
const SHORTEST_LINE: usize = 8;

/// Knows secrets, and takes them out of texts.
#[derive(Default)]
pub struct Redactor {
    /// The secrets whose spellings are not known yet: mostly nothing is ever redacted.
    learned: RefCell<Vec<Zeroizing<String>>>,
    /// Each secret in each of its spellings, by its first bytes.
    needles: RefCell<BTreeMap<Vec<u8>, BTreeSet<String>>>,
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(REDACTED)
    }
}

impl Redactor {
    /// Learns the secrets of all bodies of a plan.
    pub fn learn_plan(&self, plan: &Plan) {
        for action in &plan.actions {
            match action {
                Action::CreateObject(object) => self.learn(object.content.expose()),
                Action::CreateService(new) => self.learn_body(&new.body.0),
                Action::UpdateService(update) => {
                    self.learn_body(&update.new.body.0);
                    self.learn_body(&update.before.0);
                }
                Action::ReplaceService { old, volumes, new } => {
                    self.learn_body(&old.before.0);
                    self.learn_body(&new.body.0);
                    volumes.iter().for_each(|volume| self.learn_volume(volume));
                }
                Action::RemoveService(old) => self.learn_body(&old.before.0),
                Action::RemoveVolume { volume, .. } => self.learn_volume(volume),
                Action::RemoveObject { .. } => {}
            }
        }
    }

    fn learn_volume(&self, volume: &VolumeRemoval) {
        if volume.is_secret {
            self.learn(&volume.name);
        }
    }

    /// Learns the texts of a compiled service that know they are secret.
    pub fn learn_service(&self, service: &Service) {
        service.for_each_text(&mut |_, text| {
            if text.is_secret() {
                self.learn(text.expose());
            }
        });
        let image = &service.container.image;
        if image.is_secret() {
            label::image_parts(image.expose()).into_iter().for_each(|part| self.learn(part));
        }
    }

    /// Learns the secrets of a `ServiceSpec`, by its label of hidden paths; where it has none, by their names.
    ///
    /// If one of the paths is not understood, everything in the spec that may be a secret is taken for one.
    pub fn learn_body(&self, spec: &Value) {
        label::for_each_secret(spec, &mut |secret| self.learn(secret));
    }

    /// Learns the secrets of a service, and those that it had before its last update: older tasks may quote them.
    pub fn learn_observed(&self, service: &ObservedService) {
        self.learn_body(&service.spec);
        self.learn_body(&service.previous);
    }

    /// Learns a secret.
    pub fn learn(&self, secret: &str) {
        self.learned.borrow_mut().push(Zeroizing::new(secret.to_owned()));
    }

    /// Learns how a secret may be spelled, in whole and in parts.
    fn spell(&self, secret: &str) {
        self.learn_spellings(secret);
        // Braces that Swarm would take for a template's are sent as a template that gives them.
        let expanded = Zeroizing::new(unescape_for_swarm(secret));
        if *expanded != secret {
            self.learn_spellings(&expanded);
        }
        let lines = secret.lines().map(str::trim);
        if secret.contains('\n') {
            lines.filter(|line| line.len() >= SHORTEST_LINE).for_each(|line| self.learn_spellings(line));
        }
    }

    fn learn_spellings(&self, secret: &str) {
        // Engines cut white space off the ends of what they quote.
        for text in [secret, secret.trim()] {
            if text.is_empty() {
                continue;
            }
            let quoted = Zeroizing::new(go_quoted(text));
            let json = Zeroizing::new(json_quoted(text));
            let mut spellings = vec![
                text.to_owned(),
                go_quoted(&quoted),
                json_quoted(&quoted),
                go_quoted(&json),
                go_json_quoted(&json),
                percent_encoded(text),
            ];
            // Encoded, a short secret looks like anything.
            if text.len() >= SHORT {
                spellings.push(base64::engine::general_purpose::STANDARD_NO_PAD.encode(text));
                spellings.push(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text));
            }
            spellings.extend([&quoted, &json].map(|text| String::clone(text)));
            let mut needles = self.needles.borrow_mut();
            for spelling in spellings {
                needles.entry(first_bytes(spelling.as_bytes(), SHORT).to_vec()).or_default().insert(spelling);
            }
        }
    }

    /// The text with every secret that it quotes taken out.
    pub fn redact(&self, text: &str) -> String {
        for secret in self.learned.take() {
            self.spell(&secret);
        }
        let needles = self.needles.borrow();
        let mut shown = String::with_capacity(text.len());
        // Everything before `done` is shown or hidden; secrets side by side are hidden as one.
        let (mut done, mut hiding) = (0, false);
        for (at, c) in text.char_indices() {
            let rest = text.get(at..).unwrap_or_default();
            let fits = |needle: &&String| {
                rest.starts_with(needle.as_str()) && (needle.len() >= SHORT || is_word(text, at, needle))
            };
            let starts = (1..=SHORT).map(|length| first_bytes(rest.as_bytes(), length));
            let found = starts.filter_map(|start| needles.get(start)).flatten().filter(fits);
            if let Some(longest) = found.map(String::len).max() {
                if !hiding {
                    shown.push_str(REDACTED);
                }
                hiding = true;
                done = done.max(at + longest);
            }
            if at >= done {
                hiding = false;
                shown.push(c);
                done = at + c.len_utf8();
            }
        }
        shown
    }
}

impl Drop for Redactor {
    fn drop(&mut self) {
        for mut needle in std::mem::take(self.needles.get_mut()).into_values().flatten() {
            needle.zeroize();
        }
    }
}

fn first_bytes(text: &[u8], most: usize) -> &[u8] {
    text.get(..most).unwrap_or(text)
}

/// Tells whether what stands there is no part of a longer word.
fn is_word(text: &str, at: usize, word: &str) -> bool {
    let is_inside = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let after = text.get(at + word.len()..).and_then(|rest| rest.chars().next());
    !is_inside(text.get(..at).and_then(|before| before.chars().next_back())) && !is_inside(after)
}

/// As in a query, with capital digits.
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(byte.into());
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// The inside of Go's `%q`.
fn go_quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\u{7}' => quoted.push_str("\\a"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{c}' => quoted.push_str("\\f"),
            '\u{b}' => quoted.push_str("\\v"),
            c if c < ' ' || c == '\u{7f}' => {
                let _ = write!(quoted, "\\x{:02x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted
}

/// The inside of a JSON string.
fn json_quoted(text: &str) -> String {
    let quoted = Zeroizing::new(serde_json::to_string(text).unwrap_or_default());
    let inside = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inside.unwrap_or_default().to_owned()
}

/// Go's own writer takes care of HTML.
fn go_json_quoted(json: &str) -> String {
    json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

#[cfg(test)]
mod tests;

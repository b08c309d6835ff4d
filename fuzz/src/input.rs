//! How bytes are texts: parts that end at a record separator (`0x1e`), each with a first character that says what it is.

use swarmgen::source::Syntax;
use swarmgen::source::records::RecordsSyntax;

/// What a part is.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// `t`, `y` or `j`: a config document.
    Config(Syntax),
    /// `T`, `Y`, `J`, `c`, `l` or `n`: a users file in TOML, YAML, JSON, CSV, JSON Lines or one name a line.
    Users(RecordsSyntax),
    /// `o`: a user's request, in JSON.
    Options(Syntax),
}

impl Kind {
    fn of(letter: char) -> Self {
        match letter {
            'y' => Self::Config(Syntax::Yaml),
            'j' => Self::Config(Syntax::Json),
            'T' => Self::Users(RecordsSyntax::Toml),
            'Y' => Self::Users(RecordsSyntax::Yaml),
            'J' => Self::Users(RecordsSyntax::Json),
            'c' => Self::Users(RecordsSyntax::Csv),
            'l' => Self::Users(RecordsSyntax::JsonLines),
            'n' => Self::Users(RecordsSyntax::Lines),
            'o' => Self::Options(Syntax::Json),
            _ => Self::Config(Syntax::Toml),
        }
    }

    /// What a file of this kind is called.
    pub(crate) fn extension(self) -> &'static str {
        match self {
            Self::Config(syntax) | Self::Options(syntax) => match syntax {
                Syntax::Toml => "toml",
                Syntax::Yaml => "yaml",
                Syntax::Json => "json",
            },
            Self::Users(syntax) => match syntax {
                RecordsSyntax::Csv => "csv",
                RecordsSyntax::Json => "json",
                RecordsSyntax::JsonLines => "jsonl",
                RecordsSyntax::Yaml => "yaml",
                RecordsSyntax::Toml => "toml",
                RecordsSyntax::Lines => "txt",
            },
        }
    }
}

/// An input, taken apart.
pub(crate) struct Input {
    /// What each part is, and its text.
    pub(crate) parts: Vec<(Kind, String)>,
}

impl Input {
    /// Takes bytes apart; bytes that are no text are replaced.
    pub(crate) fn new(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let parts = text.split('\u{1e}').take(4).map(|part| {
            let mut rest = part.chars();
            (Kind::of(rest.next().unwrap_or('t')), rest.as_str().to_owned())
        });
        Self { parts: parts.collect() }
    }

    /// The user's request.
    pub(crate) fn options(&self) -> Option<(Syntax, &str)> {
        self.parts.iter().find_map(|(kind, text)| match kind {
            Kind::Options(syntax) => Some((*syntax, text.as_str())),
            _ => None,
        })
    }
}

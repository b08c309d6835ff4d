//! A text's tokens in batches of bounded size, for the parser takes them as a slice.

use toml_parser::lexer::{Lexer, Token, TokenKind};
use toml_parser::{ErrorSink, Source, Span};

/// How many tokens a batch has before it is cut at the next chance.
pub(super) const BATCH: usize = 8192;

/// How many tokens may follow without such a chance: far more than any valid text has.
pub(super) const SLACK: usize = 8192;

/// Where a batch ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// Between two lines outside of brackets.
    Line,
    /// After a comma in brackets.
    Comma,
    /// Where there are too many tokens without a place to cut.
    Anywhere,
    /// At the text's end.
    End,
}

/// What the parser will take the next token for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Start,
    AfterKey,
    AfterDot,
    /// After `=`; the parser goes over one token of white space.
    Value {
        space: bool,
    },
    Brackets,
    /// What ends with the line, whatever it holds: headers, comments, and all after a value or a mistake.
    Rest,
}

/// A bracket that is open in a value.
#[derive(Clone, Copy, Debug)]
struct Level {
    bracket: Token,
    /// The bracket's index in the batch.
    open: usize,
    /// The index after the last comma of this bracket, or after the bracket.
    mark: usize,
}

/// Cuts a text's tokens into batches.
pub(super) struct Batches<'t> {
    source: Source<'t>,
    lexer: Lexer<'t>,
    most: usize,
    tokens: Vec<Token>,
    /// How many tokens of the batch are not repeated from the one before.
    new: usize,
    place: Place,
    levels: Vec<Level>,
    /// The first token of the expression that the batch ends in.
    begin: usize,
    skipping: bool,
}

impl<'t> Batches<'t> {
    /// Starts on a text, with batches of about so many tokens.
    pub(super) fn new(source: Source<'t>, most: usize) -> Self {
        Self {
            source,
            lexer: source.lex(),
            most,
            tokens: Vec::new(),
            new: 0,
            place: Place::Start,
            levels: Vec::new(),
            begin: 0,
            skipping: false,
        }
    }

    /// The tokens of the batch.
    pub(super) fn tokens(&self) -> &[Token] {
        &self.tokens
    }

    /// The offset of the expression that the batch ends in.
    pub(super) fn expression(&self) -> usize {
        self.tokens.get(self.begin).map_or(0, |token| token.span().start())
    }

    /// The outermost bracket that is open.
    pub(super) fn open(&self) -> Option<Span> {
        self.levels.first().map(|level| level.bracket.span())
    }

    /// Adds tokens to the batch until it is to be cut.
    pub(super) fn fill(&mut self, errors: &mut dyn ErrorSink) -> Cut {
        while let Some(token) = self.lexer.next() {
            if !self.skipping && self.redundant(token, errors) {
                continue;
            }
            if !self.skipping || token.kind() == TokenKind::Eof {
                self.tokens.push(token);
                self.new += 1;
            }
            self.follow(token);
            if self.skipping {
                self.skipping = self.place != Place::Start;
            } else if self.new >= self.most {
                match token.kind() {
                    _ if self.place == Place::Start => return Cut::Line,
                    TokenKind::Comma if self.place == Place::Brackets => return self.cut_in_brackets(),
                    _ if self.new >= self.most + SLACK => return Cut::Anywhere,
                    _ => {}
                }
            }
        }
        Cut::End
    }

    /// Tells whether the parser does without a token: white space in brackets at the start of a line.
    fn redundant(&self, token: Token, errors: &mut dyn ErrorSink) -> bool {
        let blank = matches!(token.kind(), TokenKind::Whitespace | TokenKind::Newline | TokenKind::Comment);
        if !blank || self.place != Place::Brackets || self.tokens.last().map(Token::kind) != Some(TokenKind::Newline) {
            return false;
        }
        if let Some(raw) = self.source.get(token) {
            match token.kind() {
                TokenKind::Newline => raw.decode_newline(errors),
                TokenKind::Comment => raw.decode_comment(errors),
                _ => {}
            }
        }
        true
    }

    /// Closes the open brackets, for the parser to be content with this much.
    fn cut_in_brackets(&mut self) -> Cut {
        for level in self.levels.iter().rev() {
            let close = if level.bracket.kind() == TokenKind::LeftSquareBracket { "]" } else { "}" };
            self.tokens.extend(Source::new(close).lex().next());
        }
        Cut::Comma
    }

    /// Tells whether a token is one of those that close the brackets of a batch: in a value none else stands at the
    /// text's start.
    pub(super) fn is_made_up(span: Span) -> bool {
        span.start() == 0
    }

    /// Starts the next batch.
    pub(super) fn clear(&mut self) {
        self.tokens.clear();
        self.new = 0;
    }

    /// Starts the next batch in the brackets that are open, with the tokens that lead there; gives their number.
    pub(super) fn resume(&mut self) -> usize {
        let mut lead = Vec::new();
        let mut from = self.begin;
        for level in &mut self.levels {
            lead.extend_from_slice(self.tokens.get(from..=level.open).unwrap_or(&[]));
            from = level.mark;
            level.open = lead.len().saturating_sub(1);
            level.mark = lead.len();
        }
        self.tokens = lead;
        self.begin = 0;
        self.new = 0;
        self.levels.len()
    }

    /// Starts the next batch after the expression that this one ends in.
    pub(super) fn skip(&mut self) {
        self.clear();
        self.skipping = true;
    }

    /// Follows the parser over a token.
    fn follow(&mut self, token: Token) {
        use TokenKind as Kind;
        let kind = token.kind();
        let key = matches!(
            kind,
            Kind::Atom | Kind::BasicString | Kind::LiteralString | Kind::MlBasicString | Kind::MlLiteralString
        );
        if kind == Kind::Newline && self.levels.is_empty() {
            self.place = Place::Start;
            return;
        }
        if self.place == Place::Start && kind != Kind::Whitespace {
            self.begin = self.tokens.len().saturating_sub(1);
        }
        self.place = match (self.place, kind) {
            (Place::Start | Place::AfterKey, Kind::Whitespace) => self.place,
            (Place::AfterDot, Kind::Whitespace | Kind::Dot) => self.place,
            (Place::Start | Place::AfterDot, _) if key => Place::AfterKey,
            (Place::Start | Place::AfterKey, Kind::Dot) => Place::AfterDot,
            (Place::Start | Place::AfterKey | Place::AfterDot, Kind::Equals) => Place::Value { space: true },
            (Place::Value { space: true }, Kind::Whitespace) => Place::Value { space: false },
            (Place::Value { .. }, Kind::Equals) => Place::Value { space: false },
            (Place::Value { .. } | Place::Brackets, Kind::LeftSquareBracket | Kind::LeftCurlyBracket) => {
                self.levels.push(Level {
                    bracket: token,
                    open: self.tokens.len().saturating_sub(1),
                    mark: self.tokens.len(),
                });
                Place::Brackets
            }
            (Place::Brackets, _) => {
                let open = self.levels.last().map(|level| level.bracket.kind());
                let closes = match kind {
                    Kind::RightSquareBracket => open == Some(Kind::LeftSquareBracket),
                    Kind::RightCurlyBracket => open == Some(Kind::LeftCurlyBracket),
                    _ => false,
                };
                if closes {
                    self.levels.pop();
                } else if kind == Kind::Comma
                    && let Some(level) = self.levels.last_mut()
                {
                    level.mark = self.tokens.len();
                }
                if self.levels.is_empty() { Place::Rest } else { Place::Brackets }
            }
            _ => Place::Rest,
        };
    }
}

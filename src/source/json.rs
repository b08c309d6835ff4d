//! JSON text to a tree.
//!
//! Read here rather than as YAML: JSON allows in strings what YAML does not (a raw delete character), and refuses most
//! of what YAML allows.

use super::assembly::{Assembly, Bound, Stop, Table, duplicate, push};
use super::{Fault, FaultKind, Node, SourceId, Span, Value};

/// Reads a JSON document.
///
/// # Errors
///
/// The faults found up to the first one of the grammar.
pub fn parse(id: SourceId, text: &str) -> Result<Node, Vec<Fault>> {
    parse_within(id, text, Bound::CONFIG)
}

/// Reads a JSON document that may hold so many values.
pub(super) fn parse_within(id: SourceId, text: &str, bound: Bound) -> Result<Node, Vec<Fault>> {
    let mut assembly = Assembly::new(id, text, bound);
    match parse_part(&mut assembly, 0, text.len()) {
        Some(node) if assembly.faults.is_empty() => Ok(node),
        _ => Err(assembly.faults),
    }
}

/// Reads the one JSON value between two offsets; `None` with a fault noted if there is none.
pub(super) fn parse_part(assembly: &mut Assembly<'_>, start: usize, end: usize) -> Option<Node> {
    let text = assembly.text.get(..end)?;
    let mut reader = Reader { bytes: text.as_bytes(), text, at: start, open: Vec::new(), assembly };
    reader.document().ok()
}

struct Reader<'a, 't> {
    assembly: &'a mut Assembly<'t>,
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
    /// The brackets that are open, innermost last.
    open: Vec<usize>,
}

impl Reader<'_, '_> {
    fn document(&mut self) -> Result<Node, Stop> {
        self.space();
        if self.peek().is_none() {
            let span = self.assembly.span(0, 0);
            return Err(self.assembly.stop(Fault::new(FaultKind::Empty, span, "the document is empty")));
        }
        let node = self.value()?;
        self.space();
        match self.peek() {
            None => Ok(node),
            Some(_) => Err(self.unexpected("expected nothing after the document's value")),
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn syntax(&mut self, span: Span, message: &str) -> Stop {
        self.assembly.stop(Fault::new(FaultKind::Syntax, span, message))
    }

    /// Notes that something else should stand here, or that the text ends too early.
    fn unexpected(&mut self, message: &str) -> Stop {
        let rest = self.text.get(self.at..).unwrap_or("");
        if rest.is_empty()
            && let Some(bracket) = self.open.last().copied()
        {
            let span = self.assembly.character(bracket);
            let message = if self.bytes.get(bracket) == Some(&b'[') { "unclosed `[`" } else { "unclosed `{`" };
            return self.syntax(span, message);
        }
        let word = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
        let span =
            if word == 0 { self.assembly.character(self.at) } else { self.assembly.span(self.at, self.at + word) };
        let help = match rest.get(..word).unwrap_or("") {
            "" if rest.starts_with("//") || rest.starts_with("/*") || rest.starts_with('#') => {
                Some("remove the comment: JSON has none")
            }
            "" if rest.starts_with('\'') => Some("use double quotes"),
            "True" | "TRUE" => Some("write `true`"),
            "False" | "FALSE" => Some("write `false`"),
            "None" | "Null" | "NULL" | "undefined" => Some("write `null`"),
            "" => None,
            _ => Some("put text in double quotes"),
        };
        let fault = Fault::new(FaultKind::Syntax, span, message);
        self.assembly.stop(match help {
            Some(help) => fault.help(help),
            None => fault,
        })
    }

    fn value(&mut self) -> Result<Node, Stop> {
        let start = self.at;
        let mark = self.assembly.character(start);
        self.assembly.count(1, mark)?;
        let value = match self.peek() {
            Some(b'{') => self.table()?,
            Some(b'[') => self.list()?,
            Some(b'"') => Value::Str(self.string()?.into()),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            _ => self.word()?,
        };
        Ok(Node::new(self.assembly.span(start, self.at), value))
    }

    fn enter(&mut self) -> Result<(), Stop> {
        let mark = self.assembly.character(self.at);
        self.assembly.nest(self.open.len() + 1, mark)?;
        self.open.push(self.at);
        self.at += 1;
        self.space();
        Ok(())
    }

    fn leave(&mut self) {
        self.open.pop();
        self.at += 1;
    }

    /// Goes over what follows an item; tells whether there is another one.
    fn more(&mut self, close: u8, message: &str) -> Result<bool, Stop> {
        self.space();
        if self.peek() == Some(close) {
            self.leave();
            return Ok(false);
        }
        if self.peek() != Some(b',') {
            return Err(self.unexpected(message));
        }
        let comma = self.at;
        self.at += 1;
        self.space();
        if self.peek() == Some(close) {
            let span = self.assembly.character(comma);
            let fault = Fault::new(FaultKind::Syntax, span, "the last comma has nothing after it");
            return Err(self.assembly.stop(fault.help("remove the comma")));
        }
        Ok(true)
    }

    fn list(&mut self) -> Result<Value, Stop> {
        self.enter()?;
        let mut items = Vec::new();
        if self.peek() == Some(b']') {
            self.leave();
            return Ok(Value::Seq(items));
        }
        loop {
            let item = self.value()?;
            push(&mut items, item);
            if !self.more(b']', "expected `,` or `]`")? {
                items.shrink_to_fit();
                return Ok(Value::Seq(items));
            }
        }
    }

    fn table(&mut self) -> Result<Value, Stop> {
        self.enter()?;
        let mut table = Table::new();
        if self.peek() == Some(b'}') {
            self.leave();
            return Ok(Value::Map(table.into_map()));
        }
        loop {
            if self.peek() != Some(b'"') {
                return Err(self.unexpected("expected a key in double quotes"));
            }
            let start = self.at;
            let key = self.string()?;
            let key = self.assembly.key(&key);
            let span = self.assembly.span(start, self.at);
            self.space();
            if self.peek() != Some(b':') {
                return Err(self.unexpected("expected `:` after the key"));
            }
            self.at += 1;
            self.space();
            // Noted before the value is read, for faults to stand in the text's order.
            if let Some(first) = table.first(&key) {
                self.assembly.fault(duplicate(&key, span).and(first, "first set here"));
            }
            let value = self.value()?;
            let _ = table.add(key, span, value);
            if !self.more(b'}', "expected `,` or `}`")? {
                table.shrink();
                return Ok(Value::Map(table.into_map()));
            }
        }
    }

    fn word(&mut self) -> Result<Value, Stop> {
        let rest = self.text.get(self.at..).unwrap_or("");
        let length = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
        let value = match rest.get(..length).unwrap_or("") {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            "null" => Value::Null,
            // What Python's writer puts for floats that JSON does not have.
            "NaN" | "Infinity" => {
                let span = self.assembly.span(self.at, self.at + length);
                self.assembly.number(span);
                Value::Null
            }
            _ => return Err(self.unexpected("expected a value")),
        };
        self.at += length;
        Ok(value)
    }

    fn number(&mut self) -> Result<Value, Stop> {
        let start = self.at;
        let token = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'+' | b'-' | b'.' | b'_');
        while self.peek().is_some_and(token) {
            self.at += 1;
        }
        let span = self.assembly.span(start, self.at);
        let text = self.text.get(start..self.at).unwrap_or("");
        let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        let whole = digits(unsigned);
        let mut rest = unsigned.get(whole..).unwrap_or("");
        let mut good = whole == 1 || (whole > 1 && !unsigned.starts_with('0'));
        let integer = rest.is_empty();
        if let Some(fraction) = rest.strip_prefix('.') {
            let count = digits(fraction);
            good &= count > 0;
            rest = fraction.get(count..).unwrap_or("");
        }
        if let Some(exponent) = rest.strip_prefix(['e', 'E']) {
            let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            let count = digits(exponent);
            good &= count > 0;
            rest = exponent.get(count..).unwrap_or("");
        }
        if text == "-Infinity" {
            self.assembly.number(span);
            return Ok(Value::Null);
        }
        if !good || !rest.is_empty() {
            let fault = Fault::new(FaultKind::Syntax, span, "not a number as JSON writes them");
            return Err(self.assembly.stop(fault.help("put it in double quotes if it is text")));
        }
        let value = if integer {
            text.parse().map(Value::Int).ok()
        } else {
            text.parse().ok().filter(|number: &f64| number.is_finite()).map(Value::Float)
        };
        Ok(value.unwrap_or_else(|| {
            self.assembly.number(span);
            Value::Null
        }))
    }

    fn string(&mut self) -> Result<String, Stop> {
        let quote = self.at;
        self.at += 1;
        let mut text = String::new();
        loop {
            let rest = self.bytes.get(self.at..).unwrap_or(&[]);
            let run = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f)).unwrap_or(rest.len());
            text.push_str(self.text.get(self.at..self.at + run).unwrap_or(""));
            self.at += run;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(text);
                }
                Some(b'\\') => text.push(self.escape(quote)?),
                None | Some(b'\n' | b'\r') => {
                    let span = self.assembly.span(quote, self.at);
                    return Err(self.syntax(span, "unclosed string"));
                }
                Some(byte) => {
                    let span = self.assembly.character(self.at);
                    let fault = Fault::new(FaultKind::Syntax, span, "a string holds a raw control character");
                    return Err(self.assembly.stop(fault.help(format!("write `\\u{byte:04x}`"))));
                }
            }
        }
    }

    fn escape(&mut self, quote: usize) -> Result<char, Stop> {
        let start = self.at;
        let letter = self.bytes.get(start + 1).copied();
        self.at += 2;
        let decoded = match letter {
            Some(letter @ (b'"' | b'\\' | b'/')) => char::from(letter),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode(start),
            None | Some(b'\n' | b'\r') => {
                let span = self.assembly.span(quote, start + 1);
                return Err(self.syntax(span, "unclosed string"));
            }
            Some(_) => {
                let next = self.assembly.character(start + 1);
                let span = self.assembly.span(start, next.end as usize);
                return Err(self.syntax(span, "unknown escape in a string"));
            }
        };
        Ok(decoded)
    }

    /// Reads the digits after `\u`, and the second half of a surrogate pair.
    fn unicode(&mut self, start: usize) -> Result<char, Stop> {
        let first = self.hex();
        let code = match first {
            Some(high @ 0xd800..=0xdbff) if self.text.get(self.at..self.at + 2) == Some("\\u") => {
                self.at += 2;
                match self.hex() {
                    Some(low @ 0xdc00..=0xdfff) => Some(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00)),
                    _ => None,
                }
            }
            other => other,
        };
        match code.and_then(char::from_u32) {
            Some(decoded) => Ok(decoded),
            None => {
                let span = self.assembly.span(start, start + 2);
                Err(self.syntax(span, "unknown escape in a string"))
            }
        }
    }

    fn hex(&mut self) -> Option<u32> {
        let digits = self.text.get(self.at..self.at + 4)?;
        self.at += 4;
        digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| u32::from_str_radix(digits, 16).ok())?
    }
}

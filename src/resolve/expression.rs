//! MiniJinja, set up for expressions in config strings.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use minijinja::value::ValueKind;
use minijinja::{Environment, Error, ErrorKind, Expression, UndefinedBehavior, Value};
use sha2::{Digest, Sha256};

/// The steps that one expression may take; far beyond any honest one, and a stop for endless ones.
const FUEL: u64 = 100_000;
/// The longest text that an expression may make, in bytes.
const MAX_RESULT: usize = 1 << 20;

/// The longest expression, in bytes: MiniJinja compiles by recursion, and a thread has 2 MiB of stack.
const MAX_SOURCE: usize = 1024;
/// The deepest nesting of brackets in an expression.
const MAX_NESTING: usize = 32;

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    environment.set_fuel(Some(FUEL));
    // It would print all that an expression is given, secrets too.
    environment.remove_global("debug");
    add_filters(&mut environment);
    environment
});

/// Adds swarmgen's own filters: `slug`, `sha256`, `md5`, `b64encode` and `regex_replace`.
pub fn add_filters(environment: &mut Environment<'_>) {
    environment.add_filter("slug", |text: String| super::naming::slug(&text, 32));
    environment.add_filter("sha256", |text: String| hex::encode(Sha256::digest(text.as_bytes())));
    environment.add_filter("md5", |text: String| hex::encode(md5::Md5::digest(text.as_bytes())));
    environment.add_filter("b64encode", |text: String| BASE64.encode(text));
    environment.add_filter("regex_replace", |text: String, pattern: String, with: String| {
        let pattern = regex::Regex::new(&pattern)
            .map_err(|error| Error::new(ErrorKind::InvalidOperation, format!("bad pattern: {error}")))?;
        Ok::<_, Error>(pattern.replace_all(&text, with.as_str()).into_owned())
    });
}

/// A compiled expression.
pub struct Compiled {
    expression: Expression<'static, 'static>,
    /// The names that it needs from its context, sorted.
    pub names: Vec<String>,
    /// Names before a bracket, which it may need too: MiniJinja does not count what is sliced.
    pub sliced: Vec<String>,
}

/// Compiled expressions by their source, so that each is compiled once.
#[derive(Default)]
pub struct Cache {
    compiled: RwLock<HashMap<String, Arc<Compiled>>>,
}

impl Cache {
    /// Compiles an expression, or finds it compiled.
    ///
    /// # Errors
    ///
    /// MiniJinja's, for a syntax error or an unknown filter or test.
    pub fn get(&self, source: &str) -> Result<Arc<Compiled>, Error> {
        if let Some(compiled) = self.compiled.read().unwrap_or_else(PoisonError::into_inner).get(source) {
            return Ok(Arc::clone(compiled));
        }
        if source.len() > MAX_SOURCE || nesting(source) > MAX_NESTING {
            let detail = format!("it is over {MAX_SOURCE} bytes long, or nested deeper than {MAX_NESTING} brackets");
            return Err(Error::new(ErrorKind::SyntaxError, detail));
        }
        let expression = ENVIRONMENT.compile_expression_owned(source.to_owned())?;
        let mut names: Vec<String> = expression.undeclared_variables(false).into_iter().collect();
        names.sort_unstable();
        let mut sliced = before_brackets(source);
        sliced.retain(|name| !names.contains(name));
        let compiled = Arc::new(Compiled { expression, names, sliced });
        let mut cache = self.compiled.write().unwrap_or_else(PoisonError::into_inner);
        cache.insert(source.to_owned(), Arc::clone(&compiled));
        Ok(compiled)
    }
}

/// The names that stand directly before a bracket, without what follows their first dot, or in parentheses there.
fn before_brackets(source: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (at, _) in source.match_indices('[') {
        let before = source.get(..at).unwrap_or("").trim_end();
        if let Some(within) = before.strip_suffix(')') {
            names.extend(names_in(within.get(opening(within)..).unwrap_or("")));
            continue;
        }
        let start = before.trim_end_matches(|c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.')).len();
        let name = before.get(start..).and_then(|text| text.split('.').next()).filter(|name| is_name(name));
        names.extend(name.map(str::to_owned));
    }
    names
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
}

/// Where the parentheses begin that would end after a text.
fn opening(text: &str) -> usize {
    let mut depth = 1;
    for (at, byte) in text.bytes().enumerate().rev() {
        match byte {
            b')' => depth += 1,
            b'(' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    0
}

/// The names in a text: no strings, and neither filters nor what follows a dot.
fn names_in(text: &str) -> Vec<String> {
    let plain = text.split(['"', '\'']).step_by(2);
    let words = plain.flat_map(|part| {
        let mut last = ' ';
        part.split_inclusive(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).filter_map(move |word| {
            let name = word.trim_end_matches(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
            let is_own = is_name(name) && !matches!(last, '.' | '|');
            last = word.trim_end().chars().next_back().unwrap_or(last);
            is_own.then(|| name.to_owned())
        })
    });
    words.collect()
}

/// How deep brackets are nested; those in strings count too.
fn nesting(source: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for byte in source.bytes() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

impl Compiled {
    /// All names that it may need.
    pub fn all_names(&self) -> impl Iterator<Item = &String> + Clone {
        self.names.iter().chain(&self.sliced)
    }

    /// Tells whether a name is one of MiniJinja's own functions.
    pub fn is_global(&self, name: &str) -> bool {
        ENVIRONMENT.globals().any(|(global, _)| global == name)
    }

    /// Evaluates the expression to text.
    ///
    /// # Errors
    ///
    /// MiniJinja's, and one of our own where the result is no text (none, a list, a table).
    pub fn text(&self, context: HashMap<String, Value>) -> Result<String, Error> {
        let value = self.expression.eval(Value::from(context))?;
        let fail = |detail: &'static str| Err(Error::new(ErrorKind::InvalidOperation, detail));
        match value.kind() {
            // MiniJinja prints Python's words.
            ValueKind::Bool => Ok(if value.is_true() { "true" } else { "false" }.to_owned()),
            ValueKind::Undefined => Err(Error::from(ErrorKind::UndefinedError)),
            ValueKind::None => fail("the result is none"),
            ValueKind::String | ValueKind::Number => {
                let text = value.to_string();
                if text.len() > MAX_RESULT { fail("the result is over 1 MiB") } else { Ok(text) }
            }
            _ => fail("the result is a list or a table; `|tojson` makes text of it"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(source: &str) -> String {
        Cache::default().get(source).unwrap().text(HashMap::from([("a".to_owned(), Value::from("Ab c"))])).unwrap()
    }

    #[test]
    fn names_that_are_sliced_are_known() {
        for (source, names) in [
            ("username[:2]", &["username"][..]),
            ("a.b[0]", &["a"]),
            ("(username|sha256)[:4]", &["username"]),
            ("(username ~ 'x.y' ~ a . b | upper)[:1]", &["username", "a"]),
            ("((a ~ b)|lower)[0]", &["a", "b"]),
            ("('x')[0]", &[]),
            ("[1][0]", &[]),
        ] {
            assert_eq!(before_brackets(source), names, "{source}");
        }
    }

    #[test]
    fn results_are_text() {
        assert_eq!(text("a"), "Ab c");
        assert_eq!(text("true"), "true");
        assert_eq!(text("1 + 2"), "3");
        assert_eq!(text("missing or 'x'"), "x");
        assert_eq!(text("{'a': 1}|tojson"), r#"{"a": 1}"#);
        assert!(Cache::default().get("none").unwrap().text(HashMap::new()).is_err());
        assert!(Cache::default().get("[1]").unwrap().text(HashMap::new()).is_err());
        assert!(Cache::default().get("missing").unwrap().text(HashMap::new()).is_err());
        assert!(Cache::default().get("a b").is_err());
        assert!(Cache::default().get("debug()").unwrap().text(HashMap::new()).is_err());
        assert!(
            Cache::default().get("a|nosuch").is_err()
                || Cache::default().get("a|nosuch").unwrap().text(HashMap::new()).is_err()
        );
    }

    #[test]
    fn no_expression_overflows_the_stack() {
        let forms = [
            ("", "(", "1", ")"),
            ("", "[", "1", "]"),
            ("", "{1:", "1", "}"),
            ("", "not ", "true", ""),
            ("", "-", "1", ""),
            ("1", "+1", "", ""),
            ("1", "**1", "", ""),
            ("1", "~1", "", ""),
            ("a", ".a", "", ""),
            ("a", "|e", "", ""),
            ("a", "()", "", ""),
            ("a", "[0]", "", ""),
            ("", "1 if 1 else ", "1", ""),
            ("1", " or 1", "", ""),
            ("1", "<1", "", ""),
            ("1", " is odd", "", ""),
            ("", "a(", "", ")"),
        ];
        let check = move || {
            for (first, open, middle, close) in forms {
                let longest = (MAX_SOURCE - first.len() - middle.len()) / (open.len() + close.len());
                for count in [longest, MAX_NESTING] {
                    let source = format!("{first}{}{middle}{}", open.repeat(count), close.repeat(count));
                    if let Ok(compiled) = Cache::default().get(&source) {
                        let _ = compiled.text(HashMap::new());
                    }
                }
            }
        };
        std::thread::Builder::new().stack_size(2 << 20).spawn(check).unwrap().join().unwrap();
        assert!(Cache::default().get(&"-".repeat(MAX_SOURCE + 1)).is_err());
    }

    #[test]
    fn filters_of_our_own() {
        assert_eq!(text("a|sha256|upper").len(), 64);
        assert_eq!(text("a|md5"), "b034d76a0440ea9425ba32c91faa816b");
        assert_eq!(text("'a'|b64encode ~ 'ab'|b64encode ~ 'abc'|b64encode"), "YQ==YWI=YWJj");
        assert_eq!(text("a|regex_replace('[a-z]', 'x')"), "Ax x");
    }
}

//! What SwarmSpawner's form posts as `select_image`: Python's text of a dictionary, or of a pair.

/// What was chosen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) name: String,
    pub(super) image: String,
}

/// Reads `{'image': '..', 'name': '..'}`, or `('name', 'image')` as of older versions.
pub(super) fn read(text: &str) -> Option<Pair> {
    let mut reader = Reader { rest: text.trim() };
    let pair = if reader.takes('{') { reader.dictionary()? } else { reader.pair()? };
    reader.rest.trim().is_empty().then_some(pair)
}

struct Reader<'t> {
    rest: &'t str,
}

impl Reader<'_> {
    /// Takes a character, with white space before it, if it comes next.
    fn takes(&mut self, wanted: char) -> bool {
        match self.rest.trim_start().strip_prefix(wanted) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn dictionary(&mut self) -> Option<Pair> {
        let (mut name, mut image) = (None, None);
        while !self.takes('}') {
            let key = self.string()?;
            if !self.takes(':') {
                return None;
            }
            let value = Some(self.string()?);
            match &*key {
                "name" => name = value,
                "image" => image = value,
                _ => {}
            }
            if !self.takes(',') && !self.rest.trim_start().starts_with('}') {
                return None;
            }
        }
        Some(Pair { name: name?, image: image? })
    }

    fn pair(&mut self) -> Option<Pair> {
        if !self.takes('(') {
            return None;
        }
        let name = self.string()?;
        if !self.takes(',') {
            return None;
        }
        let image = self.string()?;
        self.takes(',');
        self.takes(')').then_some(Pair { name, image })
    }

    /// A string as Python's `repr` writes it.
    fn string(&mut self) -> Option<String> {
        let rest = self.rest.trim_start();
        let quote = rest.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
        let mut chars = rest.chars();
        chars.next();
        let mut text = String::new();
        loop {
            match chars.next()? {
                c if c == quote => break,
                '\\' => text.push(match chars.next()? {
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    'x' => code_point(&mut chars, 2)?,
                    'u' => code_point(&mut chars, 4)?,
                    'U' => code_point(&mut chars, 8)?,
                    c @ ('\\' | '\'' | '"') => c,
                    _ => return None,
                }),
                c => text.push(c),
            }
        }
        self.rest = chars.as_str();
        Some(text)
    }
}

fn code_point(chars: &mut std::str::Chars<'_>, digits: usize) -> Option<char> {
    let number = (0..digits).try_fold(0_u32, |number, _| Some(number * 16 + chars.next()?.to_digit(16)?))?;
    char::from_u32(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_python_writes_is_read() {
        let pair = |name: &str, image: &str| Some(Pair { name: name.to_owned(), image: image.to_owned() });
        assert_eq!(read("{'image': 'a:1', 'name': 'Python'}"), pair("Python", "a:1"));
        assert_eq!(read(r#"{"name": "It's", 'image': 'a:1',}"#), pair("It's", "a:1"));
        assert_eq!(read("('R', 'r:2')"), pair("R", "r:2"));
        assert_eq!(
            read(r"{'image': 'a', 'name': 'q\'\\\n\xe4\u20ac\U0001f600', 'more': 'x'}"),
            pair("q'\\\nä€😀", "a")
        );
        for text in [
            "",
            "5",
            "Python",
            "{",
            "{}",
            "{'name': 'x'}",
            "{'name': 'x', 'image': 5}",
            "('a')",
            "('a', 'b') x",
            "('a\\q', 'b')",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}

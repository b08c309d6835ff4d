use std::sync::Arc;

use insta::assert_snapshot;
use proptest::prelude::*;

use super::*;
use crate::diag::Code;
use crate::source::Span;

/// Finds the only place of a text in a source.
fn span(sources: &SourceMap, id: SourceId, text: &str) -> Span {
    let source = sources.get(id);
    let start = source.text().find(text).unwrap();
    assert_eq!(source.text().rfind(text), Some(start), "`{text}` is there twice");
    Span::new(id, start, start + text.len())
}

fn config(text: &str) -> (SourceMap, SourceId) {
    let sources = SourceMap::new();
    let id = sources.add("swarmgen.toml", ".", Author::Config, text.to_owned());
    (sources, id)
}

/// Renders one finding of a code at a text of a config.
fn at(text: &str, needle: &str, code: &'static Code) -> String {
    let (sources, id) = config(text);
    render(&Diagnostic::new(code, "message").at(span(&sources, id, needle), "here"), &sources, false)
}

#[test]
fn two_files_help_and_users() {
    let sources = SourceMap::new();
    let request =
        sources.add("request.json", ".", Author::Data, "{\"resource_spec\": {\"mem_limit\": \"64G\"}}".to_owned());
    let config = sources.add(
        "swarmgen.toml",
        ".",
        Author::Config,
        format!("{}mem_limit = {{ max = \"32G\" }}\n", "# x\n".repeat(20)),
    );
    let mut diagnostic = Diagnostic::new(&code::OPTION_OUT_OF_BOUNDS, "`mem_limit` exceeds what is allowed")
        .at(span(&sources, request, "\"64G\""), "set here")
        .at(span(&sources, config, "\"32G\""), "the limit")
        .help("ask for 32G or less")
        .note("see `user_options.allow`")
        .about(&Arc::from("alice"));
    assert_snapshot!(render(&diagnostic, &sources, false), @r#"
    error[SG304]: `mem_limit` exceeds what is allowed
      --> request.json:1:33
       |
     1 | {"resource_spec": {"mem_limit": "64G"}}
       |                                 ^^^^^ set here
       |
      ::: swarmgen.toml:21:21
       |
    21 | mem_limit = { max = "32G" }
       |                     ----- the limit
       |
       = help: ask for 32G or less
       = note: see `user_options.allow`
       = note: for user `alice`
    "#);
    diagnostic.subjects.first.extend([Arc::from("bob"), Arc::from("carol\u{1b}")]);
    diagnostic.subjects.count = 200;
    assert!(
        render(&diagnostic, &sources, false)
            .ends_with("= note: for 200 users: `alice`, `bob`, `carol\\u{1b}` and 197 more")
    );
    diagnostic.subjects.count = 3;
    assert!(render(&diagnostic, &sources, false).ends_with("= note: for 3 users: `alice`, `bob`, `carol\\u{1b}`"));
}

#[test]
fn no_place() {
    let diagnostic = Diagnostic::new(&code::NO_CONFIG, "no config was found").help("run `swarmgen init`");
    assert_snapshot!(render(&diagnostic, &SourceMap::new(), false), @r#"
    error[SG012]: no config was found
     |
     = help: run `swarmgen init`
    "#);
    let bare = Diagnostic::new(&code::FLOATING_TAG, "no tag");
    assert_eq!(render(&bare, &SourceMap::new(), false), "warning[SG202]: no tag");
}

#[test]
fn colour() {
    let (sources, id) = config("imge = 1");
    let diagnostic = Diagnostic::new(&code::UNKNOWN_KEY, "m").at(span(&sources, id, "imge"), "");
    assert!(render(&diagnostic, &sources, true).contains("\u{1b}["));
    assert!(!render(&diagnostic, &sources, false).contains('\u{1b}'));
}

#[test]
fn wide_characters_and_tabs() {
    assert_snapshot!(at("\t日本 = \"e\u{301}x\"\t# bad", "bad", &code::UNKNOWN_KEY), @r#"
    error[SG101]: message
     --> swarmgen.toml:1:15
      |
    1 |     日本 = "éx"    # bad
      |                      ^^^ here
    "#);
    assert_snapshot!(at("名前 = \"日本語\"", "\"日本語\"", &code::UNKNOWN_KEY), @r#"
    error[SG101]: message
     --> swarmgen.toml:1:6
      |
    1 | 名前 = "日本語"
      |        ^^^^^^^^ here
    "#);
}

#[test]
fn crlf() {
    assert_snapshot!(at("a = 1\r\nbb = 2\r\nc = 3\r\n", "bb", &code::UNKNOWN_KEY), @r#"
    error[SG101]: message
     --> swarmgen.toml:2:1
      |
    2 | bb = 2
      | ^^ here
    "#);
}

#[test]
fn places_at_the_ends_of_a_text() {
    let (sources, id) = config("a = 1\n");
    for (start, end, place) in [(6, 6, "2:1"), (5, 6, "1:6"), (0, 0, "1:1"), (0, 6, "1:1"), (99, 99, "2:1")] {
        let diagnostic = Diagnostic::new(&code::UNKNOWN_KEY, "m").at(Span::new(id, start, end), "here");
        let shown = render(&diagnostic, &sources, false);
        assert!(shown.contains(&format!("swarmgen.toml:{place}\n")) && shown.contains("^ here"), "{shown}");
    }
    let empty = SourceMap::new();
    let id = empty.add("e", ".", Author::Config, String::new());
    let shown = render(&Diagnostic::new(&code::EMPTY_DOCUMENT, "m").at(Span::new(id, 0, 0), ""), &empty, false);
    assert!(shown.contains("e:1:1\n"), "{shown}");
}

#[test]
fn spans_within_characters_do_not_panic() {
    let (sources, id) = config("ä = \"日本\"");
    let length = sources.get(id).text().len();
    for start in 0..=length {
        for end in start..=length {
            let diagnostic = Diagnostic::new(&code::UNKNOWN_KEY, "m").at(Span::new(id, start, end), "here");
            assert!(render(&diagnostic, &sources, false).contains("^ here"));
        }
    }
}

#[test]
fn a_span_of_several_lines_is_shown_by_its_first() {
    assert_snapshot!(at("a = [\n  1,\n  2,\n]\nb = 1", "[\n  1,\n  2,\n]", &code::WRONG_TYPE), @r#"
    error[SG102]: message
     --> swarmgen.toml:1:5
      |
    1 | a = [
      |     ^ here
    "#);
}

#[test]
fn several_labels_of_one_text() {
    let text = format!("a = 1\nb = 2\nc = 3\n{}z = 4\n", "# filler\n".repeat(500));
    let (sources, id) = config(&text);
    let diagnostic = Diagnostic::new(&code::CONFLICTING_KEYS, "m")
        .at(span(&sources, id, "c = 3"), "third")
        .at(span(&sources, id, "a = 1"), "first")
        .at(span(&sources, id, "z = 4"), "last");
    assert_snapshot!(render(&diagnostic, &sources, false), @r#"
    error[SG108]: m
       --> swarmgen.toml:3:1
        |
      1 | a = 1
        | ----- first
      2 | b = 2
      3 | c = 3
        | ^^^^^ third
        |
       ::: swarmgen.toml:504:1
        |
    504 | z = 4
        | ----- last
    "#);
}

#[test]
fn secrets_on_one_line() {
    let (sources, id) = config("x = 1 # first\nlogin = { password = \"hunter2\", port = 22 }\n");
    sources.mark_secret(span(&sources, id, "\"hunter2\""));
    let diagnostic = Diagnostic::new(&code::BAD_VALUE, "m")
        .at(span(&sources, id, "hunter2"), "this value")
        .at(span(&sources, id, "port"), "and this");
    assert_snapshot!(render(&diagnostic, &sources, false), @r#"
    error[SG220]: m
     --> swarmgen.toml:2:23
      |
    2 | login = { password = «redacted», port = 22 }
      |                      ^^^^^^^^^^  ---- and this
      |                      |
      |                      this value
    "#);
}

#[test]
fn secrets_of_several_lines() {
    let (sources, id) = config("a = 1\nid_rsa = \"\"\"\nAAAA\nBBBB\nCCCC\"\"\" # end\nb = 2\n");
    sources.mark_secret(span(&sources, id, "\"\"\"\nAAAA\nBBBB\nCCCC\"\"\""));
    let whole = Diagnostic::new(&code::SSHFS_CREDENTIAL, "m")
        .at(span(&sources, id, "\"\"\"\nAAAA\nBBBB\nCCCC\"\"\""), "this key")
        .at(span(&sources, id, "BBBB"), "within")
        .at(span(&sources, id, "# end"), "after")
        .at(span(&sources, id, "b = 2"), "below");
    let shown = render(&whole, &sources, false);
    assert!(!shown.contains("AAAA") && !shown.contains("BBBB") && !shown.contains("CCCC"));
    assert_snapshot!(shown, @r#"
    error[SG210]: m
     --> swarmgen.toml:2:10
      |
    2 | id_rsa = «redacted»
      |          ^^^^^^^^^^ this key
    3 | «redacted»
    4 | «redacted»
      | ---------- within
    5 | «redacted» # end
      |            ----- after
    6 | b = 2
      | ----- below
    "#);
}

#[test]
fn input_cannot_steer_the_terminal() {
    let sources = SourceMap::new();
    let id = sources.add(
        "a\u{1b}]0;\u{7}.toml",
        ".",
        Author::Config,
        "k = \"\u{1b}[2J\u{202e}\u{9b}x\u{9f}1:1:1\" # end".to_owned(),
    );
    let diagnostic = Diagnostic::new(&code::UNKNOWN_KEY, "m\u{1b}[31m\u{9f}0:1:1\nerror: forged")
        .at(span(&sources, id, "# end"), "l\u{202e}\r")
        .help("h\u{7}")
        .note("n\u{85}");
    let shown = render(&diagnostic, &sources, false);
    assert!(!shown.chars().any(|c| c != '\n' && crate::diag::render::is_unseen(c)), "{shown:?}");
    assert_snapshot!(shown, @r#"
    error[SG101]: m\u{1b}[31m\u{9f}0:1:1\nerror: forged
     --> a\u{1b}]0;\u{7}.toml:1:21
      |
    1 | k = "\u{1b}[2J\u{202e}\u{9b}x\u{9f}1:1:1" # end
      |                                           ^^^^^ l\u{202e}\r
      |
      = help: h\u{7}
      = note: n\u{85}
    "#);
}

#[test]
fn long_lines_are_cut() {
    let text = format!("x = [{}]; BAD; [{}]", "1, ".repeat(3_000_000), "2, ".repeat(2_000_000));
    let shown = at(&text, "BAD", &code::UNKNOWN_KEY);
    assert_snapshot!(shown, @r#"
    error[SG101]: message
     --> swarmgen.toml:1:9000009
      |
    1 | ..., 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, ]; BAD; [2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,...
      |                                                      ^^^ here
    "#);

    let text = format!("x = \"{}\" # {}", "ab".repeat(50_000), "z".repeat(1000));
    let (sources, id) = config(&text);
    let diagnostic = Diagnostic::new(&code::UNKNOWN_KEY, "m").at(Span::new(id, 4, 100_006), "all of it");
    let shown = render(&diagnostic, &sources, false);
    assert!(shown.len() < 1000, "{}", shown.len());
    assert_snapshot!(shown, @r#"
    error[SG101]: m
     --> swarmgen.toml:1:5
      |
    1 | x = "abababababababababababababababababababa...bababababababababababababababababababab" # zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz...
      |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ all of it
    "#);
}

#[test]
fn a_secret_that_is_cut_stays_hidden() {
    let text = format!("x = \"{}\" # {}", "S".repeat(10_000), "z".repeat(1000));
    let (sources, id) = config(&text);
    sources.mark_secret(Span::new(id, 4, 10_006));
    for (start, end) in [(4, 10_006), (5000, 5001), (10_000, 10_010), (0, 1), (10_500, 10_501)] {
        let diagnostic = Diagnostic::new(&code::UNKNOWN_KEY, "m").at(Span::new(id, start, end), "here");
        let shown = render(&diagnostic, &sources, false);
        assert!(!shown.contains("SS") && shown.contains("^ here"), "{shown}");
    }
}

#[test]
fn before_parsing_secrets_are_told_by_their_looks() {
    for (text, needle) in [
        ("password = \"hunter2", "hunter2"),
        ("password = \"hunter2", "password"),
        ("a = 1\nSSH_Password: hunter2 }", "}"),
        ("{\"id_rsa\" : \"hunter2\" ]", "]"),
        ("[users.bob]\nbob = { port = 1, api_token = \"hunter2\" ]", "port"),
        ("[users]\nbob.credential = 'hunter2\"", "bob"),
        ("env = [\"JUPYTER_TOKEN=hunter2\", x]", "x]"),
        ("secret-key = hunter2 =", "2 ="),
        ("password = \"\"\"\nhunter2 x\n", "x"),
        ("password = \"\"\"\nfirst\nhunter2\"\"\" x\n", "x"),
        ("password: |\n  first\n  hunter2: x\n", "x"),
        ("password:\n  hunter2\n   x\n", "x"),
        ("key: >\n  -----BEGIN RSA PRIVATE KEY-----\n  hunter2\n  x\n", "x"),
        ("key: >\n  -----BEGIN RSA PRIVATE KEY-----\n  hunter2\n  -----END RSA x KEY-----", "x"),
        ("key: \"-----BEGIN RSA PRIVATE KEY-----\\nhunter2\\n x", " x"),
    ] {
        let shown = at(text, needle, &code::SYNTAX);
        assert!(
            !shown.contains("hunter2") && shown.contains("«redacted»") && shown.contains("here"),
            "{text}\n{shown}"
        );
    }
    for (text, needle) in [
        ("password = \"hunter2\"\nimage = visible", "visible"),
        ("password: hunter2\nimage: visible", "visible"),
        ("password = \"\"\"\nhunter2\n\"\"\"\nimage = visible", "visible"),
        ("-----BEGIN X-----\nhunter2\n-----END X-----\nimage = visible", "visible"),
        ("secrets:\n  - name: visible", "visible"),
        ("secret_attributes = [visible", "visible"),
        ("visible, password = hunter2", "visible"),
    ] {
        let shown = at(text, needle, &code::SYNTAX);
        assert!(!shown.contains("hunter2") && shown.contains("visible"), "{text}\n{shown}");
    }
    assert_snapshot!(at("a = { token = \"hunter2\", ]", "]", &code::SYNTAX), @r#"
    error[SG005]: message
     --> swarmgen.toml:1:26
      |
    1 | a = { token = «redacted»
      |               ^^^^^^^^^^ here
    "#);
}

#[test]
fn rows_of_users_files_are_not_shown_before_parsing() {
    let sources = SourceMap::new();
    let id = sources.add("class.csv", ".", Author::Data, "name,pw\nalice,\"hunter2\n".to_owned());
    let diagnostic = Diagnostic::new(&code::SYNTAX, "m").at(span(&sources, id, "\"hunter2"), "unclosed");
    assert_snapshot!(render(&diagnostic, &sources, false), @r#"
    error[SG005]: m
     --> class.csv:2:7
      |
    2 | «redacted»
      | ^^^^^^^^^^ unclosed
    "#);
}

#[test]
fn a_mend_is_told_unless_advice_is_there() {
    let (sources, id) = config("imge = 1");
    let place = span(&sources, id, "imge");
    let diagnostic = Diagnostic::new(&code::UNKNOWN_KEY, "m").at(place, "").fix(place, "image", "rename it");
    assert!(render(&diagnostic, &sources, false).ends_with("= help: rename it: `image`"));
    assert!(render(&diagnostic.help("write `image`"), &sources, false).ends_with("= help: write `image`"));
}

proptest! {
    /// Whatever the text, the places and the secrets: no panic, no secret, nothing that steers a terminal.
    #[test]
    fn secrets_never_show(
        parts in proptest::collection::vec(("[a-z \\t\\n\\r日é\u{301}\u{1b}]{0,30}|a{0,400}", "[Q\\n]{0,40}|Q{0,400}"), 1..6),
        places in proptest::collection::vec((0usize..1500, 0usize..400), 1..5),
    ) {
        let text: String = parts.iter().flat_map(|(open, secret)| [open.as_str(), secret.as_str()]).collect();
        let (sources, id) = config(&text);
        let mut at = 0;
        for (open, secret) in &parts {
            at += open.len();
            sources.mark_secret(Span::new(id, at, at + secret.len()));
            at += secret.len();
        }
        let mut diagnostic = Diagnostic::new(&code::BAD_VALUE, "m");
        for (start, length) in places {
            diagnostic = diagnostic.at(Span::new(id, start, start + length), "here");
        }
        let shown = render(&diagnostic, &sources, false);
        prop_assert!(!shown.contains('Q'), "{}", shown);
        prop_assert!(!shown.chars().any(|c| c != '\n' && crate::diag::render::is_unseen(c)), "{:?}", shown);
        prop_assert!(shown.contains("here"), "{}", shown);
    }

    #[test]
    fn masking_never_panics(text in "(password|a|日)?[=: ]{0,3}(\"{3}|'|\\||-----BEGIN)?[a-z \\n日]{0,40}", at in 0usize..80) {
        let (sources, id) = config(&text);
        let diagnostic = Diagnostic::new(&code::SYNTAX, "m").at(Span::new(id, at, at + 3), "here");
        prop_assert!(render(&diagnostic, &sources, false).contains("here"));
    }
}

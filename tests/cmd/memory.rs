//! How much memory a config takes: at most ten times its size, and a few mebibytes.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

/// What any file may take besides. Of a program that is not optimized more is in memory.
const LEEWAY: usize = if cfg!(debug_assertions) { 15 << 20 } else { 12 << 20 };

/// A process's peak counts what it has of its parent before it becomes another program, so a small one starts it.
const STARTER: &str = "
import posix, sys
null = posix.open('/dev/null', posix.O_WRONLY)
actions = [(posix.POSIX_SPAWN_DUP2, null, 1), (posix.POSIX_SPAWN_DUP2, null, 2)]
pid = posix.posix_spawn(sys.argv[1], sys.argv[1:], posix.environ, file_actions=actions)
_, status, usage = posix.wait4(pid, 0)
print(usage.ru_maxrss * (1 if sys.platform == 'darwin' else 1024), posix.waitstatus_to_exitcode(status))
";

/// The peak memory of `validate` of a text, in bytes, and its exit code.
fn peak(folder: &Folder, name: &str, text: &str) -> (usize, i32) {
    peak_of(folder, name, text, &["validate"])
}

/// The peak memory of a command whose last argument is a config with a text, in bytes, and its exit code.
fn peak_of(folder: &Folder, name: &str, text: &str, command: &[&str]) -> (usize, i32) {
    folder.put(name, text);
    let mut python = std::process::Command::new("python3");
    python.args(["-I", "-S", "-c", STARTER, env!("CARGO_BIN_EXE_swarmgen")]).args(command).arg(folder.path(name));
    let output = python
        .current_dir(folder.path(""))
        .output()
        .unwrap_or_else(|error| panic!("this test needs `python3`: {error}"));
    fs::remove_file(folder.path(name)).unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    let (peak, code) = told.trim().split_once(' ').unwrap_or_else(|| panic!("{told:?} of {name}"));
    (peak.parse().unwrap(), code.parse().unwrap())
}

/// About so many bytes of a pattern in a frame.
fn filled(before: &str, pattern: &str, after: &str, size: usize) -> String {
    [before, &pattern.repeat(size / pattern.len()), after].concat()
}

/// About so many bytes of numbered entries in a frame; `#` is the number.
fn numbered(before: &str, pattern: &str, after: &str, size: usize) -> String {
    let mut text = before.to_owned();
    for number in 0.. {
        if text.len() >= size {
            break;
        }
        text.push_str(&pattern.replace('#', &format!("{number:x}")));
    }
    text + after
}

/// Makes a text of about so many bytes.
type Make = fn(usize) -> String;

/// Texts that are worst for their size: what they are, their syntax, and how to make one.
const TEXTS: &[(&str, &str, Make)] = &[
    ("numbers", "toml", |size| filled("x = [", "1,", "]", size)),
    ("numbers", "json", |size| filled("{\"x\":[", "1,", "1]}", size)),
    ("numbers", "yaml", |size| filled("x: [", "1,", "]", size)),
    ("empty strings", "toml", |size| filled("x = [", "\"\",", "]", size)),
    ("empty strings", "json", |size| filled("{\"x\":[", "\"\",", "1]}", size)),
    ("empty strings", "yaml", |size| filled("x: [", "\"\",", "]", size)),
    ("escapes", "json", |size| filled("{\"x\":[", "\"\\n\",", "1]}", size)),
    ("empty tables", "toml", |size| filled("x = [", "{},", "]", size)),
    ("empty lists", "yaml", |size| filled("x: [", "[],", "]", size)),
    ("lists of one", "json", |size| filled("{\"x\":[", "[1],", "1]}", size)),
    ("lists of one", "yaml", |size| filled("x: [", "[1],", "]", size)),
    ("tables of one", "toml", |size| filled("x = [", "{a=1},", "]", size)),
    ("tables of one", "json", |size| filled("{\"x\":[", "{\"a\":1},", "1]}", size)),
    ("tables of one", "yaml", |size| filled("x: [", "{a: 1},", "]", size)),
    ("nested lists", "toml", |size| filled("x = [", &format!("{}{},", "[".repeat(60), "]".repeat(60)), "]", size)),
    ("nested lists", "json", |size| filled("{\"x\":[", &format!("{}{},", "[".repeat(60), "]".repeat(60)), "1]}", size)),
    ("nested lists", "yaml", |size| filled("x: [", &format!("{}{},", "[".repeat(60), "]".repeat(60)), "]", size)),
    ("nested tables", "toml", |size| filled("x = [", &format!("{}1{},", "{a=".repeat(60), "}".repeat(60)), "]", size)),
    ("keys", "toml", |size| numbered("x = {", "#=1,", "}", size)),
    ("keys", "yaml", |size| numbered("x: {", "#: 1,", "}", size)),
    ("unknown keys", "toml", |size| numbered("", "#=1\n", "", size)),
    ("unknown keys", "yaml", |size| numbered("", "k#: 1\n", "", size)),
    ("headers", "toml", |size| numbered("", "[#]\n", "", size)),
    ("dotted keys", "toml", |size| numbered("", "a.#.b=1\n", "", size)),
    ("arrays of tables", "toml", |size| filled("", "[[a]]\n", "", size)),
    ("wrong arguments", "toml", |size| filled("container_spec.args = [", "1,", "]", size)),
    ("wrong arguments", "json", |size| filled("{\"container_spec\":{\"args\":[", "1,", "1]}}", size)),
    ("anchors", "yaml", |size| numbered("x: [", "&k# 1,", "]", size)),
    ("aliases", "yaml", |size| filled("y: &a 1\nx: [", "*a ,", "]", size)),
    ("merges", "yaml", |size| filled("y: &a {b: 1, c: 2}\nx: [", "{<<: *a},", "]", size)),
    ("blocks", "yaml", |size| filled("", "-\n", "", size)),
    ("a string", "json", |size| filled("{\"x\":\"", "a", "\"}", size)),
    ("a key", "toml", |size| filled("", "a", " = 1", size)),
    ("a number", "toml", |size| filled("x = ", "9", "\n", size)),
    ("a number", "json", |size| filled("{\"x\":", "9", "}", size)),
    ("a number", "yaml", |size| filled("x: ", "9", "\n", size)),
    ("wrong under a key", "toml", |size| {
        let wrong = "1,".repeat(1000);
        filled("users.", "a", &format!(".overrides.container_spec.args = [{wrong}]"), size - wrong.len())
    }),
    ("unknown under a key", "yaml", |size| {
        numbered(&format!("users: {{? {} : {{overrides: {{", "a".repeat(size / 2)), "#: 1,", "}}}", size)
    }),
    ("unclosed", "toml", |size| filled("x = [", "1,", "", size)),
    ("comments", "yaml", |size| filled("", "#\n", "", size)),
    ("blank lines", "toml", |size| filled("", "\n", "", size)),
    ("bomb", "yaml", |size| {
        let levels = (1..30).map(|level| format!("l{level}: &l{level} [{}]\n", format!("*l{},", level - 1).repeat(10)));
        filled("", "#\n", &format!("l0: &l0 [x, x]\n{}", levels.collect::<String>()), size)
    }),
];

#[test]
fn no_config_takes_more_than_ten_times_its_size() {
    let folder = Folder::new();
    let (least, code) = peak(&folder, "tiny.toml", GOOD);
    assert_eq!(code, 0);
    // Just below the most values that a config may have, above it, and the largest of those that are not refused unread.
    let sizes = [250 << 10, 1 << 20, 2 << 20, 16 << 20];
    let jobs: Vec<_> = sizes.into_iter().flat_map(|size| TEXTS.iter().map(move |text| (size, text))).collect();
    let too_much = Mutex::new(Vec::new());
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some((size, (what, syntax, text))) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
            let text = text(size - 2048);
            let name = format!("{what} {size}.{syntax}");
            let (peak, code) = peak(&folder, &name, &text);
            let taken = peak.saturating_sub(least);
            if taken > 10 * text.len() + LEEWAY || code != 1 {
                too_much.lock().unwrap().push(format!("{name}: {} KiB, exit code {code}", taken >> 10));
            }
        }
    };
    std::thread::scope(|scope| {
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        (0..workers).for_each(|_| drop(scope.spawn(work)));
    });
    let too_much = too_much.into_inner().unwrap();
    assert!(too_much.is_empty(), "{too_much:#?}");
}

/// Right configs that are large, each in its own way.
const RIGHT: &[(&str, &str, Make)] = &[
    ("variables", "toml", |size| numbered(&format!("{GOOD}[images.container_spec.env]\n"), "V# = \"x\"\n", "", size)),
    ("variables", "yaml", |size| {
        numbered("container_spec:\n  image: \"r.example.org/p:1\"\n  env:\n", "    V#: x\n", "", size)
    }),
    ("one label", "json", |size| {
        let before = "{\"container_spec\": {\"image\": \"r.example.org/p:1\", \"labels\": {\"a\": \"";
        filled(before, "x", "\"}}}", size)
    }),
    ("users", "toml", |size| numbered(GOOD, "[users.u#]\nroom = \"x\"\n", "", size)),
    ("users", "json", |size| {
        let before = "{\"container_spec\": {\"image\": \"r.example.org/p:1\"}, \"users\": {\"first\": {}";
        numbered(before, ", \"u#\": {\"room\": \"x\"}", "}}", size)
    }),
    ("profiles", "toml", |size| numbered("", "[[images]]\nname = \"P#\"\nimage = \"r.example.org/p:#\"\n", "", size)),
    ("comments", "toml", |size| filled(GOOD, "# a comment\n", "", size)),
];

/// Right configs that may be as large as any, as they have few values.
const LARGE: &[(&str, &str, Make)] = &[
    ("comments", "toml", |size| filled(GOOD, "# a comment\n", "", size)),
    ("comments", "yaml", |size| filled("container_spec: {image: \"r.example.org/p:1\"}\n", "# a comment\n", "", size)),
    ("one attribute", "json", |size| {
        let before = "{\"container_spec\": {\"image\": \"r.example.org/p:1\"}, \"user_defaults\": {\"note\": \"";
        filled(before, "x", "\"}}", size)
    }),
    ("one attribute", "toml", |size| filled(&format!("{GOOD}[user_defaults]\nnote = \""), "x", "\"\n", size)),
];

#[test]
fn a_right_config_takes_no_more() {
    let folder = Folder::new();
    let (least, _) = peak(&folder, "tiny.toml", GOOD);
    let mut too_much = Vec::new();
    let small = RIGHT.iter().map(|text| (text, 250 << 10));
    for ((what, syntax, text), size) in small.chain(LARGE.iter().map(|text| (text, (16 << 20) - 2048))) {
        let text = text(size);
        for command in [&["validate"][..], &["render", "--user", "u1", "-c"], &["render", "--all", "-c"]] {
            if command.contains(&"--all") && *what != "users" {
                continue;
            }
            let (peak, code) = peak_of(&folder, &format!("swarmgen.{syntax}"), &text, command);
            let taken = peak.saturating_sub(least);
            if taken > 10 * text.len() + LEEWAY || code != 0 {
                too_much.push(format!(
                    "{command:?} of {size} of {what} in {syntax}: {} KiB, exit code {code}",
                    taken >> 10
                ));
            }
        }
    }
    assert!(too_much.is_empty(), "{too_much:#?}");
}

/// What each user of a users file may take besides ten times its text, in bytes: an entry in the roster, however short the name.
const USER: usize = 200;

/// Users files that are worst for their size, and what stands for each user.
const USERS: &[(&str, &str, &str, &str)] = &[
    ("users.json", "[", "\"#\",", "\"last\"]"),
    ("users.json", "[", "{\"name\":\"#\"},", "{\"name\":\"last\"}]"),
    ("users.json", "{", "\"#\":{},", "\"last\":{}}"),
    ("users.json", "[", "{\"name\":\"#\",\"x\":[1,1,1,1,1,1,1,1,1,1,1,1]},", "\"last\"]"),
    ("users.jsonl", "", "{\"name\":\"#\",\"mail\":\"#@example.org\"}\n", "\"last\"\n"),
    ("users.yaml", "", "- x#\n", "- last\n"),
    ("users.yaml", "", "x#:\n", "last:\n"),
    ("users.yaml", "- &a {name: a, b: c, d: e}\n", "- {<<: *a, name: x#}\n", "- last\n"),
    ("users.toml", "", "[x#]\n", "[last]\n"),
    ("users.toml", "", "[[u]]\nname=\"#\"\n", "[[u]]\nname = \"last\"\n"),
    ("users.csv", "name\n", "#\n", "last\n"),
    ("users.txt", "", "x#\n", "last\n"),
];

#[test]
fn a_users_file_takes_no_more_but_an_entry_for_each_user() {
    let folder = Folder::with(GOOD);
    let mut too_much = Vec::new();
    // To check each user takes a while.
    for (command, size) in
        [(&["render", "--user", "last", "--users-file"][..], 1 << 20), (&["validate", "--users-file"][..], 1 << 18)]
    {
        let (least, _) = peak_of(&folder, "tiny.csv", "name\nlast\n", command);
        for (name, before, user, after) in USERS {
            let text = numbered(before, user, after, size);
            let users = text.len() / user.len();
            let (peak, code) = peak_of(&folder, name, &text, command);
            let taken = peak.saturating_sub(least);
            if taken > 10 * text.len() + USER * users + LEEWAY || code != 0 {
                too_much.push(format!("{command:?} {name} of {user:?}: {} KiB, exit code {code}", taken >> 10));
            }
        }
    }
    assert!(too_much.is_empty(), "{too_much:#?}");
}

/// Users files in which every record is wrong, each in its own way.
const WRONG_USERS: &[(&str, &str, &str)] = &[
    ("users.jsonl", "", "{}\n"),
    ("users.jsonl", "", "{\"name\":1}\n"),
    ("users.jsonl", "", "{\"name\":\"a\",\"groups\":1}\n"),
    ("users.csv", "name\n", "a,b,c\n"),
    ("users.csv", "name,room\n", ",b\n"),
    ("users.txt", "", "a\n"),
];

#[test]
fn a_users_file_of_mistakes_takes_no_more() {
    let folder = Folder::with(GOOD);
    let (least, _) = peak_of(&folder, "tiny.csv", "name\nlast\n", &["validate", "--users-file"]);
    let mut too_much = Vec::new();
    for (name, before, user) in WRONG_USERS {
        let text = filled(before, user, "", 1 << 20);
        let (peak, code) = peak_of(&folder, name, &text, &["validate", "--users-file"]);
        let taken = peak.saturating_sub(least);
        if taken > 10 * text.len() + LEEWAY || code != 1 {
            too_much.push(format!("{name} of {user:?}: {} KiB, exit code {code}", taken >> 10));
        }
    }
    assert!(too_much.is_empty(), "{too_much:#?}");
}

#[test]
fn of_a_users_file_of_mistakes_the_first_twenty_are_told() {
    let folder = Folder::with(GOOD);
    for (name, before, user) in WRONG_USERS {
        folder.put(name, filled(before, user, "", 2000));
        let told = folder.run(&["validate", "--message-format", "short", "--users-file", *name]);
        assert_eq!(told.code, Some(1), "{user:?}: {told:?}");
        assert!(told.stderr.ends_with("\n20 errors\n"), "{user:?}: {told:?}");
    }
}

#[test]
fn aliases_do_not_make_a_users_file_large() {
    let folder = Folder::with(GOOD);
    let levels = (1..7).map(|level| format!("- &l{level} [{}]\n", format!("*l{},", level - 1).repeat(10)));
    let bomb = format!("- &l0 [x, x]\n{}", levels.collect::<String>());
    let (least, _) = peak_of(&folder, "tiny.yaml", "- last\n", &["validate", "--users-file"]);
    let (peak, code) = peak_of(&folder, "users.yaml", &bomb, &["validate", "--users-file"]);
    assert_eq!(code, 1);
    assert!(peak.saturating_sub(least) <= LEEWAY, "{} KiB", peak.saturating_sub(least) >> 10);
}

#[test]
fn what_is_written_for_all_is_not_held() {
    let folder = Folder::with(&format!("[container_spec.labels]\nlong = \"{}\"\n{GOOD}", "x".repeat(16 << 10)));
    // 78 MiB in all: a few pieces of it are there at a time, by the number of processors.
    let users = (0..5000).map(|number| format!("u{number}\n")).collect::<String>();
    let (least, _) = peak_of(&folder, "tiny.txt", "u1\n", &["render", "--all", "--users-file"]);
    for more in
        [&["-f", "stack"][..], &["-f", "service"], &["-f", "cli"], &["-o", "out"], &["-f", "service", "-o", "out"]]
    {
        let command = [&["render", "--all"], more, &["--users-file"]].concat();
        let (peak, code) = peak_of(&folder, "users.txt", &users, &command);
        assert_eq!(code, 0, "{more:?}");
        assert!(peak.saturating_sub(least) <= 40 << 20, "{more:?}: {} KiB", peak.saturating_sub(least) >> 10);
    }
}

#[test]
fn users_files_have_no_such_bound() {
    let folder = Folder::new();
    folder.put(
        "swarmgen.toml",
        format!("users_file = \"users.jsonl\"\ncontainer_spec.labels.room = \"{{room}}\"\n{GOOD}"),
    );
    let user = |number: usize| format!("{{\"name\": \"u{number}\", \"room\": \"{}\"}}\n", "r".repeat(1 << 20));
    folder.put("users.jsonl", (0..17).map(user).collect::<String>());
    let rendered = folder.run(&["render", "--user", "u16"]).ok();
    assert!(rendered.contains(&format!("room: {}", "r".repeat(1 << 20))), "{} bytes", rendered.len());
}

//! What is checked of many users in a row is what is checked of each alone: nothing of one user's server stays in the next.

use std::path::{Path, PathBuf};

use proptest::test_runner::{RngAlgorithm, TestRng};
use swarmgen::diag::Diagnostics;
use swarmgen::resolve::document::Inputs;
use swarmgen::resolve::{Compiler, Request};
use swarmgen::source::{Disk, SourceMap, World};

use super::mutations::damaged;
use super::world::{Memory, told};

/// How many users of an example are checked: enough for several threads.
const USERS: usize = 40;
/// How often each example is damaged.
const DAMAGED: usize = 60;

/// What was found, if the config could be loaded.
fn found(world: &Memory, config: &Path, check: impl FnOnce(&Compiler<'_>, &mut Diagnostics)) -> Option<String> {
    let sources = SourceMap::new();
    let mut diagnostics = Diagnostics::new();
    let inputs = Inputs { configs: vec![config.to_owned()], users_files: Vec::new(), levels: Vec::new() };
    let compiler = Compiler::load(&inputs, world, &sources, &mut diagnostics)?;
    check(&compiler, &mut diagnostics);
    compiler.mark_secrets();
    Some(told(&diagnostics, &sources))
}

#[test]
fn users_in_a_row_are_told_what_each_alone_is() {
    let request = Request::default();
    let (mut loaded, mut telling) = (0, 0);
    for (config, users) in [("university/swarmgen.yaml", "people.csv"), ("classroom/swarmgen.toml", "students.csv")] {
        let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(config);
        let users: PathBuf = config.with_file_name(users);
        let read = |path: &Path| Disk.read(path, None).unwrap().to_string();
        let (text, rows) = (read(&config), read(&users));
        // Some users lack all that is not their name.
        let columns = rows.lines().next().unwrap_or_default().matches(',').count();
        let lacking = |(number, row): (usize, &str)| match row.split_once(',') {
            Some((name, _)) if number % 5 == 3 => format!("{name}{}\n", ",".repeat(columns)),
            _ => format!("{row}\n"),
        };
        let few: String = rows.lines().take(USERS + 1).enumerate().map(lacking).collect();
        let mut rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
        for number in 0..DAMAGED {
            let mut world = Memory::over_disk();
            let text = match number % 3 {
                0 => text.clone(),
                _ => damaged(&text, &mut rng),
            };
            world.files.insert(config.clone(), text);
            world.files.insert(users.clone(), if number == 0 { few.clone() } else { damaged(&few, &mut rng) });
            let together = found(&world, &config, |compiler, diagnostics| compiler.check_all(&request, diagnostics));
            let alone = found(&world, &config, |compiler, diagnostics| {
                for index in 0..compiler.roster.len() {
                    compiler.check_user(&compiler.roster.user(index), &request, diagnostics);
                }
                compiler.check_owners(diagnostics);
            });
            assert_eq!(together, alone, "{}", config.display());
            loaded += usize::from(alone.is_some());
            telling += usize::from(alone.is_some_and(|told| !told.is_empty()));
        }
    }
    assert!(loaded > DAMAGED && telling > DAMAGED, "{loaded} were checked, {telling} had findings");
}

#[test]
fn what_is_wrong_for_one_user_is_told_of_that_user() {
    const CONFIG: &str = r#"
        version = 1
        networks = ["n"]
        notebook_dir = "/home/{username}"
        labels = { own = "{ticket}", same = "x" }
        [container_spec]
        image = "i:1"
        hostname = "h-{name}"
        args = ["{ticket}"]
        env = { OWN = "{ticket}", SAME = "x" }
        labels = { own = "{ticket}" }
        [[container_spec.mounts]]
        source = "v-{name}"
        target = "/{ticket}"
        [[container_spec.mounts]]
        source = "w-{name}"
        target = "/b"
        [users.a]
        ticket = "a"
        [users.b]
        ticket = "b"
        [users.c]
        ticket = "c"
    "#;
    let world = Memory::with("swarmgen.toml", CONFIG);
    let told = found(&world, Path::new("swarmgen.toml"), |compiler, diagnostics| {
        compiler.check_all(&Request::default(), diagnostics);
    });
    // Only the second user's mounts share a target; that the first one's do not says nothing of the others'.
    let told = told.unwrap();
    let errors: Vec<&str> = told.split("error[").skip(1).collect();
    assert!(errors.len() == 2 && errors[0].starts_with("SG206") && errors[0].contains("for user `b`"), "{told}");
}

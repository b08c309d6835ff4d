//! A class of 200, brought up, changed, partly removed and torn down, with three commands.
//!
//! On an engine whose node is drained: it stores services as any other, and starts none of 200 notebooks.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use crate::engine::Engine;
use crate::proxy::{Proxy, Requests};
use crate::scenario::Scenario;

const CLASS: usize = 200;

fn class(size: usize, greeting: &str) -> String {
    let mut text = format!("env = {{ GREETING = \"{greeting}\" }}\n");
    (0..size).for_each(|user| writeln!(text, "[users.u{user:03}]").unwrap());
    text
}

#[test]
fn a_class_comes_changes_shrinks_and_goes() {
    let mut scenario = Scenario::new(Engine::idle(), "classes");
    let proxy = Proxy::before(&scenario.engine().socket(1));
    scenario.goes_through(&proxy.socket());
    let timed = |arguments: &[&str]| {
        let begun = Instant::now();
        let ran = scenario.ran(arguments).ends_with(0);
        // Seconds on a quiet machine; this is for what grows with the class where it should not.
        assert!(begun.elapsed() < Duration::from_secs(60), "{arguments:?}: {:?}", begun.elapsed());
        ran
    };
    let apply = ["apply", "--detach", "--resolve-image", "never"];
    scenario.has_config("", &class(CLASS, "hello"));
    timed(&apply).says("200 servers created");
    assert_eq!(scenario.services().len(), CLASS);
    // A handful of calls, whatever the class.
    let before = proxy.count(&Requests::any());
    scenario.plans(&[]).is_empty();
    assert!(proxy.count(&Requests::any()) - before <= 10);

    scenario.has_config("", &class(CLASS, "hi"));
    let plan = scenario.ran(&["plan", "--resolve-image", "never"]).ends_with(3).stdout;
    assert!(plan.lines().count() < 30 && plan.contains("200 to change"), "one change is shown once: {plan}");
    timed(&apply).says("200 servers changed");

    scenario.has_config("", &class(CLASS / 2, "hi"));
    // Whoever left stays until it is asked for.
    timed(&apply).says("nothing to do");
    assert_eq!(scenario.services().len(), CLASS);
    let refused = scenario.ran(&[&apply[..], &["--prune"]].concat());
    refused.ends_with(1).says("`--yes`");
    assert_eq!(scenario.services().len(), CLASS);
    timed(&[&apply[..], &["--prune", "--yes"]].concat()).says("100 servers removed");
    assert_eq!(scenario.services().len(), CLASS / 2);
    scenario.plans(&["--prune"]).is_empty();

    timed(&["destroy", "--all", "--yes"]).says("100 servers removed");
    assert_eq!(scenario.service_names(), [""; 0]);
}

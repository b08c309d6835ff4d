//! How tasks live, by the name of their image.

use std::time::Duration;

/// A state that a task comes into, some time after it may start.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) after: Duration,
    pub(crate) state: &'static str,
    pub(crate) error: String,
    pub(crate) exit_code: Option<i64>,
}

impl Step {
    pub(crate) fn is_end(&self) -> bool {
        matches!(self.state, "failed" | "rejected" | "complete")
    }
}

fn step(millis: u64, state: &'static str) -> Step {
    Step { after: Duration::from_millis(millis), state, error: String::new(), exit_code: None }
}

fn error(millis: u64, state: &'static str, error: &str) -> Step {
    Step { error: error.to_owned(), ..step(millis, state) }
}

fn exit(millis: u64, state: &'static str, code: i64) -> Step {
    let error = if code == 0 { String::new() } else { format!("task: non-zero exit ({code})") };
    Step { error, exit_code: Some(code), ..step(millis, state) }
}

/// The states of a task of an image, at its so-manyth attempt; the texts are the engine's own (swarm facts).
pub(crate) fn life(image: &str, attempt: usize) -> Vec<Step> {
    let starts = [step(0, "new"), step(50, "pending"), step(70, "assigned"), step(100, "preparing")];
    let mut steps = starts.to_vec();
    let (name, detail) = image.split_once(':').unwrap_or((image, ""));
    match name {
        "missing" => steps.push(error(250, "rejected", "No such image: missing:1")),
        "exits" => steps.extend([step(300, "running"), exit(500, "failed", 3)]),
        "ends" => steps.extend([step(300, "running"), exit(500, "complete", 0)]),
        "killed" => steps.extend([step(300, "running"), exit(900, "failed", 137)]),
        "flaky" if attempt < 2 => steps.extend([step(300, "running"), exit(500, "failed", 3)]),
        "relapses" => steps.extend([step(300, "running"), exit(1_800, "failed", 3)]),
        "slow" => steps.push(step(detail.parse().unwrap_or(30_000), "running")),
        "unhealthy" => steps.extend([
            step(300, "starting"),
            error(4_000, "failed", "task: non-zero exit (143): dockerexec: unhealthy container"),
        ]),
        "starting" => steps.push(step(300, "starting")),
        "homeless" => {
            steps.truncate(1);
            let words = "no suitable node (scheduling constraints not satisfied on 1 node)";
            steps.push(error(70, "pending", words));
        }
        "unequipped" => {
            steps.truncate(1);
            steps.push(error(70, "pending", "no suitable node (insufficient resources on 1 node)"));
        }
        "addressless" => steps.truncate(1),
        "pulling" => {}
        "stranded" => steps.truncate(3),
        "telltale" => steps.push(error(250, "rejected", &format!("invalid mount config: {detail}"))),
        _ => steps.push(step(300, "running")),
    }
    steps
}

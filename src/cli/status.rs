//! `swarmgen status`.

use std::fmt::Write as _;
use std::time::Duration;

use jiff::Timestamp;

use crate::apply::redact::Redactor;
use crate::diag::render::visible;
use crate::diag::{Counts, Diagnostics};
use crate::plan::ObservedState;
use crate::plan::status::{ServerState, ServerStatus, render, servers};
use crate::resolve::Compiler;
use crate::resolve::decode::LABEL_DEPLOYMENT;
use crate::source::{Disk, SourceMap};

use super::args::Global;
use super::args::live::{PlanFormat, Status};
use super::error::Failure;
use super::ui::Ui;
use super::{config, live, ui};

/// How often `--watch` looks.
const EVERY: Duration = Duration::from_secs(2);
/// What clears a terminal and goes to its first line.
const CLEAR: &str = "\x1b[H\x1b[2J\x1b[3J";

/// Shows the deployment's servers.
pub(super) fn run(status: &Status, global: &Global, ui: &Ui) -> Result<(), Failure> {
    let deployment = deployment(global, ui)?;
    live::block_on(async {
        let shown = show(status, &deployment, ui);
        if !status.watch {
            return shown.await;
        }
        // Listened to all the time: what comes during a look would be lost otherwise.
        tokio::select! {
            biased;
            () = live::interrupted() => Ok(()),
            shown = shown => shown,
        }
    })
}

/// Shows the servers once, or again and again.
async fn show(status: &Status, deployment: &str, ui: &Ui) -> Result<(), Failure> {
    let engine = live::engine(&status.engine).await?;
    loop {
        let state = live::snapshot(&engine, deployment).await?;
        let mut servers = servers(&state, deployment);
        redact(&mut servers, &redactor(&state, deployment));
        if let Some(user) = &status.user {
            servers.retain(|server| server.user == *user);
        }
        let text = match status.format {
            PlanFormat::Human => table(&servers, Timestamp::now()),
            PlanFormat::Json => render(&servers, deployment),
        };
        let clear = if status.watch && status.format == PlanFormat::Human && ui::is_terminal() { CLEAR } else { "" };
        ui::result(format!("{clear}{text}").as_bytes())?;
        if servers.is_empty() && status.format == PlanFormat::Human {
            ui.note(&format!("the deployment `{}` has no servers on this swarm", visible(deployment)));
        }
        if !status.watch {
            return Ok(());
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// The deployment that the config is of.
pub(super) fn deployment(global: &Global, ui: &Ui) -> Result<String, Failure> {
    let sources = SourceMap::new();
    let mut diagnostics = Diagnostics::new();
    let compiler = config::inputs(global, &[], &mut diagnostics)
        .and_then(|inputs| Compiler::load(&inputs, &Disk, &sources, &mut diagnostics));
    match compiler {
        Some(compiler) => Ok(compiler.settings.deployment.to_string()),
        None => {
            ui.report(&diagnostics, &sources);
            ui.note(&Counts { notes: 0, ..diagnostics.counts() }.to_string());
            Err(Failure::Input)
        }
    }
}

/// Knows the secrets of the deployment's services, which the engine may quote.
pub(super) fn redactor(state: &ObservedState, deployment: &str) -> Redactor {
    let redactor = Redactor::default();
    let ours = state.services.iter().filter(|service| service.label(LABEL_DEPLOYMENT) == Some(deployment));
    ours.for_each(|service| redactor.learn_observed(service));
    redactor
}

/// Takes secrets out of the engine's words.
pub(super) fn redact(servers: &mut [ServerStatus], redactor: &Redactor) {
    for server in servers.iter_mut().filter(|server| !server.error.is_empty()) {
        server.error = redactor.redact(&server.error);
    }
}

/// The servers as a table; nothing where there are none.
fn table(servers: &[ServerStatus], now: Timestamp) -> String {
    const HEAD: [&str; 7] = ["USER", "SERVER", "PROFILE", "STATE", "NODE", "SINCE", "ERROR"];
    if servers.is_empty() {
        return String::new();
    }
    let rows: Vec<[String; 7]> = servers.iter().map(|server| row(server, now)).collect();
    let mut widths = HEAD.map(str::len);
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(ui::width(cell));
        }
    }
    let mut text = String::new();
    let head = HEAD.map(str::to_owned);
    for row in std::iter::once(&head).chain(&rows) {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(widths) {
            let _ = write!(line, "{cell}{}  ", " ".repeat(width.saturating_sub(ui::width(cell))));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    let count = |state| servers.iter().filter(|server| server.state == state).count();
    let counts = ServerState::ALL.map(|state| (count(state), state.word())).into_iter();
    let counts: Vec<String> =
        counts.filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    let _ = writeln!(text, "\n{}", counts.join(", "));
    text
}

fn row(server: &ServerStatus, now: Timestamp) -> [String; 7] {
    let shown = |text: &str| visible(text).into_owned();
    [
        shown(&server.user),
        if server.server.is_empty() { "-".to_owned() } else { shown(&server.server) },
        shown(&server.profile),
        server.state.word().to_owned(),
        if server.node.is_empty() { "-".to_owned() } else { shown(&server.node) },
        age(&server.since, now),
        match server.state {
            ServerState::Running if !server.error.is_empty() => format!("earlier: {}", shown(&server.error)),
            _ => shown(&server.error),
        },
    ]
}

/// How long ago something was, as `docker` says it but shorter; `-` where that is not known.
pub(super) fn age(since: &str, now: Timestamp) -> String {
    let Ok(since) = since.parse::<Timestamp>() else { return "-".to_owned() };
    // The engine's clock may be ahead of ours.
    let seconds = now.as_second().saturating_sub(since.as_second()).max(0);
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7_200 => format!("{}m", seconds / 60),
        7_200..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages() {
        let now: Timestamp = "2026-01-05T10:00:00Z".parse().unwrap();
        for (since, shown) in [
            ("2026-01-05T09:59:57.123456789Z", "3s"),
            ("2026-01-05T10:00:07Z", "0s"),
            ("2026-01-05T09:57:00Z", "3m"),
            ("2026-01-05T05:00:00Z", "5h"),
            ("2026-01-01T10:00:00Z", "4d"),
            ("", "-"),
        ] {
            assert_eq!(age(since, now), shown, "{since}");
        }
    }

    #[test]
    fn columns_are_as_wide_as_what_stands_in_them() {
        let server = |user: &str, state| ServerStatus {
            user: user.to_owned(),
            server: String::new(),
            profile: "Python".to_owned(),
            service: "s".to_owned(),
            made_by: "apply".to_owned(),
            state,
            task: "running".to_owned(),
            node: "lab1".to_owned(),
            since: "2026-01-05T09:57:00Z".to_owned(),
            error: String::new(),
        };
        let mut servers = [server("王小明", ServerState::Running), server("a\x1b[1m", ServerState::Failing)];
        servers[0].error = "task: non-zero exit (137)".to_owned();
        let now: Timestamp = "2026-01-05T10:00:00Z".parse().unwrap();
        let text = table(&servers, now);
        assert_eq!(
            text,
            "USER        SERVER  PROFILE  STATE    NODE  SINCE  ERROR\n\
             王小明      -       Python   running  lab1  3m     earlier: task: non-zero exit (137)\n\
             a\\u{1b}[1m  -       Python   failing  lab1  3m\n\n\
             1 running, 1 failing\n"
        );
        assert_eq!(table(&[], now), "");
    }
}

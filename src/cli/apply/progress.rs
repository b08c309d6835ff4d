//! What happens while a plan is carried out: bars on a terminal, lines elsewhere, JSON objects on request.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};

use crate::apply::event::{Act, Event, Progress, Subject};
use crate::apply::remove::RemoteVolume;
use crate::apply::{Outcome, Report, State, Stop};
use crate::diag::render::visible;

use super::super::args::live::Progress as How;
use super::super::ui::{self, Ui};
use super::count;

/// How many failures are told one by one; the rest is counted.
const MOST_FAILURES: usize = 20;
/// How many steps are told one by one that were not done, or of which that is not known.
const MOST_OPEN: usize = 10;

/// How it is shown what happens.
pub(in super::super) struct Shown {
    how: Kind,
    /// The states that were told last: the same ones are not told again.
    last: String,
}

enum Kind {
    Bars(Box<Bars>),
    Plain(Ui),
    Json,
    None,
}

struct Bars {
    /// Keeps both in their lines.
    _all: MultiProgress,
    calls: ProgressBar,
    servers: ProgressBar,
    /// Why services did not run when that was told last, by their names.
    reasons: BTreeMap<String, String>,
}

impl Shown {
    /// Begins to show what happens.
    pub(in super::super) fn new(how: How, ui: &Ui) -> Self {
        let how = match how {
            _ if ui.is_quiet() && how != How::Json => Kind::None,
            How::Auto if ui::errors_are_a_terminal() => Kind::Bars(Box::new(Bars::new())),
            How::Bars => Kind::Bars(Box::new(Bars::new())),
            How::Auto | How::Plain => Kind::Plain(*ui),
            How::Json => Kind::Json,
            How::None => Kind::None,
        };
        Self { how, last: String::new() }
    }

    /// Shows an event.
    pub(in super::super) fn event(&mut self, event: &Event) {
        match &mut self.how {
            Kind::Bars(bars) => bars.event(event),
            Kind::Plain(ui) => {
                let Some(line) = line(event) else { return };
                let is_waiting = matches!(event, Event::Waiting(_));
                if is_waiting && line == self.last {
                    return;
                }
                ui.note(&visible(&line));
                if is_waiting {
                    self.last = line;
                }
            }
            Kind::Json => {
                let mut stdout = std::io::stdout().lock();
                let _ = writeln!(stdout, "{}", object(event)).and_then(|()| stdout.flush());
            }
            Kind::None => {}
        }
    }

    /// Ends the bars.
    pub(in super::super) fn done(&mut self) {
        if let Kind::Bars(bars) = &self.how {
            bars.calls.finish_and_clear();
            bars.servers.finish_and_clear();
        }
    }

    /// Tells what became of it all.
    pub(in super::super) fn outcome(&self, outcome: &Outcome, remote: &[RemoteVolume], ui: &Ui) {
        if let Kind::Json = self.how {
            let reports: Vec<Value> = outcome.reports.iter().map(report).collect();
            let stopped = outcome.stopped.as_ref().map(ToString::to_string);
            let remote: Vec<Value> = remote
                .iter()
                .map(|volume| {
                    json!({
                        "volume": volume.name, "service": volume.service, "node": volume.host,
                        "command": volume.command(),
                    })
                })
                .collect();
            let object = json!({
                "event": "outcome", "complete": outcome.is_complete(), "stopped": stopped, "reports": reports,
                "unreachable_volumes": remote,
            });
            let mut stdout = std::io::stdout().lock();
            let _ = writeln!(stdout, "{object}");
            return;
        }
        told(outcome, MOST_FAILURES, failed_line).iter().for_each(|line| ui.failure(line));
        told(outcome, MOST_FAILURES, begun_line).iter().for_each(|line| ui.failure(line));
        told(outcome, MOST_OPEN, unknown_line).iter().for_each(|line| ui.failure(line));
        told(outcome, MOST_OPEN, not_done_line).iter().for_each(|line| ui.account(line));
        for volume in remote {
            let name = volume.name.as_deref().unwrap_or("(the node knows its name)");
            let text = format!(
                "volume `{name}` of `{}` may be on node `{}`, which this engine cannot reach; there: {}",
                volume.service,
                volume.host,
                volume.command()
            );
            ui.account(&visible(&text));
        }
        // An engine that is lost is told at the end.
        if let Some(stop @ Stop::Cancelled) = &outcome.stopped {
            ui.failure(&visible(&stop.to_string()));
        }
        match outcome.is_complete() {
            true => ui.note(&summary(outcome)),
            false => ui.account(&summary(outcome)),
        }
    }

    /// Tells what became of a rollback.
    pub(in super::super) fn undone(&self, outcome: &Outcome, ui: &Ui) {
        if let Kind::Json = self.how {
            let reports: Vec<Value> = outcome.reports.iter().map(report).collect();
            let object = json!({"event": "rolled_back", "complete": outcome.is_complete(), "reports": reports});
            let mut stdout = std::io::stdout().lock();
            let _ = writeln!(stdout, "{object}");
            return;
        }
        let undone = outcome.reports.iter().filter(|report| report.state.is_good()).count();
        told(outcome, MOST_FAILURES, not_undone_line).iter().for_each(|line| ui.failure(line));
        ui.account(&format!("rolled back {undone} of {}", count(outcome.reports.len(), "change")));
    }
}

/// The lines of those reports that have one, and how many more there are.
fn told(outcome: &Outcome, most: usize, line: impl Fn(&Report) -> Option<String>) -> Vec<String> {
    let mut lines: Vec<String> =
        outcome.reports.iter().filter_map(line).map(|line| visible(&line).into_owned()).collect();
    let more = lines.len().saturating_sub(most);
    if more > 0 {
        lines.truncate(most);
        lines.push(format!("and {more} more"));
    }
    lines
}

fn failed_line(report: &Report) -> Option<String> {
    let State::Failed { reason, .. } = &report.state else { return None };
    Some(format!("{}: {reason}", named(&report.subject)))
}

fn begun_line(report: &Report) -> Option<String> {
    let State::Begun { reason } = &report.state else { return None };
    Some(format!("{}: {reason}", named(&report.subject)))
}

fn unknown_line(report: &Report) -> Option<String> {
    let State::Unknown { reason } = &report.state else { return None };
    Some(format!("{}: may have been {}: {reason}", named(&report.subject), past(report.act)))
}

fn not_done_line(report: &Report) -> Option<String> {
    let State::NotDone { reason } = &report.state else { return None };
    Some(format!("{}: not {}: {reason}", named(&report.subject), past(report.act)))
}

fn not_undone_line(report: &Report) -> Option<String> {
    let named = named(&report.subject);
    match &report.state {
        State::Failed { reason, .. } | State::NotDone { reason } | State::Begun { reason } => {
            Some(format!("{named}: not undone: {reason}"))
        }
        State::Unknown { reason } => Some(format!("{named}: may have been undone: {reason}")),
        State::Accepted | State::Done | State::Converged { .. } => None,
    }
}

/// One line of all that was done.
fn summary(outcome: &Outcome) -> String {
    let done = |act: Act| {
        let of = |report: &&Report| {
            let is_done = match act {
                Act::Await => matches!(report.state, State::Converged { .. }),
                _ => report.state.is_good(),
            };
            report.act == act && is_done
        };
        let services = outcome.reports.iter().filter(of);
        services.filter(|report| matches!(report.subject, Subject::Service { .. })).count()
    };
    let acts = [
        (Act::Create, "created"),
        (Act::Update, "changed"),
        (Act::Replace, "replaced"),
        (Act::Remove, "removed"),
        (Act::Await, "found running"),
    ];
    // Where the run was stopped, what was only waited for was not seen to run.
    let is_unseen = |report: &&Report| {
        outcome.stopped.is_some()
            && report.state == State::Accepted
            && matches!(report.subject, Subject::Service { .. })
    };
    let unseen = outcome.reports.iter().filter(is_unseen).count();
    let parts: Vec<String> = acts
        .into_iter()
        .map(|(act, word)| (done(act), word))
        .filter(|(number, _)| *number > 0)
        .map(|(number, word)| format!("{} {word}", count(number, "server")))
        .collect();
    let failed = outcome.failed().filter(|report| matches!(report.subject, Subject::Service { .. })).count();
    let of = |is: &dyn Fn(&State) -> bool| outcome.reports.iter().filter(|report| is(&report.state)).count();
    let open = of(&|state| matches!(state, State::NotDone { .. } | State::Begun { .. }));
    let unknown = of(&|state| matches!(state, State::Unknown { .. }));
    let mut all = Vec::new();
    if !parts.is_empty() {
        all.push(parts.join(", "));
    }
    if failed > 0 {
        all.push(format!("{} failed", count(failed, "server")));
    }
    if unseen > 0 {
        all.push(format!("{} not seen to run", count(unseen, "server")));
    }
    if unknown > 0 {
        all.push(format!("{} may have been done", count(unknown, "step")));
    }
    if open > 0 {
        all.push(format!("{} not done", count(open, "step")));
    }
    if all.is_empty() { "nothing done".to_owned() } else { all.join("; ") }
}

/// A subject as people call it: a server by its user.
fn named(subject: &Subject) -> String {
    match subject {
        Subject::Service { name, user, server } if server.is_empty() => format!("{user} (service `{name}`)"),
        Subject::Service { name, user, server } => format!("{user}/{server} (service `{name}`)"),
        other => other.to_string(),
    }
}

fn past(act: Act) -> &'static str {
    match act {
        Act::Create => "created",
        Act::Update => "changed",
        Act::Replace => "replaced",
        Act::Remove => "removed",
        Act::Await => "waited for",
    }
}

/// An event as a line; those that are told in sum have none.
fn line(event: &Event) -> Option<String> {
    Some(match event {
        Event::Started { actions } => format!("carrying out {}", count(*actions, "step")),
        Event::Accepted { subject, act } => format!("{} {}", past(*act), named(subject)),
        Event::Retrying { subject, reason, pause } => {
            format!("{}: {reason}; again in {} s", named(subject), pause.as_secs_f32())
        }
        Event::Changed { subject, exists: true } => {
            format!("{} was changed by somebody else meanwhile: compared anew", named(subject))
        }
        Event::Changed { subject, exists: false } => {
            format!("{} was removed by somebody else meanwhile", named(subject))
        }
        Event::Waiting(progress) if progress.pending() == 0 => return None,
        Event::Waiting(progress) => waiting(progress),
        Event::Blind { reason } => format!("the tasks cannot be listed now: {reason}"),
        Event::Stuck { subject, reason } => format!("{} does not run yet: {reason}", named(subject)),
        Event::Converged { subject, after } => format!("{} runs after {:.1} s", named(subject), after.as_secs_f32()),
        Event::Failed { subject, reason, .. } => format!("{} failed: {reason}", named(subject)),
        Event::Stopping { reason, running } => {
            format!("stopping ({reason}): waiting for {} under way", count(*running, "request"))
        }
        Event::Undone { subject, act } => format!("undone: {} had been {}", named(subject), past(*act)),
        Event::NotUndone { subject, reason, .. } => format!("{} cannot be undone: {reason}", named(subject)),
    })
}

fn waiting(progress: &Progress) -> String {
    let states: Vec<String> = progress.states.iter().map(|(state, number)| format!("{number} {state}")).collect();
    format!("{} run, waiting for {}: {}", progress.converged, progress.pending(), states.join(", "))
}

fn subject_object(subject: &Subject) -> Value {
    match subject {
        Subject::Service { name, user, server } => {
            json!({"kind": "service", "name": name, "user": user, "server": server})
        }
        Subject::Object { kind, name } => json!({"kind": kind.word(), "name": name}),
        Subject::Volume { name, service } => json!({"kind": "volume", "name": name, "service": service}),
    }
}

fn act_word(act: Act) -> &'static str {
    match act {
        Act::Create => "create",
        Act::Update => "update",
        Act::Replace => "replace",
        Act::Remove => "remove",
        Act::Await => "await",
    }
}

fn report(report: &Report) -> Value {
    let (state, reason) = match &report.state {
        State::NotDone { reason } => ("not_done", Some(reason.clone())),
        State::Begun { reason } => ("begun", Some(reason.clone())),
        State::Unknown { reason } => ("unknown", Some(reason.clone())),
        State::Accepted => ("accepted", None),
        State::Done => ("done", None),
        State::Converged { .. } => ("converged", None),
        State::Failed { reason, .. } => ("failed", Some(reason.clone())),
    };
    json!({
        "subject": subject_object(&report.subject), "act": act_word(report.act), "state": state, "reason": reason,
    })
}

/// An event as a JSON object.
fn object(event: &Event) -> Value {
    let seconds = |duration: &Duration| duration.as_secs_f64();
    match event {
        Event::Started { actions } => json!({"event": "started", "actions": actions}),
        Event::Accepted { subject, act } => {
            json!({"event": "accepted", "subject": subject_object(subject), "act": act_word(*act)})
        }
        Event::Retrying { subject, reason, pause } => json!({
            "event": "retrying", "subject": subject_object(subject), "reason": reason, "pause": seconds(pause),
        }),
        Event::Changed { subject, exists } => {
            json!({"event": "changed", "subject": subject_object(subject), "exists": exists})
        }
        Event::Waiting(Progress { states, converged, failed, slowest }) => json!({
            "event": "waiting", "states": states, "converged": converged, "failed": failed, "slowest": slowest,
        }),
        Event::Blind { reason } => json!({"event": "blind", "reason": reason}),
        Event::Stuck { subject, reason } => {
            json!({"event": "stuck", "subject": subject_object(subject), "reason": reason})
        }
        Event::Converged { subject, after } => {
            json!({"event": "converged", "subject": subject_object(subject), "after": seconds(after)})
        }
        Event::Failed { subject, act, reason } => json!({
            "event": "failed", "subject": subject_object(subject), "act": act_word(*act), "reason": reason,
        }),
        Event::Stopping { reason, running } => json!({"event": "stopping", "reason": reason, "running": running}),
        Event::Undone { subject, act } => {
            json!({"event": "undone", "subject": subject_object(subject), "act": act_word(*act)})
        }
        Event::NotUndone { subject, act, reason } => json!({
            "event": "not_undone", "subject": subject_object(subject), "act": act_word(*act), "reason": reason,
        }),
    }
}

impl Bars {
    fn new() -> Self {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        let bar = |name: &str| {
            let style = ProgressStyle::with_template("{prefix:9} {bar:30} {pos}/{len} {wide_msg}");
            let bar = all.add(ProgressBar::new(0));
            if let Ok(style) = style {
                bar.set_style(style);
            }
            bar.with_prefix(name.to_owned())
        };
        let (calls, servers) = (bar("requests"), bar("running"));
        Self { _all: all, calls, servers, reasons: BTreeMap::new() }
    }

    /// What is told of each server is told in the account, too, so that no line is written for it.
    fn event(&mut self, event: &Event) {
        match event {
            Event::Started { actions } => self.calls.set_length(*actions as u64),
            Event::Accepted { .. } => {
                if !self.calls.message().is_empty() {
                    self.calls.set_message("");
                }
                self.calls.inc(1);
                draw_if_full(&self.calls);
            }
            Event::Retrying { .. } => {
                let line = line(event).unwrap_or_default();
                self.calls.set_message(visible(&line).into_owned());
            }
            Event::Stuck { subject, reason } => {
                self.reasons.insert(subject.name().to_owned(), reason.clone());
            }
            Event::Waiting(progress) => {
                let total = progress.pending() + progress.converged + progress.failed;
                self.servers.set_length(total as u64);
                self.servers.set_position(progress.converged as u64);
                self.servers.set_message(visible(&slow(progress, &self.reasons)).into_owned());
                draw_if_full(&self.servers);
            }
            Event::Converged { .. } | Event::Failed { .. } | Event::Undone { .. } | Event::NotUndone { .. } => {}
            other => {
                if let Some(line) = line(other) {
                    self.calls.suspend(|| ui::log(&[visible(&line).into_owned()]));
                }
            }
        }
    }
}

/// What is told beside the bar of the servers: how many have failed, the slow ones, and why the first of them does not run.
fn slow(progress: &Progress, reasons: &BTreeMap<String, String>) -> String {
    let mut text = progress.slowest.join(", ");
    if let Some(reason) = progress.slowest.first().and_then(|name| reasons.get(name)) {
        text = format!("{text} (the first: {reason})");
    }
    match progress.failed {
        0 => text,
        failed if text.is_empty() => format!("{failed} failed"),
        failed => format!("{failed} failed; {text}"),
    }
}

/// Draws a bar that has nothing to come: of steps that follow each other swiftly only some are drawn, and the last may be
/// none of them.
fn draw_if_full(bar: &ProgressBar) {
    if bar.length().is_some_and(|length| bar.position() >= length) {
        bar.abandon();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server() -> Subject {
        Subject::Service { name: "jupyter-a-1".to_owned(), user: "a".to_owned(), server: "x".to_owned() }
    }

    #[test]
    fn what_was_not_seen_to_run_is_told_where_the_run_was_stopped() {
        let report = |act, state| Report { subject: server(), act, state };
        let mut outcome = Outcome::of(
            vec![
                report(Act::Create, State::Converged { after: Duration::ZERO }),
                report(Act::Create, State::Accepted),
                report(Act::Await, State::Accepted),
                report(Act::Update, State::Unknown { reason: "no answer".to_owned() }),
                report(Act::Update, State::NotDone { reason: "not reached".to_owned() }),
            ],
            Some(Stop::NoEngine("refused".to_owned())),
        );
        assert_eq!(
            summary(&outcome),
            "2 servers created; 2 servers not seen to run; 1 step may have been done; 1 step not done"
        );
        outcome.stopped = None;
        assert_eq!(summary(&outcome), "2 servers created; 1 step may have been done; 1 step not done");
    }

    #[test]
    fn what_was_not_done_or_may_have_been_is_told_by_name() {
        let report = |number: usize, state| Report {
            subject: Subject::Service { name: format!("s{number}"), user: format!("u{number}"), server: String::new() },
            act: Act::Create,
            state,
        };
        let unknown =
            (0..2).map(|number| report(number, State::Unknown { reason: "no answer within 60 s".to_owned() }));
        let not_done = (2..20).map(|number| report(number, State::NotDone { reason: "interrupted".to_owned() }));
        let outcome = Outcome::of(unknown.chain(not_done).collect(), Some(Stop::Cancelled));
        let lines = told(&outcome, MOST_OPEN, unknown_line);
        assert_eq!(lines[0], "u0 (service `s0`): may have been created: no answer within 60 s");
        assert_eq!(lines.len(), 2);
        let lines = told(&outcome, MOST_OPEN, not_done_line);
        assert_eq!(lines[0], "u2 (service `s2`): not created: interrupted");
        assert_eq!((lines.len(), &*lines[10]), (11, "and 8 more"));
        assert_eq!(summary(&outcome), "2 steps may have been done; 18 steps not done");
    }

    #[test]
    fn lines_name_people() {
        let event = Event::Failed { subject: server(), act: Act::Create, reason: "No such image: x".to_owned() };
        assert_eq!(line(&event).unwrap(), "a/x (service `jupyter-a-1`) failed: No such image: x");
        assert_eq!(object(&event)["subject"]["user"], "a");
        let states = [("pending".to_owned(), 2), ("running".to_owned(), 1)].into_iter().collect();
        let waiting = Event::Waiting(Progress { states, converged: 7, ..Progress::default() });
        assert_eq!(line(&waiting).unwrap(), "7 run, waiting for 3: 2 pending, 1 running");
        assert_eq!(line(&Event::Waiting(Progress::default())), None);
    }

    #[test]
    fn the_slow_ones_are_named_with_the_reason_of_the_first() {
        let reasons = [("b".to_owned(), "no suitable node".to_owned())].into_iter().collect();
        let of = |slowest: &[&str], failed| {
            let slowest = slowest.iter().map(|name| (*name).to_owned()).collect();
            slow(&Progress { slowest, failed, ..Progress::default() }, &reasons)
        };
        assert_eq!(of(&["b", "a"], 0), "b, a (the first: no suitable node)");
        assert_eq!(of(&["a", "b"], 2), "2 failed; a, b");
        assert_eq!(of(&[], 2), "2 failed");
        assert_eq!(of(&[], 0), "");
    }
}

//! Every write to the terminal.
//!
//! Results go to standard output, everything else to standard error.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use unicode_width::UnicodeWidthStr;

use crate::diag::render::{github, human, json, sarif, short};
use crate::diag::{Diagnostic, Diagnostics, Severity};
use crate::source::SourceMap;

use super::args::{Colour, Global, MessageFormat};
use super::error::Failure;

/// How to talk to whoever started the process.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ui {
    format: MessageFormat,
    colour: bool,
    /// Whether results are coloured, which go to standard output.
    colour_results: bool,
    quiet: bool,
    verbose: bool,
    /// Whether findings in a format for programs go to standard output, so that anything may be told beside them.
    findings_to_stdout: bool,
}

impl Ui {
    /// Takes the global arguments and looks at the terminal.
    pub(super) fn new(global: &Global) -> Self {
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let coloured = |is_terminal: bool| match global.color {
            Colour::Always => true,
            Colour::Never => false,
            Colour::Auto => set("CLICOLOR_FORCE") || (!set("NO_COLOR") && is_terminal),
        };
        let colour = coloured(std::io::stderr().is_terminal());
        let colour_results = coloured(is_terminal());
        Self {
            format: global.message_format,
            colour,
            colour_results,
            quiet: global.quiet,
            verbose: global.verbose > 0,
            findings_to_stdout: false,
        }
    }

    /// For a command that changes the swarm, and has no result: findings in a format for programs take the result's place,
    /// and standard error tells what is done. `stdout_is_taken` says that standard output tells that already.
    pub(super) fn with_account(self, stdout_is_taken: bool) -> Self {
        Self { findings_to_stdout: self.writes_to_stdout() && !stdout_is_taken, ..self }
    }

    /// Shows findings in the order of their places; errors only if quiet.
    pub(super) fn report(&self, diagnostics: &Diagnostics, sources: &SourceMap) {
        self.report_from(Severity::Note, diagnostics, sources);
    }

    /// Shows the findings that are at least so bad.
    pub(super) fn report_from(&self, least: Severity, diagnostics: &Diagnostics, sources: &SourceMap) {
        let text = self.text(least, diagnostics, sources);
        if self.findings_to_stdout {
            // Whoever does not read them may still read what is done.
            let _ = result(text.as_bytes());
        } else {
            self.write(&text);
        }
    }

    /// Shows the findings of a command that is there to find them: in a format for programs they are its result.
    pub(super) fn report_result(&self, diagnostics: &Diagnostics, sources: &SourceMap) -> Result<(), Failure> {
        match self.format {
            MessageFormat::Human | MessageFormat::Short => {
                self.report(diagnostics, sources);
                Ok(())
            }
            MessageFormat::Json | MessageFormat::Sarif | MessageFormat::Github => {
                result(self.text(Severity::Note, diagnostics, sources).as_bytes())
            }
        }
    }

    /// Tells whether findings that are a command's result go to standard output.
    pub(super) fn writes_to_stdout(&self) -> bool {
        !matches!(self.format, MessageFormat::Human | MessageFormat::Short)
    }

    /// Tells whether findings are written to standard error as one document, next to which nothing else may stand.
    pub(super) fn writes_documents(&self) -> bool {
        matches!(self.format, MessageFormat::Json | MessageFormat::Sarif) && !self.findings_to_stdout
    }

    fn text(&self, least: Severity, diagnostics: &Diagnostics, sources: &SourceMap) -> String {
        let least = if self.quiet { Severity::Error } else { least };
        let mut shown = diagnostics.sorted();
        shown.retain(|diagnostic| diagnostic.severity <= least);
        let each = |end: &str, render: &dyn Fn(&Diagnostic) -> String| {
            shown.iter().flat_map(|diagnostic| [render(diagnostic), end.to_owned()]).collect()
        };
        match self.format {
            MessageFormat::Human => each("\n\n", &|diagnostic| human::render(diagnostic, sources, self.colour)),
            MessageFormat::Short => each("\n", &|diagnostic| short::render(diagnostic, sources)),
            MessageFormat::Github => each("\n", &|diagnostic| github::render(diagnostic, sources)),
            MessageFormat::Json => json::render(&shown, sources),
            MessageFormat::Sarif => sarif::render(&shown, sources),
        }
    }

    /// Says something that is neither a result nor a finding.
    pub(super) fn note(&self, text: &str) {
        if !self.quiet && !self.writes_documents() {
            self.write(&format!("{text}\n"));
        }
    }

    /// Says what nobody else will say again, also if quiet: what was done to the swarm, and what is left for a person to do.
    pub(super) fn account(&self, text: &str) {
        if !self.writes_documents() {
            self.write(&format!("{text}\n"));
        }
    }

    /// Writes a report for programs, whole, beside a result.
    pub(super) fn document(&self, text: &str) {
        self.write(text);
    }

    /// Says what only those want to know who ask for more.
    pub(super) fn detail(&self, text: &str) {
        if self.verbose {
            self.note(text);
        }
    }

    /// Tells whether results are to be coloured.
    pub(super) fn colours_results(&self) -> bool {
        self.colour_results
    }

    /// Tells whether only errors are to be shown.
    pub(super) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Tells whether more is asked for.
    pub(super) fn is_verbose(&self) -> bool {
        self.verbose
    }

    /// Says what failed, of several things.
    pub(super) fn failure(&self, text: &str) {
        if !self.writes_documents() {
            self.write(&format!("error: {text}\n"));
        }
    }

    /// Asks a question, whose answer is read elsewhere.
    pub(super) fn ask(&self, text: &str) {
        self.write(text);
    }

    /// Says why the command failed.
    pub(super) fn error(&self, error: &anyhow::Error) {
        let text = crate::diag::render::visible(&format!("{error:#}")).into_owned();
        self.write(&format!("error: {text}\n"));
    }

    /// Whoever cannot read standard error cannot be told so either.
    fn write(&self, text: &str) {
        let _ = std::io::stderr().lock().write_all(text.as_bytes());
    }
}

/// Writes a small result to standard output.
pub(super) fn result(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(bytes)?;
    stdout.flush()?;
    Ok(())
}

/// Writes lines to the log of whoever started the process.
pub(super) fn log(lines: &[String]) {
    let mut stderr = std::io::stderr().lock();
    for line in lines {
        let _ = writeln!(stderr, "{line}");
    }
}

/// Tells whether standard output is a terminal.
pub(super) fn is_terminal() -> bool {
    std::io::stdout().is_terminal()
}

/// Tells whether standard error is a terminal.
pub(super) fn errors_are_a_terminal() -> bool {
    std::io::stderr().is_terminal()
}

/// How many columns of a terminal a text takes.
pub(super) fn width(text: &str) -> usize {
    UnicodeWidthStr::width(text)
}

/// Shows clap's help, version or usage error.
pub(super) fn usage(error: &clap::Error) -> ExitCode {
    let shown = error.print();
    let code = if error.use_stderr() { 2 } else { 0 };
    match shown {
        Ok(()) => ExitCode::from(code),
        Err(_) => ExitCode::from(141),
    }
}

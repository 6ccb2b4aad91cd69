//! `deposit`.

use crate::api::{Code, DepositLine, DepositPath, DepositRequest, Problem, routes};
use crate::cli::arguments::Deposit;
use crate::cli::exit::Exit;
use crate::cli::language::Messages;
use crate::cli::out::{plain, size};
use crate::cli::progress::Bar;
use crate::cli::session::{Session, reasons, state};
use crate::cli::works::Works;
use crate::model::{RawName, State};

/// Takes files in; 0 where each is sealed, known, quarantined or ignored.
pub(super) async fn deposit<W: Works>(
    session: &mut Session<'_, W>,
    deposit: Deposit,
) -> Result<Exit, Problem> {
    let request = DepositRequest { dock: deposit.dock, paths: named(&deposit.paths)? };
    let mut client = session.client().await?;
    let lines = client.post_lines(routes::DEPOSITS, &request).await?;
    let bar = Bar::new(session.messages.say("bar-deposit"));
    let mut exit = Exit::Done;
    let people = |line: &DepositLine, messages: &Messages| {
        if !is_taken(line.state) {
            exit = Exit::Failed;
        }
        let silent = deposit.quiet && is_taken(line.state);
        (!silent).then(|| vec![in_words(line, messages)])
    };
    session.print_lines(lines, &bar, people).await?;
    Ok(exit)
}

fn is_taken(state: State) -> bool {
    match state {
        State::Sealed | State::Known | State::Quarantined | State::Ignored => true,
        State::Waiting | State::Refused => false,
    }
}

/// Each path as typed and from the root. The links in it are followed, by the kernel, as typed.
fn named(paths: &[std::path::PathBuf]) -> Result<Vec<DepositPath>, Problem> {
    let one = |path: &std::path::PathBuf| {
        let absolute = crate::cli::absolute(path).map_err(|error| {
            Problem::new(Code::UnreadableFile, format!("cannot find {}: {error}", path.display()))
        })?;
        Ok(DepositPath {
            shown: RawName::from(path.as_path()),
            absolute: RawName::from(absolute.as_path()),
        })
    };
    paths.iter().map(one).collect()
}

fn in_words(line: &DepositLine, messages: &Messages) -> String {
    let taken = line.taken.as_ref().map(|taken| {
        let values = [
            ("item", taken.item.to_string().into()),
            ("size", size(taken.size).into()),
            ("receipt", plain(&taken.receipt).into()),
        ];
        messages.tell("deposit-taken", &values)
    });
    let words = [
        format!("{}:", plain(&line.path)),
        state(line.state, messages),
        reasons(&line.reasons, messages),
        taken.unwrap_or_default(),
    ];
    words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

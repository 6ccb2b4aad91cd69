//! Taking in what a person names.

use axum::extract::State;
use axum::response::Response;
use tokio::sync::mpsc;

use super::Shared;
use crate::api::{Asked, DepositLine, DepositRequest, Lines, NameText, Progress, Taken};
use crate::intake::{HandDeposit, Named, Outcome};

/// Outcomes that wait for a slow reader.
const WAITING: usize = 64;

pub(super) async fn deposit(
    State(rooms): State<Shared>,
    Asked(request): Asked<DepositRequest>,
) -> Response {
    let (mut lines, answer) = Lines::open();
    let paths = request
        .paths
        .into_iter()
        .map(|path| Named { shown: path.shown, absolute: path.absolute.to_path() })
        .collect();
    let wanted = HandDeposit { paths, dock: request.dock };
    let (tell, mut told) = mpsc::channel(WAITING);
    // The work goes on where the reader goes away: what was begun gets its receipt.
    tokio::spawn(async move {
        let working = tokio::spawn(async move { rooms.intake.deposit(wanted, tell).await });
        let mut progress = Progress::default();
        while let Some(outcome) = told.recv().await {
            progress.done += 1;
            progress.bytes += outcome.taken.as_ref().map_or(0, |taken| taken.size);
            let _ = lines.result(line(outcome)).await;
            lines.progress(progress.clone());
        }
        match working.await {
            Ok(Ok(())) => lines.end().await,
            Ok(Err(error)) => lines.stop(error.into()).await,
            // Dropping the lines tells the reader that the answer is not whole.
            Err(panic) => tracing::error!(%panic, "a deposit panicked"),
        }
    });
    answer
}

fn line(outcome: Outcome) -> DepositLine {
    let NameText { text, raw } = NameText::from(&outcome.path);
    let taken = outcome.taken.map(|taken| Taken {
        item: taken.item,
        deposit: taken.deposit,
        size: taken.size,
        sha256: taken.sha256,
        sealed_sha256: taken.sealed_sha256,
        copies: taken.copies,
        ledger_index: taken.ledger_index,
        receipt: taken.receipt.map(|path| path.to_string_lossy().into_owned()).unwrap_or_default(),
    });
    DepositLine { path: text, path_raw: raw, state: outcome.state, reasons: outcome.reasons, taken }
}

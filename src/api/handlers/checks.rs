//! Verifying items, the ledger and receipts.

use std::ops::ControlFlow;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::{Rooms, Shared, blocking, id};
use crate::api::{
    Answer, Asked, Code, Failure, LedgerVerified, Lines, Problem, Progress, Proof, ReceiptChecked,
    ReceiptRequest, Verified, VerifyCopies, VerifyMode, VerifyRequest,
};
use crate::audit::{self, Copies, Mode, Verdict, Which};
use crate::ledger::{Judge, Receipt};
use crate::model::{Epoch, LedgerIndex};

pub(super) async fn verify(State(rooms): State<Shared>, Asked(request): Asked<VerifyRequest>) -> Response {
    let (mut lines, answer) = Lines::<Verified>::open();
    tokio::spawn(async move {
        let worked = blocking(move || {
            let report = verify_items(&rooms, &request, &lines);
            Ok::<_, Problem>((report, lines))
        });
        match worked.await {
            Ok((Ok(report), back)) => {
                lines = back;
                let _ = lines.result(report).await;
                lines.end().await;
            }
            Ok((Err(problem), lines)) => lines.stop(problem).await,
            Err(problem) => tracing::error!(error = %problem, "a verification stopped"),
        }
    });
    answer
}

fn verify_items(
    rooms: &Rooms,
    request: &VerifyRequest,
    lines: &Lines<Verified>,
) -> Result<Verified, Problem> {
    let which = if request.items.is_empty() { Which::All } else { Which::These(request.items.clone()) };
    let mode = match request.mode {
        VerifyMode::Possible => Mode::Best,
        VerifyMode::Sealed => Mode::Sealed,
        VerifyMode::Open => Mode::Open,
    };
    let copies = match request.copies {
        VerifyCopies::Any => Copies::Any,
        VerifyCopies::Every => Copies::Every,
    };
    let report = rooms.audit.verify((&which, mode, copies), &mut |progress| {
        let (done, bytes) = (progress.items, progress.bytes_read);
        lines.progress(Progress { done, total: Some(progress.of), bytes, total_bytes: None });
        if lines.is_heard() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    Ok(verified(report))
}

fn verified(report: audit::Report) -> Verified {
    let result = match report.result {
        Verdict::Pass => Answer::Pass,
        Verdict::Fail => Answer::Fail,
        Verdict::NotChecked => Answer::NotChecked,
    };
    let failure = |failure: audit::Failure| Failure {
        item: Some(failure.item),
        place: Some(failure.place),
        code: failure.code,
        what_next: failure.what_next,
    };
    Verified {
        result,
        items: report.items,
        derivatives: report.derivatives,
        bytes_read: report.bytes_read,
        places: report.places,
        failures: report.failures.into_iter().map(failure).collect(),
    }
}

pub(super) async fn verify_ledger(State(rooms): State<Shared>) -> Response {
    let (lines, answer) = Lines::<LedgerVerified>::open();
    tokio::spawn(async move {
        let worked = blocking(move || {
            let report = rooms.catalog.verify_ledger(&mut |progress| {
                let (done, total) = (progress.done, Some(progress.of));
                lines.progress(Progress { done, total, ..Progress::default() });
            });
            Ok::<_, Problem>((report, lines))
        });
        match worked.await {
            Ok((Ok(report), mut lines)) => {
                let _ = lines.result(ledger_verified(&report)).await;
                lines.end().await;
            }
            Ok((Err(error), lines)) => lines.stop(error.into()).await,
            Err(problem) => tracing::error!(error = %problem, "verifying the ledger stopped"),
        }
    });
    answer
}

fn ledger_verified(report: &crate::catalog::LedgerReport) -> LedgerVerified {
    LedgerVerified {
        result: Answer::Pass,
        size: report.entries,
        root: report.root.to_string(),
        epoch: report.epoch,
        heads: report.heads,
        bytes_read: report.bytes_read,
    }
}

pub(super) async fn prove(
    State(rooms): State<Shared>,
    Path(index): Path<String>,
) -> Result<Json<Proof>, Problem> {
    let number: u64 = id(&index)?;
    let index = LedgerIndex(number);
    let none = move || Problem::new(Code::NotFound, format!("there is no entry {number}"));
    blocking(move || {
        let head = rooms.catalog.head();
        let size = head.head().size;
        let leaf = rooms.catalog.leaf(index)?.filter(|_| number < size).ok_or_else(none)?;
        let proof = rooms.catalog.prove(index, size)?.iter().map(ToString::to_string).collect();
        Ok::<_, Problem>(Proof { index, leaf: leaf.to_string(), size, proof, head: head.note().to_owned() })
    })
    .await
    .map(Json)
}

pub(super) async fn check_receipt(
    State(rooms): State<Shared>,
    Asked(request): Asked<ReceiptRequest>,
) -> Result<Json<ReceiptChecked>, Problem> {
    blocking(move || check(&rooms, &request)).await.map(Json)
}

fn check(rooms: &Rooms, request: &ReceiptRequest) -> Result<ReceiptChecked, Problem> {
    let bytes = decoded(&request.receipt)?;
    let signature: [u8; 64] = decoded(&request.signature)?
        .try_into()
        .map_err(|_| Problem::new(Code::DamagedReceipt, "a signature has 64 bytes"))?;
    let receipt = Receipt::parse(&bytes).map_err(|error| Problem::of_receipt(&error))?;
    let node =
        |signer, message: &[u8], signature: &[u8; 64]| rooms.keyring.verify(signer, message, signature);
    let judge = Judge { node: &node, heads: &rooms.keyring.head_publics() };
    receipt.check(&signature, judge).map_err(|error| Problem::of_receipt(&error))?;
    kept(rooms, &receipt)?;
    Ok(ReceiptChecked {
        result: Answer::Pass,
        deposit: receipt.deposit,
        item: receipt.item,
        state: receipt.state,
        sha256: receipt.sha256,
        copies: receipt.copies,
        may_erase: receipt.may_erase,
    })
}

/// A good signature is half of it: the archive must still know what it signed. Entries of an epoch that was
/// lost are not there to compare with.
fn kept(rooms: &Rooms, receipt: &Receipt) -> Result<(), Problem> {
    let missing =
        |what: &str| Problem::new(Code::RolledBack, format!("{what} of this receipt is not here"));
    if receipt.archive != rooms.keyring.archive() {
        return Err(Problem::new(Code::DamagedReceipt, "this receipt is another archive's"));
    }
    let row = rooms.catalog.item(receipt.item)?.ok_or_else(|| missing("the item"))?;
    if row.sha256 != receipt.sha256 || row.sealed_sha256 != receipt.sealed_sha256 {
        return Err(missing("the item with these bytes"));
    }
    let same_epoch: Epoch = rooms.catalog.epoch();
    if receipt.epoch == same_epoch && rooms.catalog.leaf(receipt.ledger_index)? != Some(receipt.leaf) {
        return Err(missing("the entry"));
    }
    Ok(())
}

fn decoded(text: &str) -> Result<Vec<u8>, Problem> {
    BASE64.decode(text).map_err(|error| Problem::of(Code::BadRequest, &error))
}

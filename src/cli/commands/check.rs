//! `verify`, `ledger` and `receipt`.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::api::{
    Answer, LedgerVerified, PlaceReport, Problem, Proof, ReceiptChecked, ReceiptRequest, Verified,
    VerifyCopies, VerifyMode, VerifyRequest, routes,
};
use crate::cli::arguments::Verify;
use crate::cli::client::Client;
use crate::cli::exit::Exit;
use crate::cli::language::Messages;
use crate::cli::out::{pairs, plain, size};
use crate::cli::progress::Bar;
use crate::cli::session::{Session, state};
use crate::cli::works::Works;
use crate::model::LedgerIndex;

/// Verifies items.
pub(super) async fn verify<W: Works>(
    session: &mut Session<'_, W>,
    verify: Verify,
) -> Result<Exit, Problem> {
    if let Some(backup) = &verify.backup {
        return super::backup::verify(session, (backup, verify.state)).await;
    }
    let mode = match (verify.sealed, verify.open) {
        (true, _) => VerifyMode::Sealed,
        (false, true) => VerifyMode::Open,
        (false, false) => VerifyMode::Possible,
    };
    let mut client = session.custodian(verify.passphrase_file.as_ref()).await?;
    let copies = if verify.copies { VerifyCopies::Every } else { VerifyCopies::Any };
    let request = VerifyRequest { items: verify.items, mode, copies };
    match verify_once(session, &mut client, &request).await {
        Err(problem) => {
            session.open_custody(&mut client, problem).await?;
            verify_once(session, &mut client, &request).await
        }
        outcome => outcome,
    }
}

async fn verify_once<W: Works>(
    session: &mut Session<'_, W>,
    client: &mut Client,
    request: &VerifyRequest,
) -> Result<Exit, Problem> {
    let lines = client.post_lines(routes::VERIFY, request).await?;
    let bar = Bar::new(session.messages.say("bar-verify"));
    // Whatever is not said to have passed has not been checked. P10
    let mut exit = Exit::NotChecked;
    let people = |verified: &Verified, messages: &Messages| {
        exit = verified.result.into();
        Some(about_verified(verified, messages))
    };
    session.print_lines(lines, &bar, people).await?;
    Ok(exit)
}

fn about_verified(verified: &Verified, messages: &Messages) -> Vec<String> {
    let values = [
        ("answer", answer(verified.result, messages).into()),
        ("items", verified.items.into()),
        ("bytes", size(verified.bytes_read).into()),
    ];
    let mut words = vec![messages.tell("verify-done", &values)];
    if verified.places.len() > 1 {
        words.extend(verified.places.iter().map(|place| about_place(place, messages)));
    }
    for failure in &verified.failures {
        let item = failure.item.map_or_else(|| "-".to_owned(), |item| item.to_string());
        let place =
            failure.place.as_ref().map_or_else(String::new, |place| format!("{}  ", plain(place.as_str())));
        let next = messages.find(&format!("damage-{}", failure.code), &[]);
        let next = next.unwrap_or_else(|| plain(&failure.what_next));
        words.push(format!("  {item}  {place}{}: {next}", plain(&failure.code)));
    }
    words
}

fn about_place(place: &PlaceReport, messages: &Messages) -> String {
    let values = [
        ("place", plain(place.place.as_str()).into()),
        ("whole", place.whole.into()),
        ("damaged", place.damaged.into()),
        ("owed", place.owed.into()),
        ("away", place.away.into()),
    ];
    messages.tell("verify-place", &values)
}

pub(super) fn answer(answer: Answer, messages: &Messages) -> String {
    messages.say(match answer {
        Answer::Pass => "answer-pass",
        Answer::Fail => "answer-fail",
        Answer::NotChecked => "answer-not-checked",
    })
}

/// Reads the ledger whole.
pub(super) async fn ledger<W: Works>(session: &mut Session<'_, W>) -> Result<Exit, Problem> {
    let mut client = session.client().await?;
    let lines = client.post_lines(routes::LEDGER_VERIFY, &()).await?;
    let bar = Bar::new(session.messages.say("bar-ledger"));
    let mut exit = Exit::NotChecked;
    let people = |verified: &LedgerVerified, messages: &Messages| {
        exit = verified.result.into();
        let values = [
            ("answer", answer(verified.result, messages).into()),
            ("size", verified.size.into()),
            ("heads", verified.heads.into()),
            ("bytes", size(verified.bytes_read).into()),
        ];
        Some(vec![messages.tell("ledger-done", &values)])
    };
    session.print_lines(lines, &bar, people).await?;
    Ok(exit)
}

/// Prints the proof of one entry.
pub(super) async fn prove<W: Works>(
    session: &mut Session<'_, W>,
    index: LedgerIndex,
) -> Result<Exit, Problem> {
    let mut client = session.client().await?;
    let document = client.get(&routes::fill(routes::PROOF, &index)).await?;
    session.print(&document, |proof: &Proof, messages| {
        let mut words = vec![
            (messages.say("proof-leaf"), plain(&proof.leaf)),
            (messages.say("proof-size"), proof.size.to_string()),
        ];
        words.extend(proof.proof.iter().map(|hash| (messages.say("proof-hash"), plain(hash))));
        let mut lines = pairs(&words);
        lines.extend(proof.head.lines().map(plain));
        lines
    })?;
    Ok(Exit::Done)
}

/// Checks a receipt and its signature beside it.
pub(super) async fn receipt<W: Works>(session: &mut Session<'_, W>, file: &Path) -> Result<Exit, Problem> {
    let mut signature = file.as_os_str().to_owned();
    signature.push(".sig");
    let request = ReceiptRequest {
        receipt: BASE64.encode(super::bounded(file)?),
        signature: BASE64.encode(super::bounded(&PathBuf::from(signature))?),
    };
    let mut client = session.client().await?;
    let document = client.post(routes::RECEIPT_CHECK, &request).await?;
    let checked = session.print(&document, about_receipt)?;
    Ok(checked.result.into())
}

fn about_receipt(checked: &ReceiptChecked, messages: &Messages) -> Vec<String> {
    let erase = if checked.may_erase { "receipt-may-erase" } else { "receipt-may-not-erase" };
    let values = [
        ("answer", answer(checked.result, messages).into()),
        ("state", state(checked.state, messages).into()),
        ("item", checked.item.to_string().into()),
        ("copies", checked.copies.into()),
    ];
    vec![messages.tell("receipt-done", &values), messages.say(erase)]
}

//! `class`.

use crate::api::Problem;
use crate::api::{ClassAnswer, ClassOutcome, ClassRequest, SecondWord, routes};
use crate::cli::arguments::{Class, Second};
use crate::cli::client::Document;
use crate::cli::commands::items::class_in_words;
use crate::cli::exit::Exit;
use crate::cli::session::Session;
use crate::cli::works::Works;

/// Changes the class of an item, or has a word on it.
pub(super) async fn class<W: Works>(session: &mut Session<'_, W>, class: Class) -> Result<Exit, Problem> {
    let document = match class {
        Class::Set { item, level, term, protections, reason } => {
            let request = ClassRequest {
                level,
                term_years: term,
                protections: protections.map(|protections| protections.0),
                reason,
            };
            session.client().await?.post(&routes::fill(routes::CLASS, &item), &request).await?
        }
        Class::Agree(second) => agree(session, second).await?,
        Class::Decline { item, reason } => {
            let path = routes::fill(routes::CLASS_DECLINE, &item);
            session.client().await?.post(&path, &SecondWord { reason }).await?
        }
    };
    session.print(&document, |answer: &ClassAnswer, messages| {
        let id = match answer.outcome {
            ClassOutcome::Set => "class-set",
            ClassOutcome::Proposed => "class-proposed",
            ClassOutcome::Declined => "class-declined",
        };
        let values = [
            ("item", answer.item.to_string().into()),
            ("class", class_in_words(&answer.class, messages).into()),
            ("generation", answer.generation.to_string().into()),
        ];
        vec![messages.tell(id, &values)]
    })?;
    Ok(Exit::Done)
}

/// Lowering opens the item's key.
async fn agree<W: Works>(session: &Session<'_, W>, second: Second) -> Result<Document, Problem> {
    let path = routes::fill(routes::CLASS_AGREE, &second.item);
    let word = SecondWord { reason: second.reason };
    let mut client = session.custodian(second.passphrase_file.as_ref()).await?;
    match client.post(&path, &word).await {
        Err(problem) if second.passphrase_file.is_none() => {
            session.open_custody(&mut client, problem).await?;
            client.post(&path, &word).await
        }
        answered => answered,
    }
}

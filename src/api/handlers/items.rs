//! Finding and showing.

use std::ops::ControlFlow;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::Response;

use super::{Shared, blocking, id};
use crate::api::{Code, Filter, FoundRow, Lines, Problem, ShownItem, Sought};
use crate::catalog;
use crate::model::ItemId;
use crate::seal::Role;

pub(super) async fn find(State(rooms): State<Shared>, Sought(filter): Sought<Filter>) -> Response {
    let (mut lines, answer) = Lines::<FoundRow>::open();
    let wanted = catalog::Filter {
        text: filter.text,
        name: None,
        kind: filter.kind,
        dock: filter.dock,
        state: filter.state,
        sha256: filter.sha256,
        since: filter.since,
        until: filter.until,
        item: None,
    };
    tokio::spawn(async move {
        let found = blocking(move || {
            let sight = rooms.secrecy.sight();
            let found =
                rooms.catalog.find((&wanted, &sight), &mut |row| match lines.blocking_result(row) {
                    Ok(()) => ControlFlow::Continue(()),
                    Err(_) => ControlFlow::Break(()),
                });
            Ok::<_, Problem>((found, lines))
        });
        match found.await {
            Ok((Ok(_), lines)) => lines.end().await,
            Ok((Err(error), lines)) => lines.stop(error.into()).await,
            // The lines went down with the search: the reader learns that the answer is not whole.
            Err(problem) => tracing::error!(error = %problem, "a search failed"),
        }
    });
    answer
}

pub(super) async fn show(
    State(rooms): State<Shared>,
    Path(item): Path<String>,
) -> Result<Json<ShownItem>, Problem> {
    let item: ItemId = id(&item)?;
    let shown = blocking(move || {
        let Some(mut shown) = rooms.catalog.show(item, &rooms.secrecy.sight())? else { return Ok(None) };
        for derivative in &mut shown.derivatives {
            let mut paths = rooms
                .evidence
                .vault()
                .places()
                .map(|place| place.sealed(Role::Derivative, derivative.item));
            let path = paths.find(|path| path.exists());
            derivative.path = path.map(|path| path.to_string_lossy().into_owned());
        }
        Ok::<_, catalog::Error>(Some(shown))
    });
    let none = || Problem::new(Code::NotFound, format!("there is no item {item}"));
    shown.await?.map(Json).ok_or_else(none)
}

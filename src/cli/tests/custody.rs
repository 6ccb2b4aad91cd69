//! Passphrases and shares: where they are asked for, and whom they reach.

use super::getting::read;
use super::*;

#[tokio::test]
async fn shares_are_text_or_files_that_hold_it() {
    async fn echo(Asked(request): Asked<crate::api::DrillRequest>) -> Problem {
        Problem::new(Code::MissingShares, request.shares.join(" "))
    }
    let home = Home::new();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("share-1");
    std::fs::write(&file, "sealdock-share-1-a\n").expect("written");
    let router = Router::new().route(routes::DRILL, post(echo));
    let line = ["keys", "drill", ITEM, file.to_str().expect("a plain name"), "sealdock-share-1-b"];
    let ended = home.ask(router, &line).await;
    assert_eq!(ended.exit, 1);
    assert!(ended.err.contains("sealdock-share-1-a sealdock-share-1-b"), "{}", ended.err);
}

/// An archive whose custody opens for one passphrase.
fn locked() -> Router {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    let open = Arc::new(AtomicBool::new(false));
    let opened = Arc::clone(&open);
    let unlock = move |Asked(request): Asked<UnlockRequest>| async move {
        if request.passphrase != "sesame" {
            return Problem::new(Code::WrongPassphrase, "no").into_response();
        }
        opened.store(true, Ordering::SeqCst);
        axum::Json(CustodyNow { custody: CustodyState::Open }).into_response()
    };
    let reading = move |request: Asked<ReadingRequest>| async move {
        if open.load(Ordering::SeqCst) {
            read(request).await
        } else {
            Problem::new(Code::CustodyClosed, "locked").into_response()
        }
    };
    Router::new().route(routes::UNLOCK, post(unlock)).route(routes::READING, post(reading))
}

#[tokio::test]
async fn a_passphrase_is_asked_for_on_a_terminal_only() {
    let home = Home::new();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("clip");
    let line = ["get", ITEM, "-o", path.to_str().expect("a plain name"), "--purpose", "p"];
    for (typed, exit) in [(None, 5), (Some("sesame"), 0), (Some("wrong"), 1)] {
        assert_eq!(home.ask_with(locked(), &Typist(typed), &line).await.exit, exit, "{typed:?}");
    }
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "sesame\n").expect("written");
    let line = [&line[..], &["--passphrase-file", secret.to_str().expect("a plain name")]].concat();
    assert_eq!(home.ask(locked(), &line).await.exit, 0);
}

#[tokio::test]
async fn keys_unlock_needs_a_daemon_and_hands_the_passphrase_over_its_socket() {
    let home = Home::new();
    let alone = home.ask_with(locked(), &Typist(Some("sesame")), &["keys", "unlock"]).await;
    assert_eq!(alone.exit, 1);
    assert!(alone.err.contains("daemon"), "{}", alone.err);

    let lock = HomeLock::for_daemon(home.0.path()).await.expect("free");
    let listener = socket::listen(&lock).expect("bound");
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = socket::serve(listener, &lock, house(locked(), me()), async { drop(stopped.await) });
    let asking = async {
        let nobody = Router::new;
        let silent = home.ask(nobody(), &["keys", "unlock"]).await;
        let wrong = home.ask_with(nobody(), &Typist(Some("wrong")), &["keys", "unlock"]).await;
        let right = home.ask_with(nobody(), &Typist(Some("sesame")), &["keys", "unlock", "--json"]).await;
        assert_eq!((silent.exit, wrong.exit, right.exit), (1, 1, 0), "{}", right.err);
        assert_eq!(right.out, "{\"custody\":\"open\"}\n");
        let rebuild = home.ask(nobody(), &["rebuild"]).await;
        assert_eq!(rebuild.exit, 1, "never beneath a live daemon");
        stop.send(()).expect("serving");
    };
    let (served, ()) = tokio::join!(serving, asking);
    served.expect("served");
}

#[tokio::test]
async fn init_touches_nothing_that_exists_and_keeps_shares_out_of_the_home() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let home = folder.path().join("archive");
    let path = home.to_str().expect("a plain name");
    let fake = Fake(Router::new());
    let made = command(&fake, &Typist(None), &["--home", path, "init", "--unattended", "--json"]).await;
    assert_eq!(made.exit, 0, "{}", made.err);
    let json: Made = serde_json::from_str(&made.out).expect("one document");
    assert_eq!(json.shares, [folder.path().join("archive.shares/share-1")]);

    let inside = home.join("shares");
    let inside = inside.to_str().expect("a plain name");
    let line = ["--home", path, "init", "--unattended", "--shares", inside];
    assert_eq!(command(&fake, &Typist(None), &line).await.exit, 2);
    assert_eq!(command(&fake, &Typist(None), &["--home", path, "init"]).await.exit, 1, "nobody to ask");
    let line = ["--home", path, "init", "--profile", "plane", "--unattended"];
    assert_eq!(command(&fake, &Typist(None), &line).await.exit, 2);
    assert_eq!(command(&fake, &Typist(Some("open sesame")), &["--home", path, "init"]).await.exit, 0);

    std::fs::create_dir(&home).expect("made");
    assert_eq!(
        command(&fake, &Typist(None), &["--home", path, "init", "--unattended"]).await.exit,
        0,
        "empty"
    );
    std::fs::write(home.join("x"), "").expect("written");
    let ended = command(&fake, &Typist(None), &["--home", path, "init", "--unattended"]).await;
    assert_eq!(ended.exit, 1, "{}", ended.err);
}

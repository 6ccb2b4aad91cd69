use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, StatusCode};
use axum::response::Response;
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use super::*;

const OWNER: Owner = Owner(1000);

async fn ask(path: &str, caller: Option<Caller>) -> Response {
    let mut request = Request::get(path).body(Body::empty()).expect("a request");
    if let Some(caller) = caller {
        request.extensions_mut().insert(ConnectInfo(caller));
    }
    house(Router::new(), OWNER).oneshot(request).await.expect("routers always answer")
}

async fn problem(response: Response) -> Problem {
    assert_eq!(response.headers()["content-type"], Problem::MEDIA_TYPE);
    let body = response.into_body().collect().await.expect("a body").to_bytes();
    serde_json::from_slice(&body).expect("a problem")
}

#[tokio::test]
async fn the_owner_and_root_are_answered_and_nobody_else() {
    for caller in [Caller::User(1000), Caller::User(0)] {
        assert_eq!(ask(routes::HEALTH, Some(caller)).await.status(), StatusCode::OK);
    }
    for caller in [Some(Caller::User(1001)), Some(Caller::Unknown), None] {
        let response = ask(routes::HEALTH, caller).await;
        assert_eq!(response.status(), StatusCode::FORBIDDEN);
        assert_eq!(problem(response).await.code, Code::NotAllowed);
    }
}

#[tokio::test]
async fn what_is_not_there_is_a_problem_too() {
    let response = ask("/api/v2", Some(Caller::User(0))).await;
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    assert_eq!(problem(response).await.code, Code::NotFound);
}

#[tokio::test]
async fn a_stranger_cannot_tell_which_routes_exist() {
    assert_eq!(ask("/api/v2", Some(Caller::User(7))).await.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn lines_say_their_end_or_why_they_stopped() {
    let (mut lines, response) = Lines::open();
    lines.result(1_u32).await.expect("heard");
    lines.progress(Progress { done: 1, ..Progress::default() });
    lines.end().await;
    let body = response.into_body().collect().await.expect("a body").to_bytes();
    let text = std::str::from_utf8(&body).expect("JSON");
    assert_eq!(
        text,
        "{\"result\":1}\n{\"progress\":{\"done\":1,\"bytes\":0}}\n{\"end\":{\"results\":1}}\n"
    );

    let (lines, response) = Lines::<u32>::open();
    lines.stop(Problem::new(Code::NoSpace, "full")).await;
    let body = response.into_body().collect().await.expect("a body").to_bytes();
    let line: Line<u32> = serde_json::from_slice(&body).expect("a line");
    assert_eq!(line, Line::Problem(Problem::new(Code::NoSpace, "full")));
}

#[tokio::test]
async fn a_writer_learns_that_its_reader_is_gone() {
    let (mut lines, response) = Lines::open();
    drop(response);
    assert_eq!(lines.result(1_u32).await, Err(Gone));
}

#[test]
fn a_deposit_line_has_the_words_that_scripts_rely_on() {
    let line = DepositLine {
        path: "a.mp4".to_owned(),
        path_raw: None,
        state: crate::model::State::Waiting,
        reasons: vec![crate::model::Reason::Changed],
        taken: None,
    };
    let json = serde_json::to_string(&line).expect("serializes");
    assert_eq!(json, r#"{"path":"a.mp4","state":"waiting","reasons":["changed"]}"#);
    assert_eq!(serde_json::from_str::<DepositLine>(&json).expect("reads back"), line);
}

#[test]
fn facts_before_the_probe_are_pending() {
    let json = serde_json::to_value(ShownFacts::pending()).expect("serializes");
    assert_eq!(json["probe"]["result"], "pending");
    assert!(json["container"].is_null() && json["streams"].is_null());
    let back: ShownFacts = serde_json::from_value(json).expect("reads back");
    assert_eq!(back, ShownFacts::pending());
}

#[test]
fn names_keep_their_bytes() {
    let name = NameText::from(&crate::model::RawName::new(&b"\xff.mp4"[..]));
    assert_eq!(name.raw.as_deref(), Some("/y5tcDQ="));
    assert_eq!(NameText::from(&crate::model::RawName::new("a")).raw, None);
}

#[test]
fn paths_are_filled_in() {
    assert_eq!(routes::fill(routes::READING, &7), "/api/v1/items/7/reading");
}

#[tokio::test]
async fn a_body_that_cannot_be_understood_is_a_bad_request() {
    async fn drill(Asked(request): Asked<DrillRequest>) -> String {
        request.shares.len().to_string()
    }
    let app = house(Router::new().route("/drill", axum::routing::post(drill)), OWNER);
    for (body, status) in [
        (r#"{"item":"01890000-0000-7000-8000-000000000000","shares":["a"]}"#, StatusCode::OK),
        (r#"{"item":"x","shares":[]}"#, StatusCode::BAD_REQUEST),
        ("{", StatusCode::BAD_REQUEST),
    ] {
        let mut request = Request::post("/drill").body(Body::from(body)).expect("a request");
        request.extensions_mut().insert(ConnectInfo(Caller::User(0)));
        let response = app.clone().oneshot(request).await.expect("routers always answer");
        assert_eq!(response.status(), status, "{body}");
    }
}

#[test]
fn codes_are_what_json_says() {
    for code in Code::ALL {
        assert_eq!(serde_json::to_string(code).expect("serializes"), format!("{:?}", code.code()));
    }
}

//! `get`: whole files, parts, and nothing where the bytes are not what was sealed.

use super::*;

const CLIP: &[u8] = b"a clip, byte for byte";

fn sha256(bytes: &[u8]) -> Sha256 {
    use sha2::Digest as _;
    Sha256(sha2::Sha256::digest(bytes).into())
}

fn headers(sha256: Sha256) -> [(&'static str, String); 2] {
    [(crate::api::READING_SIZE, CLIP.len().to_string()), (crate::api::READING_SHA256, sha256.to_string())]
}

pub(super) async fn read(Asked(request): Asked<ReadingRequest>) -> Response {
    let end = request.to.map_or(CLIP.len(), |to| usize::try_from(to).expect("small").min(CLIP.len()));
    let from = usize::try_from(request.from).expect("small");
    (headers(sha256(CLIP)), CLIP[from..end].to_vec()).into_response()
}

fn entries(folder: &tempfile::TempDir) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder.path()).expect("listed");
    entries.map(|entry| entry.expect("an entry").path()).collect()
}

#[tokio::test]
async fn get_writes_the_bytes_whole_or_in_part() {
    let home = Home::new();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("clip");
    let file = path.to_str().expect("a plain name");
    let router = || Router::new().route(routes::READING, post(read));
    let whole = home.ask(router(), &["get", ITEM, "-o", file, "--purpose", "case 7", "--json"]).await;
    assert_eq!(whole.exit, 0, "{}", whole.err);
    assert_eq!(std::fs::read(&path).expect("read"), CLIP);
    let json: serde_json::Value = serde_json::from_str(&whole.out).expect("one document");
    assert_eq!(json["sha256"], sha256(CLIP).to_string());

    for (range, bytes) in [("2-5", &CLIP[2..6]), ("2-", &CLIP[2..]), ("0-999", CLIP)] {
        let part = home.ask(router(), &["get", ITEM, "-o", file, "--purpose", "p", "--range", range]).await;
        assert_eq!(part.exit, 0, "{}", part.err);
        assert_eq!(std::fs::read(&path).expect("read"), bytes);
    }
    assert_eq!(entries(&folder), [path], "no temporary stays");
}

#[tokio::test]
async fn what_is_not_what_was_sealed_is_never_left_in_a_file() {
    async fn other() -> Response {
        (headers(Sha256([0; 32])), CLIP.to_vec()).into_response()
    }
    async fn breaks_off() -> Response {
        let pieces = [Ok(CLIP[..4].to_vec()), Err(io::Error::other("a segment does not open"))];
        let body = axum::body::Body::from_stream(futures::stream::iter(pieces));
        (headers(sha256(CLIP)), body).into_response()
    }
    let home = Home::new();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("clip");
    let file = path.to_str().expect("a plain name");
    let other = Router::new().route(routes::READING, post(other));
    let broken = |result| verifying(result).route(routes::READING, post(breaks_off));
    for (router, exit) in [(other, 3), (broken(Answer::Fail), 3), (broken(Answer::Pass), 1)] {
        let ended = home.ask(router, &["get", ITEM, "-o", file, "--purpose", "p"]).await;
        assert_eq!(ended.exit, exit, "{}", ended.err);
        assert_eq!(entries(&folder), Vec::<PathBuf>::new());
    }
}

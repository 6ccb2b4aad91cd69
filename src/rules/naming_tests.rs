use proptest::prelude::*;

use super::*;

fn shipped() -> &'static Naming {
    static SHIPPED: std::sync::OnceLock<Naming> = std::sync::OnceLock::new();
    SHIPPED.get_or_init(|| Naming::shipped().expect("the shipped profiles are sound"))
}

fn classified(path: &[u8]) -> Named {
    shipped().patterns.classify(&RawName::new(path))
}

fn pattern_of(path: &str) -> Option<String> {
    classified(path.as_bytes()).hints.map(|hints| hints.pattern)
}

fn says(path: &str) -> Option<String> {
    classified(path.as_bytes()).clock.map(|clock| clock.says)
}

#[test]
fn every_example_of_the_profile_is_used_as_its_pattern_says() {
    let written: Written = toml::from_str(SHIPPED).expect("the shipped profile is TOML");
    let patterns = &shipped().patterns;
    assert_eq!(written.pattern.len(), 14);
    assert_eq!(written.pattern.iter().map(|pattern| pattern.examples.len()).sum::<usize>(), 79);
    for pattern in written.pattern {
        for example in pattern.examples {
            let named = patterns.classify(&RawName::new(example.as_str()));
            match pattern.used {
                Use::Ignore => assert!(named.ignored.is_some(), "{example}"),
                Use::Sidecar => assert!(named.sidecar_of.is_some(), "{example}"),
                Use::Media => assert!(named.hints.is_some(), "{example}"),
            }
        }
    }
}

#[test]
fn overlaps_are_resolved_by_order() {
    assert_eq!(pattern_of("REC_20190912_091530.m4a").as_deref(), Some("phone"));
    let idx = classified(b"2019-09-12/001/dav/09/09.15.30-09.20.30[M][0@0][0].idx");
    assert_eq!(idx.sidecar_of, Some(RawName::new("09.15.30-09.20.30[M][0@0][0]")));
    assert_eq!(idx.hints.expect("the folder is Dahua's").pattern, "dahua");
}

#[test]
fn sidecars_have_the_hints_of_their_stem() {
    let named = classified(b"d/DCAM_CAM001_000001_20260804_100000.mp4.md5");
    assert_eq!(named.sidecar_of, Some(RawName::new("DCAM_CAM001_000001_20260804_100000.mp4")));
    let hints = named.hints.expect("the stem is a name of DCAM");
    assert_eq!(hints.fields["ext"], "mp4");
    assert_eq!(hints.fields["tok1"], "CAM001");
    assert_eq!(named.clock.expect("it holds a time").says, "2026-08-04T10:00:00");
}

#[test]
fn clocks_are_read_as_written_and_dates_must_exist() {
    for (path, wanted) in [
        ("0012345_530123_20190912091530.mp4", Some("2019-09-12T09:15:30")),
        ("20190912091530123_0012345_530123_IMP.mp4", Some("2019-09-12T09:15:30.123")),
        ("530123/2019-09-12/IMP/091530_IMP.mp4", Some("2019-09-12T09:15:30")),
        ("2019-09-12/002/dav/23/23.59.10-00.04.10[F][0@0][0].dav", Some("2019-09-12T23:59:10")),
        ("190912_0915.mp3", Some("2019-09-12T09:15")),
        ("0012345_530123_20190231091530.mp4", None),
        ("seg_10005.mp4", None),
        ("DSC01234.JPG", None),
        ("anything.mp4", None),
    ] {
        assert_eq!(says(path).as_deref(), wanted, "{path}");
    }
    assert!(pattern_of("0012345_530123_20190231091530.mp4").is_some(), "the hints stay");
}

#[test]
fn only_digits_of_ascii_are_digits() {
    assert_eq!(pattern_of("０01２345_530123_2019０912091530.mp4"), None);
}

#[test]
fn names_in_other_encodings_are_names() {
    let named = classified(b"\xc4\xe3\xba\xc3/\xcf\xd6\xb3\xa1.md5");
    assert_eq!(named.sidecar_of, Some(RawName::new(&b"\xcf\xd6\xb3\xa1"[..])));
    assert_eq!(classified(b"\xcf\xd6.mp4.part").ignored, Some(Reason::InProgressName));
    assert_eq!(classified(b"a\nb.md5").sidecar_of, Some(RawName::new("a\nb")));
    assert_eq!(classified(b"20190912/\xff/x.mp4").hints, None);
}

#[test]
fn vendor_encrypted_originals_are_opaque() {
    let naming = shipped();
    let kind = |name: &str| {
        let name = RawName::new(name);
        naming.kind_of(&name, &naming.patterns.classify(&name)).kind
    };
    assert_eq!(kind("DCAM_CAM00001_000001_20260804_100001_IMP_enc.mp4"), Kind::Opaque);
    assert_eq!(kind("DCAM_CAM00001_000001_20260804_100001_IMP_enc.mp4.md5"), Kind::Sidecar);
    assert_eq!(kind("DCAM_CAM00001_000001_20260804_100001_IMP.mp4"), Kind::Video);
}

fn profile(id: &str, used: &str, regex: &str, example: &str) -> String {
    format!(
        "[[pattern]]\nid = {id:?}\ntitle = \"t\"\nuse = {used:?}\non = \"name\"\nregex = {regex:?}\nexamples = [{example}]\n"
    )
}

#[test]
fn unsound_profiles_are_refused() {
    let refused = |text: &str| Patterns::from_toml(text).expect_err("unsound");
    assert!(matches!(refused("[[pattern]]\nid = 3"), Error::Syntax { .. }));
    assert!(matches!(refused(&profile("a", "media", "(", "\"x\"")), Error::Pattern { .. }));
    assert!(matches!(refused(&profile("a", "media", "x", "")), Error::NoExample { .. }));
    assert!(matches!(refused(&profile("a", "media", "x", "\"y\"")), Error::Example { .. }));
    assert!(matches!(refused(&profile("a", "sidecar", "x", "\"x\"")), Error::NoStem { .. }));
    let twice = profile("a", "media", "x", "\"x\"").repeat(2);
    assert!(matches!(refused(&twice), Error::Repeated { .. }));
}

proptest! {
    #[test]
    fn no_name_is_too_strange(path: Vec<u8>) {
        let naming = shipped();
        let path = RawName::new(path);
        let named = naming.patterns.classify(&path);
        let _ = naming.kind_of(&path, &named);
        prop_assert!(named.clock.is_none() || named.hints.is_some());
        prop_assert_eq!(named.ignored.is_some(), naming.patterns.ignored(&path).is_some());
    }
}

//! `class`.

use super::{Served, keys, text};
use crate::support::TestArchive;

#[test]
fn a_class_is_raised_at_once_and_lowered_by_two() {
    for served in Served::BOTH {
        let archive = TestArchive::new();
        let item = archive.deposit(&archive.write("clip.bin", b"bytes")).remove(0);
        let item = text(&item, "item");
        let _daemon = served.serve(&archive);
        let set = |more: &[&str]| {
            let line = [&["class", "set", item, "--json"], more].concat();
            archive.run(&line)
        };
        let raised = set(&["--protections", "privacy,commercial", "--reason", "a patient"]).ends(0).json();
        assert_eq!(keys(&raised), ["generation", "item", "level", "outcome", "protections"]);
        assert_eq!(text(&raised, "outcome"), "set");
        assert_eq!(raised["protections"], serde_json::json!(["commercial", "privacy"]));
        assert_eq!(raised["generation"], 2);
        let shown = archive.show(item);
        assert_eq!(shown["protections"], raised["protections"]);
        assert_eq!(shown["level"], "none");
        assert_eq!(shown["keys"][0]["domains"], serde_json::json!(["general", "commercial", "personal"]));
        assert_eq!(archive.get(item), b"bytes");
        archive.run(&["verify", "--all", "--open"]).ends(0);

        let proposed = set(&["--protections", "privacy", "--reason", "no secret"]).ends(0).json();
        assert_eq!(text(&proposed, "outcome"), "proposed");
        assert_eq!(proposed["generation"], 2, "nothing changed yet");
        let own = archive.run(&["class", "agree", item, "--reason", "surely"]).ends(5);
        assert!(own.err.contains("Nobody agrees"), "{}", own.err);
        let declined = archive.run(&["class", "decline", item, "--reason", "as it was", "--json"]).ends(0);
        assert_eq!(text(&declined.json(), "outcome"), "declined");
        let nothing = archive.run(&["class", "agree", item, "--reason", "surely"]).ends(1);
        assert!(nothing.err.contains("no proposal"), "{}", nothing.err);
        let same = set(&["--reason", "nothing else"]).ends(1);
        assert!(same.err.contains("so already"), "{}", same.err);

        for (line, code) in [
            (&["class", "set", item, "--protections", "secret", "--reason", "x"][..], 2),
            (&["class", "set", item, "--level", "highly", "--reason", "x"], 2),
            (&["class", "set", item, "--term", "31", "--reason", "x"], 2),
            (&["class", "set", item, "--level", "secret"], 2),
        ] {
            archive.run(line).ends(code);
        }
        archive.run(&["ledger", "verify"]).ends(0);
    }
}

#[test]
fn what_is_above_the_ceiling_is_not_there_for_anybody() {
    let archive = TestArchive::new();
    let line = archive.deposit(&archive.write("clip.bin", b"bytes")).remove(0);
    let item = text(&line, "item");
    let _daemon = archive.daemon();
    let spilled =
        archive.run(&["class", "set", item, "--level", "top_secret", "--term", "40", "--reason", "x"]);
    spilled.ends(2);
    let spilled =
        archive.run(&["class", "set", item, "--level", "highly_secret", "--reason", "a map", "--json"]);
    assert_eq!(spilled.ends(0).json()["term_years"], 20, "the longest that the law allows");
    assert!(archive.items().is_empty());
    let none = "01970000-0000-7000-8000-000000000000";
    let said = |item: &str| {
        let to = archive.beside("got");
        let to = to.to_str().expect("UTF-8");
        ["show", "get", "class"].map(|command| {
            let line: &[&str] = match command {
                "show" => &["show", item],
                "get" => &["get", item, "-o", to, "--purpose", "case 7"],
                _ => &["class", "set", item, "--level", "none", "--reason", "x"],
            };
            archive.run(line).ends(1).err.replace(item, "ITEM")
        })
    };
    assert_eq!(said(item), said(none), "not there and not for you look the same");
    archive.run(&["verify", "--all", "--sealed"]).ends(0);
}

#[test]
fn a_node_that_may_hold_secrets_shows_them() {
    let archive = TestArchive::new();
    archive.set("[node]\nmax_secrecy = \"secret\"");
    let line = archive.deposit(&archive.write("clip.bin", b"bytes")).remove(0);
    let item = text(&line, "item");
    archive.run(&["class", "set", item, "--level", "secret", "--term", "5", "--reason", "a map"]).ends(0);
    let shown = archive.show(item);
    assert_eq!((&shown["level"], &shown["term_years"]), (&"secret".into(), &5.into()));
    assert_eq!(shown["keys"][0]["domains"], serde_json::json!(["general", "state"]));
    assert_eq!(archive.get(item), b"bytes");
    let people = archive.run(&["show", item]).ends(0);
    assert!(people.out.contains("secret ★ 5 years"), "{}", people.out);
    archive.run(&["class", "set", item, "--level", "highly_secret", "--reason", "more"]).ends(0);
    assert!(archive.items().is_empty());
}

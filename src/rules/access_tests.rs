//! The whole matrix of every shipped profile, against another reading of the same table: here by hand from its TOML,
//! line by line, as a person would.

use toml::{Table, Value};

use super::*;

const PROFILES: [(&str, &str); 2] = [
    ("plain", include_str!("../../config/profiles/plain.toml")),
    ("cn-health-county", include_str!("../../config/profiles/cn-health-county.toml")),
];

fn profiles() -> impl Iterator<Item = (&'static str, Matrix, Vec<Table>)> {
    PROFILES.into_iter().map(|(name, text)| {
        let whole: Table = toml::from_str(text).expect("TOML");
        let lines = whole["access"].as_array().expect("rules").iter();
        let lines: Vec<Table> = lines.map(|line| line.as_table().expect("a rule").clone()).collect();
        let matrix = whole["access"].clone().try_into().expect("a matrix");
        (name, matrix, lines)
    })
}

fn question<'a>(
    roles: &'a [Role],
    action: Action,
    class: &'a Class,
    clearance: &'a Clearance,
) -> Question<'a> {
    Question {
        roles,
        clearance,
        relation: Relation::Other,
        action,
        class,
        purpose: Purpose::Other,
        approved_by: &[],
        ceiling: Level::TopSecret,
    }
}

fn everything() -> Clearance {
    Clearance { level: Level::TopSecret, protections: Protection::ALL.to_vec() }
}

/// What the table says, in words: `allow`, `refuse`, or the approvers that are missing.
fn by_hand(lines: &[Table], role: Role, question: &Question<'_>) -> String {
    let has = |line: &Table, key: &str, code: &str| match line.get(key) {
        None => true,
        Some(Value::Array(codes)) => codes.iter().any(|one| one.as_str() == Some(code)),
        Some(other) => panic!("{key} is no list: {other}"),
    };
    let mut sides: Vec<&str> = question.class.protections().iter().map(|one| one.code()).collect();
    if question.class.level() != Level::None {
        sides.push(question.class.level().code());
    }
    if sides.is_empty() {
        sides.push("open");
    }
    let mut missing: Vec<String> = Vec::new();
    for side in sides {
        let line = lines.iter().find(|line| {
            has(line, "roles", role.code())
                && has(line, "relations", question.relation.code())
                && has(line, "actions", question.action.code())
                && has(line, "classes", side)
                && has(line, "purposes", question.purpose.code())
        });
        match line.map(|line| line["outcome"].as_str().expect("a word")) {
            Some("allow") => {}
            Some("approval") => {
                for approver in line.expect("found")["approvers"].as_array().expect("a list") {
                    let approver = approver.as_str().expect("a role");
                    let given = question.approved_by.iter().any(|role| role.code() == approver);
                    if !given && !missing.iter().any(|one| one == approver) {
                        missing.push(approver.to_owned());
                    }
                }
            }
            Some(_) | None => return "refuse".to_owned(),
        }
    }
    if missing.is_empty() { "allow".to_owned() } else { missing.join(" ") }
}

fn in_words(verdict: &Verdict<'_>) -> String {
    match verdict {
        Verdict::Allowed { .. } => "allow".to_owned(),
        Verdict::Needs { approvers, .. } => {
            approvers.iter().map(|role| role.code()).collect::<Vec<_>>().join(" ")
        }
        Verdict::Refused(_) => "refuse".to_owned(),
    }
}

#[test]
fn every_role_relation_class_action_and_approval_is_decided_as_the_table_says() {
    let approvals: [&[Role]; 5] = [
        &[],
        &[Role::AgencyHead],
        &[Role::LegalReviewer],
        &[Role::Archivist],
        &[Role::LegalReviewer, Role::AgencyHead],
    ];
    let clearance = everything();
    let classes: Vec<Class> = Class::all().collect();
    for (name, matrix, lines) in profiles() {
        let mut outcomes = std::collections::BTreeSet::new();
        for role in Role::ALL {
            for action in Action::ALL {
                for class in &classes {
                    for relation in Relation::ALL {
                        for purpose in [Purpose::Handling, Purpose::Review, Purpose::Other] {
                            for approved_by in approvals {
                                let roles = [*role];
                                let question = Question {
                                    relation: *relation,
                                    purpose,
                                    approved_by,
                                    ..question(&roles, *action, class, &clearance)
                                };
                                let decided = in_words(&matrix.decide(&question));
                                assert_eq!(
                                    decided,
                                    by_hand(&lines, *role, &question),
                                    "{name}: {question:?}"
                                );
                                outcomes.insert(decided);
                            }
                        }
                    }
                }
            }
        }
        assert!(outcomes.contains("allow") && outcomes.contains("refuse"), "{name}: {outcomes:?}");
        assert!(outcomes.len() > 2, "{name} asks for no approval: {outcomes:?}");
    }
}

#[test]
fn the_three_members_open_no_evidence_by_being_one() {
    let clearance = everything();
    for (name, matrix, _) in profiles() {
        for class in Class::all() {
            for action in [Action::SeePoster, Action::View, Action::Copy, Action::Export] {
                let roles = [Role::SysAdmin, Role::SecAdmin, Role::Auditor];
                let verdict = matrix.decide(&question(&roles, action, &class, &clearance));
                assert!(matches!(verdict, Verdict::Refused(_)), "{name}: {action} of {class:?}");
            }
        }
    }
}

#[test]
fn under_the_strict_profile_nobody_takes_bytes_away_on_their_own_word() {
    let clearance = everything();
    let (_, matrix, _) = profiles().find(|(name, ..)| *name == "cn-health-county").expect("ships");
    for class in Class::all() {
        for relation in Relation::ALL {
            for action in [Action::Copy, Action::Export] {
                let asked =
                    Question { relation: *relation, ..question(Role::ALL, action, &class, &clearance) };
                assert!(!matrix.decide(&asked).is_allowed(), "{action} of {class:?}");
            }
        }
    }
}

#[test]
fn a_stricter_class_never_allows_more() {
    let clearance = everything();
    let classes: Vec<Class> = Class::all().collect();
    for (name, matrix, _) in profiles() {
        for role in Role::ALL {
            for action in Action::ALL {
                let rank = |class: &Class| {
                    let roles = [*role];
                    matrix.decide(&question(&roles, *action, class, &clearance)).rank()
                };
                let ranks: Vec<usize> = classes.iter().map(rank).collect();
                for (class, strict) in classes.iter().zip(&ranks) {
                    for (other, loose) in classes.iter().zip(&ranks) {
                        assert!(
                            strict >= loose || !class.is_at_least(other),
                            "{name}: {role} may {action} {class:?} more easily than {other:?}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn ceiling_and_clearance_come_before_every_rule() {
    let (_, matrix, _) = profiles().next().expect("ships");
    let secret = Class::new(Level::Secret, None, Vec::new());
    let clearance = everything();
    let archivist = [Role::Archivist];
    let asked = question(&archivist, Action::List, &secret, &clearance);
    assert!(matrix.decide(&asked).is_allowed());
    let low = Question { ceiling: Level::None, ..asked };
    assert_eq!(matrix.decide(&low), Verdict::Refused(Refusal::AboveCeiling));
    let staff = Clearance::staff();
    let beyond = Question { clearance: &staff, ..asked };
    assert_eq!(matrix.decide(&beyond), Verdict::Refused(Refusal::BeyondClearance));
    assert_eq!(matrix.decide(&Question { roles: &[], ..asked }), Verdict::Refused(Refusal::NoRule));
}

#[test]
fn several_roles_act_in_the_one_that_allows_most() {
    let (_, matrix, _) = profiles().find(|(name, ..)| *name == "cn-health-county").expect("ships");
    let class = Class::protected(vec![Protection::Privacy]);
    let clearance = Clearance::staff();
    let decide =
        |roles: &[Role]| in_words(&matrix.decide(&question(roles, Action::View, &class, &clearance)));
    assert_eq!(decide(&[Role::Handler]), "agency_head");
    assert_eq!(decide(&[Role::AgencyHead]), "allow");
    assert_eq!(decide(&[Role::Handler, Role::AgencyHead]), "allow");
    assert_eq!(decide(&[Role::SysAdmin]), "refuse");
}

#[test]
fn what_is_listed_are_the_classes_that_may_be_listed() {
    let (_, matrix, _) = profiles().find(|(name, ..)| *name == "cn-health-county").expect("ships");
    let listed = |role, ceiling| matrix.listed(&[role], &Clearance::staff(), (Relation::Other, ceiling));
    assert_eq!(listed(Role::Handler, Level::None), [0, 1], "open and work");
    assert_eq!(listed(Role::Archivist, Level::None).len(), 32, "all without a level");
    assert!(listed(Role::Dock, Level::None).is_empty());
    let cleared = matrix.listed(&[Role::Archivist], &everything(), (Relation::Other, Level::Secret));
    assert_eq!(cleared.len(), 64);
}

#[test]
fn a_matrix_that_contradicts_itself_is_refused() {
    let read = |rule: &str| {
        toml::from_str::<Table>(rule).expect("TOML")["access"]
            .clone()
            .try_into::<Matrix>()
            .map_err(|e| e.to_string())
    };
    let rule = |rest: &str| format!("[[access]]\nroles = [\"handler\"]\ncite = \"x\"\n{rest}");
    assert!(read(&rule("actions = [\"view\"]\noutcome = \"allow\"")).is_ok());
    for (rest, said) in [
        ("actions = [\"view\"]\noutcome = \"approval\"", "approvers"),
        ("actions = [\"view\"]\noutcome = \"allow\"\napprovers = [\"archivist\"]", "approvers"),
        ("actions = [\"list\"]\noutcome = \"approval\"\napprovers = [\"archivist\"]", "listing"),
        ("actions = []\noutcome = \"allow\"", "fits nothing"),
        ("actions = [\"look\"]\noutcome = \"allow\"", "look"),
        ("actions = [\"view\"]\noutcome = \"allow\"\nclass = [\"open\"]", "class"),
    ] {
        let error = read(&rule(rest)).expect_err(rest);
        assert!(error.contains(said), "{error}");
    }
}

#[test]
fn nobody_is_their_own_second() {
    let name = |name: &str| name.parse::<PrincipalName>().expect("a name");
    assert!(may_second(&name("wang"), &name("li")));
    assert!(!may_second(&name("wang"), &name("wang")));
}

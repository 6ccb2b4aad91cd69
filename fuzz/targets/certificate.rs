//! A certificate that the root signed: what is taken is canonical, of this archive and root, and lies
//! under its own name. The input is the document.
#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use sealdock::keys::{Error, Keyring};
use sealdock_fuzz::{House, is_canonical};
use serde_json::Value;

/// Archive and root of fixtures/keys, whose certificates are the seeds.
const THEIRS: [&str; 2] = ["019cac11-06f8-7f55-b0f5-a1810b7af78c", "f2f1856e7c8729e1"];

/// A folder with the certificate of the root, and one other.
struct Folder {
    house: House,
    path: PathBuf,
}

static FOLDER: LazyLock<Folder> = LazyLock::new(|| {
    let house = House::build();
    let path = house.folder.join("alone");
    std::fs::create_dir(&path).expect("made");
    for entry in std::fs::read_dir(&house.folder).expect("listed") {
        let name = entry.expect("listed").file_name();
        if name.to_string_lossy().starts_with("root-") {
            std::fs::copy(house.folder.join(&name), path.join(&name)).expect("copied");
        }
    }
    Folder { house, path }
});

fuzz_target!(|document: &str| {
    let Folder { house, path } = &*FOLDER;
    let ours = [house.keyring.archive().to_string(), house.keyring.root().to_string()];
    let document = document.replace(THEIRS[0], &ours[0]).replace(THEIRS[1], &ours[1]);
    let document = document.as_bytes();
    let said: Value = serde_json::from_slice(document).unwrap_or_default();
    // The name that the document asks for, where it could be one.
    let part = |field: &str| {
        said[field].as_str().filter(|text| !text.contains(['/', '\0'])).unwrap_or("x").to_owned()
    };
    let (role, id) = (part("role"), part("id"));
    if role == "root" || role.len() + id.len() > 200 {
        return;
    }
    let file = path.join(format!("{role}-{id}.cert.json"));
    house.sign_and_write(&file, document);
    let opened = Keyring::open(path);
    std::fs::remove_file(&file).expect("removed");
    std::fs::remove_file(format!("{}.sig", file.display())).expect("removed");
    match opened {
        Err(Error::Missing { .. })
            if file.file_name().is_none_or(|name| name.as_encoded_bytes()[0] != b'.') =>
        {
            assert!(is_canonical(document), "one certificate has one form");
            assert_eq!(
                (said["archive"].as_str(), said["root"].as_str()),
                (Some(&*ours[0]), Some(&*ours[1]))
            );
            assert_eq!(said.get("escrow").is_some(), role == "escrow");
        }
        Err(_) => {}
        Ok(_) => panic!("two certificates are no archive"),
    }
});

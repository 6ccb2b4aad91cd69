//! The worked example in FORMAT.md is what the code writes, byte for byte.

use std::fmt::Write as _;

use sealdock::ledger::{Line, prove_consistency};

use super::cases::{signed, worked_example};
use super::desk::{Desk, head_key, node_key};

const BEGIN: &str = "<!-- example: written by tests/it/ledger/example.rs -->\n";
const END: &str = "<!-- end of example -->\n";

fn page() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/ledger/FORMAT.md")
}

#[test]
fn the_worked_example_is_what_the_code_writes() {
    let page_text = std::fs::read_to_string(page()).expect("readable");
    let (before, rest) = page_text.split_once(BEGIN).expect("a place for it");
    let (found, after) = rest.split_once(END).expect("its end");
    let wanted = example().expect("a String takes every text");
    if std::env::var_os("SEALDOCK_WRITE_FIXTURES").is_some() && found != wanted {
        std::fs::write(page(), [before, BEGIN, &wanted, END, after].concat()).expect("written");
        return;
    }
    assert_eq!(found, wanted, "SEALDOCK_WRITE_FIXTURES=1 writes it");
}

#[test]
fn the_page_names_every_code_of_the_fixtures() {
    let page = std::fs::read_to_string(page()).expect("readable");
    let mut codes = 0;
    for case in super::cases::invalid() {
        let code = case.expect["error"]["code"].as_str().expect("text").to_owned();
        assert!(page.contains(&format!("`{code}`")), "{code}, of {}", case.name);
        codes += 1;
    }
    assert!(codes > 40, "{codes}");
}

fn example() -> Result<String, std::fmt::Error> {
    let desk = worked_example();
    let mut text = String::from("\n");
    writeln!(text, "```text")?;
    writeln!(text, "head key, public  {}", hex::encode(head_key().verifying_key().as_bytes()))?;
    writeln!(text, "node key, public  {}", hex::encode(node_key().verifying_key().as_bytes()))?;
    writeln!(text, "```\n\nThe file:\n\n```json")?;
    for line in &desk.lines {
        writeln!(text, "{line}")?;
    }
    writeln!(text, "```\n\nThe hashes:\n\n```text")?;
    hashes(&mut text, &desk)?;
    writeln!(text, "```\n\nThe note of the second head:\n\n```text")?;
    write!(text, "{}", desk.heads[1].note())?;
    writeln!(text, "```\n\nThe receipt for entry 1, and its signature in hex:\n\n```json")?;
    let (receipt, signature) = signed(&desk.receipt(), &node_key());
    writeln!(text, "{}", String::from_utf8(receipt).expect("UTF-8"))?;
    writeln!(text, "```\n\n```text\n{}\n```\n", hex::encode(signature))?;
    Ok(text)
}

fn hashes(text: &mut String, desk: &Desk) -> std::fmt::Result {
    for line in &desk.lines {
        if let Line::Entry(entry) = Line::parse(line.as_bytes()).expect("a line") {
            let index = entry.index();
            writeln!(text, "content_sha256 {index}  {}", entry.content_sha256())?;
            writeln!(text, "leaf data {index}       {}", entry.leaf_data())?;
            writeln!(text, "leaf {index}            {}", entry.leaf())?;
        }
    }
    let node = desk.nodes[&(1, 0)];
    writeln!(text, "node over 0 and 1 {node}")?;
    writeln!(text, "root of size 1    {}", desk.heads[0].head().root)?;
    writeln!(text, "root of size 3    {}", desk.heads[1].head().root)?;
    let proof = prove_consistency(1, 3, &desk.nodes).expect("provable");
    for (number, hash) in proof.iter().enumerate() {
        writeln!(text, "from size 1 to 3, hash {number}  {hash}")?;
    }
    Ok(())
}

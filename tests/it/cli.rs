//! The command line from outside: what ships beside the binary.

use std::path::Path;
use std::process::Command;

/// systemd itself reads the unit, where it is at hand. It knows every key, system call and group it names.
#[test]
fn systemd_finds_nothing_to_say_about_the_unit() {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/sealdock.service");
    let unit = std::fs::read_to_string(shipped).expect("the unit ships");
    let command = "ExecStart=/usr/local/bin/sealdock --home /var/lib/sealdock/archive run";
    assert!(unit.contains(command), "the daemon is `sealdock --home DIR run`");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("sealdock.service");
    // The binary is not installed on a machine that builds it; systemd would say so.
    std::fs::write(&path, unit.replace(command, "ExecStart=/bin/true")).expect("written");
    let Ok(judged) = Command::new("systemd-analyze").arg("verify").arg(&path).output() else { return };
    let said = String::from_utf8_lossy(&judged.stderr);
    assert!(judged.status.success() && said.trim().is_empty(), "{said}");
}

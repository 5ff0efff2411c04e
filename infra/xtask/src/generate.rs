//! What is generated and checked in, so that it can be read and compared without building.
//!
//! That it is up to date is a test of the crate that generates it; this only writes it again.

use std::{fs, path::Path};

use crate::command::{cargo, output, root};

/// All of them, each with the arguments of Cargo that print it. A new one is a new line.
const GENERATED: [(&str, &[&str]); 3] = [
    (
        "shared/core/schema/playbook.schema.json",
        &["run", "--quiet", "--package", "pointsman", "--", "playbook", "schema"],
    ),
    (
        "shared/view/schema/view.json",
        &["run", "--quiet", "--package", "pointsman-view", "--example", "schema"],
    ),
    (
        "functions/pointsman/help.txt",
        &["run", "--quiet", "--package", "pointsman", "--", "help-text"],
    ),
];

/// Writes every file again, and says which were different.
pub(crate) fn all() -> Result<(), String> {
    for (path, by) in GENERATED {
        let text = output(cargo(by))?;
        let changed = write(&root().join(path), &text)
            .map_err(|error| format!("{path} could not be written: {error}"))?;
        println!("{path}: {}", if changed { "written" } else { "unchanged" });
    }
    Ok(())
}

/// Writes a file if that changes it. What cannot be what was asked for is not written.
fn write(path: &Path, text: &[u8]) -> std::io::Result<bool> {
    if text.trim_ascii().is_empty() {
        return Err(std::io::Error::other("nothing was printed"));
    }
    if fs::read(path).is_ok_and(|before| before == text) {
        return Ok(false);
    }
    fs::write(path, text)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::tests::Folder;

    #[test]
    fn files_are_written_when_they_differ_and_never_emptied() {
        let folder = Folder::new("generate");
        let path = folder.0.join("schema.json");
        assert!(write(&path, b"{}\n").unwrap());
        assert!(!write(&path, b"{}\n").unwrap());
        assert!(write(&path, b"[]\n").unwrap());
        assert!(write(&path, b"\n").is_err());
        assert_eq!(fs::read(&path).unwrap(), b"[]\n");
    }
}

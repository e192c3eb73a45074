//! Where the workspace lies and which crates it has.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::manifest::Manifest;

/// The workspace on disk.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// The folder of the root manifest.
    pub(crate) root: PathBuf,
    /// Where cargo builds.
    pub(crate) target: PathBuf,
    /// The root manifest.
    pub(crate) manifest: Manifest,
    /// The crates of `crates/`, by name.
    pub(crate) crates: Vec<Crate>,
}

/// One crate of `crates/`.
#[derive(Debug)]
pub(crate) struct Crate {
    /// Its name, which is its folder's.
    pub(crate) name: String,
    /// Its folder.
    pub(crate) folder: PathBuf,
    /// Its manifest.
    pub(crate) manifest: Manifest,
}

impl Workspace {
    /// Finds the workspace that this program was built from.
    pub(crate) fn open() -> io::Result<Self> {
        let here = env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = here.parent().unwrap_or(&here).to_owned();
        Self::read(&root, &target(&root))
    }

    /// Reads the workspace at `root`.
    pub(crate) fn read(root: &Path, target: &Path) -> io::Result<Self> {
        let mut crates = Vec::new();
        for entry in fs::read_dir(root.join("crates"))? {
            let folder = entry?.path();
            if folder.join("Cargo.toml").is_file() {
                crates.push(Crate::read(folder)?);
            }
        }
        crates.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Self {
            root: root.to_owned(),
            target: target.to_owned(),
            manifest: Manifest::read(&root.join("Cargo.toml"))?,
            crates,
        })
    }

    /// Returns a path as it reads from the root.
    pub(crate) fn relative(&self, path: &Path) -> String {
        let short = path.strip_prefix(&self.root).unwrap_or(path);
        short.display().to_string()
    }
}

impl Crate {
    fn read(folder: PathBuf) -> io::Result<Self> {
        let manifest = Manifest::read(&folder.join("Cargo.toml"))?;
        let name = manifest.get("package", "name").unwrap_or("").to_owned();
        Ok(Self {
            name,
            folder,
            manifest,
        })
    }

    /// Returns its features except `default`, by name.
    pub(crate) fn features(&self) -> Vec<&str> {
        self.manifest
            .section("features")
            .map(|entry| entry.key.as_str())
            .filter(|feature| *feature != "default")
            .collect()
    }

    /// Returns whether some feature is off unless it is asked for.
    pub(crate) fn has_features_off(&self) -> bool {
        let on = self.manifest.get("features", "default").unwrap_or("");
        self.features()
            .iter()
            .any(|feature| !on.contains(&format!("\"{feature}\"")))
    }
}

/// Returns where cargo builds the workspace at `root`: every cargo that we run is told, so that what
/// is run afterwards is what was built.
pub(crate) fn target(root: &Path) -> PathBuf {
    root.join(env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()))
}

/// Lists the files under `folder` whose names end so, sorted; none if there is no such folder.
///
/// A link is not listed: the file that it leads to is, where that lies.
pub(crate) fn files(folder: &Path, suffix: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if entry.file_type().is_ok_and(|kind| kind.is_symlink()) {
                continue;
            }
            if entry.path().is_dir() {
                if name != "target" && !name.starts_with('.') {
                    folders.push(entry.path());
                }
            } else if name.ends_with(suffix) {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_features(text: &str) -> Crate {
        Crate {
            name: "x".to_owned(),
            folder: PathBuf::new(),
            manifest: Manifest::parse(text),
        }
    }

    #[test]
    fn a_feature_outside_default_is_off() {
        let all_on = with_features("[features]\ndefault = [\"a\"]\na = []");
        assert_eq!(all_on.features(), ["a"]);
        assert!(!all_on.has_features_off());
        assert!(with_features("[features]\ndefault = []\na = []").has_features_off());
        assert!(with_features("[features]\na = []").has_features_off());
        assert!(!with_features("").has_features_off());
    }
}

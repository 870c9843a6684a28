//! Where models lie: `models/SHOP/NAME.model` in the data directory, each replaced as a whole.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::error::ModelError;
use super::saved::{FILE_BYTES_MAX, Saved};
use crate::durable::{self, Mode};
use crate::model::check_model_name;

const EXTENSION: &str = "model";

/// The models of one shop.
#[derive(Clone, Debug)]
pub struct Shelf {
    folder: PathBuf,
}

/// A model, or why there is none under its name.
pub type Listed = (String, Result<Saved, ModelError>);

/// By what is seen whether a file is another than before, without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    modified: Option<std::time::SystemTime>,
    bytes: u64,
    inode: u64,
}

impl Shelf {
    /// The models of `shop` in `models`, a folder of the data directory.
    pub fn of(models: &Path, shop: &str) -> Shelf {
        // A shop's name may be any text.
        Shelf { folder: models.join(utf8_percent_encode(shop, NON_ALPHANUMERIC).to_string()) }
    }

    /// Keeps a model, in the place of an earlier one of its name.
    pub fn put(&self, saved: &Saved) -> Result<(), ModelError> {
        let path = self.path(&saved.about.name)?;
        let io = |source| ModelError::Io { path: path.clone(), source };
        let bytes = saved.to_bytes().map_err(|error| io(error.into()))?;
        durable::make_directory(&self.folder).map_err(io)?;
        durable::write(&path, Mode::Private, &bytes).map_err(io)
    }

    /// The model of this name.
    pub fn get(&self, name: &str) -> Result<Saved, ModelError> {
        let path = self.path(name)?;
        let file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(ModelError::Missing { name: name.to_string() });
            }
            opened => opened.map_err(|source| ModelError::Io { path: path.clone(), source })?,
        };
        let mut bytes = Vec::new();
        file.take(FILE_BYTES_MAX as u64 + 1)
            .read_to_end(&mut bytes)
            .map_err(|source| ModelError::Io { path: path.clone(), source })?;
        if bytes.len() > FILE_BYTES_MAX {
            let detail = format!("it has more than {FILE_BYTES_MAX} bytes");
            return Err(ModelError::Damaged { path, detail });
        }
        let saved = Saved::of_bytes(&bytes, &path)?;
        if saved.about.name != name {
            let detail = format!("it is the model `{}`", saved.about.name);
            return Err(ModelError::Damaged { path, detail });
        }
        Ok(saved)
    }

    /// What tells that a model was replaced. `None` where there is none.
    pub fn seen(&self, name: &str) -> Option<Seen> {
        use std::os::unix::fs::MetadataExt;
        let file = fs::metadata(self.path(name).ok()?).ok()?;
        Some(Seen { modified: file.modified().ok(), bytes: file.len(), inode: file.ino() })
    }

    /// All of them, by name.
    pub fn all(&self) -> Result<Vec<Listed>, ModelError> {
        let io = |source| ModelError::Io { path: self.folder.clone(), source };
        let listing = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            listing => listing.map_err(io)?,
        };
        let mut names = Vec::new();
        for entry in listing {
            let path = entry.map_err(io)?.path();
            if path.extension().is_some_and(|extension| extension == EXTENSION)
                && let Some(name) = path.file_stem().and_then(|stem| stem.to_str())
            {
                names.push(name.to_string());
            }
        }
        names.sort();
        let model = |name: String| {
            let saved = self.get(&name);
            (name, saved)
        };
        Ok(names.into_iter().map(model).collect())
    }

    fn path(&self, name: &str) -> Result<PathBuf, ModelError> {
        check_model_name("name", name)
            .map_err(|_| ModelError::Name { name: name.chars().take(80).collect() })?;
        Ok(self.folder.join(name).with_extension(EXTENSION))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::categories::testing::examples;
    use crate::categories::train;
    use crate::model::Micros;

    #[test]
    fn models_are_kept_by_shop_and_name() {
        let dir = tempfile::tempdir().unwrap();
        let (shelf, other) = (Shelf::of(dir.path(), "a/../b"), Shelf::of(dir.path(), "b"));
        assert!(matches!(shelf.get("issues"), Err(ModelError::Missing { .. })));
        assert_eq!(shelf.seen("issues"), None);
        let trained = train(&examples()).unwrap();
        let saved = Saved::new("issues", Micros(1), "labels.csv", trained);
        shelf.put(&saved).unwrap();
        assert_eq!(shelf.get("issues").unwrap(), saved);
        let seen = shelf.seen("issues");
        shelf.put(&saved).unwrap();
        assert_ne!(shelf.seen("issues"), seen, "a file that was replaced is another");
        assert_eq!(shelf.all().unwrap().len(), 1);
        assert!(matches!(other.get("issues"), Err(ModelError::Missing { .. })));
        assert!(other.all().unwrap().is_empty());
    }

    #[test]
    fn names_lead_nowhere_else_and_damage_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let shelf = Shelf::of(dir.path(), "s");
        for name in ["../x", "", "a b", "Ä", "a.b", &"x".repeat(65)] {
            assert!(matches!(shelf.get(name), Err(ModelError::Name { .. })), "{name}");
        }
        fs::create_dir_all(dir.path().join("s")).unwrap();
        fs::write(dir.path().join("s/broken.model"), b"nonsense").unwrap();
        let all = shelf.all().unwrap();
        let error = all[0].1.as_ref().err().unwrap().to_string();
        assert!(all[0].0 == "broken" && error.contains("broken.model"), "{error}");
        let saved = Saved::new("one", Micros(1), "x", train(&examples()).unwrap());
        shelf.put(&saved).unwrap();
        fs::rename(dir.path().join("s/one.model"), dir.path().join("s/two.model")).unwrap();
        assert!(matches!(shelf.get("two"), Err(ModelError::Damaged { .. })), "another's name");
    }
}

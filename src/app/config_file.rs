//! `verbatim.toml`: the same settings as the flags, each optional.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use chrono_tz::Tz;
use serde::Deserialize;

use crate::model::FieldError;

/// What a file (or the flags) sets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfigFile {
    pub listen: Option<SocketAddr>,
    pub zone: Option<Tz>,
    pub idle_hours: Option<u32>,
    pub commit_interval_ms: Option<u64>,
}

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("cannot read `{path}`: {source}")]
    Read { path: PathBuf, source: io::Error },
    #[error("`{path}` is not a valid configuration: {source}")]
    Parse { path: PathBuf, source: Box<toml::de::Error> },
    #[error("{0}")]
    Field(#[from] FieldError),
}

impl ConfigFile {
    /// Reads the file; one that is not there sets nothing.
    pub fn read(path: &Path) -> Result<ConfigFile, ConfigError> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(ConfigFile::default());
            }
            Err(source) => return Err(ConfigError::Read { path: path.to_path_buf(), source }),
        };
        let file: ConfigFile = toml::from_str(&text).map_err(|source| ConfigError::Parse {
            path: path.to_path_buf(),
            source: Box::new(source),
        })?;
        file.check()?;
        Ok(file)
    }

    /// Settings that would make no sense.
    pub fn check(&self) -> Result<(), ConfigError> {
        if let Some(hours) = self.idle_hours
            && !(1..=8_760).contains(&hours)
        {
            return Err(FieldError::new("idle_hours", hours, "lie between 1 and 8760").into());
        }
        if let Some(interval) = self.commit_interval_ms
            && !(10..=60_000).contains(&interval)
        {
            return Err(FieldError::new(
                "commit_interval_ms",
                interval,
                "lie between 10 and 60000",
            )
            .into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::Config;

    fn read(text: &str) -> Result<ConfigFile, ConfigError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("verbatim.toml");
        fs::write(&path, text).unwrap();
        ConfigFile::read(&path)
    }

    #[test]
    fn a_file_sets_what_it_names_and_defaults_stand_for_the_rest() {
        let config =
            Config::default().with(read("zone = \"Asia/Shanghai\"\nidle_hours = 48\n").unwrap());
        assert_eq!(config.zone, Tz::Asia__Shanghai);
        assert_eq!(config.idle_hours, 48);
        assert_eq!(config.listen, Config::default().listen);
        assert_eq!(
            ConfigFile::read(Path::new("/nonexistent/verbatim.toml")).unwrap(),
            ConfigFile::default()
        );
    }

    #[test]
    fn mistakes_are_named() {
        for (text, named) in [
            ("zonw = \"UTC\"", "zonw"),
            ("zone = \"Mars\"", "Mars"),
            ("listen = \"8080\"", "listen"),
            ("idle_hours = 0", "idle_hours `0`"),
            ("commit_interval_ms = 1", "commit_interval_ms `1`"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(named), "{text}: {error}");
        }
    }
}

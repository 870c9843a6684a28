//! JSON Web Tokens, signed with a key of the data directory (HS256). Whoever can read the key can
//! make any token, so its file is readable by its owner only.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use super::{AccessError, Identity, TokenRole};
use crate::durable::{self, Mode};

const KEY_FILE: &str = "token.key";
const KEY_BYTES: usize = 32;

#[derive(Serialize, Deserialize)]
struct Claims {
    sub: String,
    shop: String,
    roles: Vec<TokenRole>,
    /// Seconds since the epoch.
    exp: u64,
}

/// Makes and checks tokens.
pub struct Tokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
}

impl Tokens {
    /// Reads the key in `dir`, making one first where there is none.
    pub fn open_or_create(dir: &Path) -> io::Result<Tokens> {
        let path = dir.join(KEY_FILE);
        if !path.exists() {
            create_key(dir, &path)?;
        }
        let hex_key = fs::read_to_string(&path)?;
        let invalid = |detail: String| {
            io::Error::new(io::ErrorKind::InvalidData, format!("`{}`: {detail}", path.display()))
        };
        let key = hex::decode(hex_key.trim()).map_err(|error| invalid(error.to_string()))?;
        if key.len() != KEY_BYTES {
            return Err(invalid(format!("{} bytes, want {KEY_BYTES}", key.len())));
        }
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_required_spec_claims(&["exp", "sub"]);
        validation.leeway = 0;
        Ok(Tokens {
            encoding: EncodingKey::from_secret(&key),
            decoding: DecodingKey::from_secret(&key),
            validation,
        })
    }

    /// A token for `identity`, valid for `life`.
    pub fn issue(&self, identity: &Identity, life: Duration) -> Result<String, AccessError> {
        let claims = Claims {
            sub: identity.subject.clone(),
            shop: identity.shop.clone(),
            roles: identity.roles.clone(),
            exp: jsonwebtoken::get_current_timestamp() + life.as_secs(),
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.encoding)
            .map_err(|source| AccessError::Issue { source })
    }

    /// Who a token stands for; refused when it is forged, expired or names nobody.
    pub fn check(&self, token: &str) -> Result<Identity, AccessError> {
        self.check_for_now(token).map(|(identity, _)| identity)
    }

    /// As [`Tokens::check`], for whoever stays: with how long it stands for them.
    pub fn check_for_now(&self, token: &str) -> Result<(Identity, Duration), AccessError> {
        let data = jsonwebtoken::decode::<Claims>(token, &self.decoding, &self.validation)
            .map_err(|error| AccessError::Unauthenticated { reason: error.to_string() })?;
        let Claims { sub, shop, roles, exp } = data.claims;
        if sub.is_empty() || shop.is_empty() || roles.is_empty() {
            let reason = "sub, shop and roles must not be empty".to_string();
            return Err(AccessError::Unauthenticated { reason });
        }
        let left = Duration::from_secs(exp.saturating_sub(jsonwebtoken::get_current_timestamp()));
        Ok((Identity { subject: sub, shop, roles }, left))
    }
}

fn create_key(dir: &Path, path: &Path) -> io::Result<()> {
    let key: [u8; KEY_BYTES] = rand::random();
    durable::make_directory(dir)?;
    // Whole or absent: a crash must not leave half a key, which then signs nothing.
    durable::write(path, Mode::Private, format!("{}\n", hex::encode(key)).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity() -> Identity {
        Identity { subject: "u1".into(), shop: "s".into(), roles: vec![TokenRole::Customer] }
    }

    #[test]
    fn a_token_says_who_it_was_made_for_and_survives_reopening() {
        let dir = tempfile::tempdir().unwrap();
        let token = Tokens::open_or_create(dir.path())
            .unwrap()
            .issue(&identity(), Duration::from_secs(60))
            .unwrap();
        assert_eq!(Tokens::open_or_create(dir.path()).unwrap().check(&token).unwrap(), identity());
    }

    #[test]
    fn forged_expired_and_foreign_tokens_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let tokens = Tokens::open_or_create(dir.path()).unwrap();
        let other = Tokens::open_or_create(tempfile::tempdir().unwrap().path()).unwrap();
        let valid = tokens.issue(&identity(), Duration::from_secs(60)).unwrap();
        let expired =
            Claims { sub: "u1".into(), shop: "s".into(), roles: vec![TokenRole::Admin], exp: 1 };
        let expired =
            jsonwebtoken::encode(&Header::new(Algorithm::HS256), &expired, &tokens.encoding)
                .unwrap();
        let foreign = other.issue(&identity(), Duration::from_secs(60)).unwrap();
        let (head, _) = valid.rsplit_once('.').unwrap();
        for bad in ["", "x", "a.b.c", head, &format!("{head}."), &expired, &foreign] {
            assert!(tokens.check(bad).is_err(), "{bad}");
        }
        assert!(tokens.check(&valid).is_ok());
    }

    #[test]
    fn the_key_is_its_owners_alone() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        Tokens::open_or_create(dir.path()).unwrap();
        let mode = fs::metadata(dir.path().join(KEY_FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

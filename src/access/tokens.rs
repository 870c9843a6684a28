//! JSON Web Tokens, signed with a key of the data directory (HS256). Whoever can read the key can
//! make any token, so its file is readable by its owner only.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::keyring::{self, IssuedToken, Keyring};
use super::{AccessError, Identity, TokenRole};
use crate::model::Micros;

/// How soon a running service hears of a key that was made or retired, and of a token that was
/// revoked.
const READ_EVERY: Duration = Duration::from_secs(1);

#[derive(Serialize, Deserialize)]
struct Claims {
    sub: String,
    shop: String,
    roles: Vec<TokenRole>,
    /// Seconds since the epoch, as `exp`.
    #[serde(default)]
    iat: u64,
    exp: u64,
    /// By which this one token is revoked.
    #[serde(default)]
    jti: String,
}

/// Makes and checks tokens.
pub struct Tokens {
    dir: PathBuf,
    read: Mutex<Read>,
    validation: Validation,
}

/// The keys as they were read last.
struct Read {
    at: Instant,
    keyring: Arc<Keyring>,
}

impl Tokens {
    /// Reads the keys in `dir`, making one first where there is none.
    pub fn open_or_create(dir: &Path) -> io::Result<Tokens> {
        keyring::make_first_key(dir)?;
        let keyring = Arc::new(Keyring::read(dir)?);
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_required_spec_claims(&["exp", "sub"]);
        validation.leeway = 0;
        let read = Mutex::new(Read { at: Instant::now(), keyring });
        Ok(Tokens { dir: dir.to_path_buf(), read, validation })
    }

    /// A token for `identity`, valid for `life`.
    pub fn issue(&self, identity: &Identity, life: Duration) -> Result<String, AccessError> {
        self.issue_named(identity, life).map(|(token, _)| token)
    }

    /// As [`Tokens::issue`], with what may be kept of it.
    pub fn issue_named(
        &self,
        identity: &Identity,
        life: Duration,
    ) -> Result<(String, IssuedToken), AccessError> {
        let iat = jsonwebtoken::get_current_timestamp();
        let claims = Claims {
            sub: identity.subject.clone(),
            shop: identity.shop.clone(),
            roles: identity.roles.clone(),
            iat,
            exp: iat + life.as_secs(),
            jti: hex::encode(rand::random::<[u8; 8]>()),
        };
        let keyring = self.keyring();
        let Some((name, key)) = keyring.keys.last() else {
            let reason = "there is no key to sign with".to_string();
            return Err(AccessError::Unauthenticated { reason });
        };
        let header = Header { kid: Some(name.clone()), ..Header::new(Algorithm::HS256) };
        let token = jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(key))
            .map_err(|source| AccessError::Issue { source })?;
        let Claims { sub, shop, roles, iat: issued_at, exp: expires_at, jti: id } = claims;
        let key = Some(name.clone());
        Ok((token, IssuedToken { id, sub, shop, roles, issued_at, expires_at, key }))
    }

    /// Who a token stands for; refused when it is forged, expired, revoked or names nobody.
    pub fn check(&self, token: &str) -> Result<Identity, AccessError> {
        self.check_for_now(token).map(|(identity, _)| identity)
    }

    /// As [`Tokens::check`], for whoever stays: with how long it stands for them.
    pub fn check_for_now(&self, token: &str) -> Result<(Identity, Duration), AccessError> {
        let refused = |reason: String| AccessError::Unauthenticated { reason };
        let keyring = self.keyring();
        let header =
            jsonwebtoken::decode_header(token).map_err(|error| refused(reason_of(&error)))?;
        // Tokens of before there were names are of the first key.
        let name = header.kid.as_deref().unwrap_or("1");
        let key = keyring.keys.iter().find(|(known, _)| known == name);
        let (_, key) = key.ok_or_else(|| refused("its key is not known here".to_string()))?;
        let key = DecodingKey::from_secret(key);
        let decoded = jsonwebtoken::decode::<Claims>(token, &key, &self.validation);
        let claims = decoded
            .map_err(|error| {
                // Looked at again only where it was signed here: strangers cost no second look.
                let has_expired = matches!(error.kind(), ErrorKind::ExpiredSignature);
                match has_expired.then(|| self.whenever(token, &key)).flatten() {
                    Some(Claims { exp, .. }) => {
                        refused(format!("it has expired at {}", instant(exp)))
                    }
                    None => refused(reason_of(&error)),
                }
            })?
            .claims;
        let Claims { sub, shop, roles, iat, exp, jti } = claims;
        if sub.is_empty() || shop.is_empty() || roles.is_empty() {
            return Err(refused("sub, shop and roles must not be empty".to_string()));
        }
        if keyring.is_revoked(&jti, &shop, &sub, iat) {
            return Err(refused("it was revoked".to_string()));
        }
        let left = Duration::from_secs(exp.saturating_sub(jsonwebtoken::get_current_timestamp()));
        Ok((Identity { subject: sub, shop, roles }, left))
    }

    /// Who a token stood for that counts no longer: it was signed here, and has expired or was revoked.
    pub fn former(&self, token: &str) -> Option<Identity> {
        let header = jsonwebtoken::decode_header(token).ok()?;
        let keyring = self.keyring();
        let name = header.kid.as_deref().unwrap_or("1");
        let (_, key) = keyring.keys.iter().find(|(known, _)| known == name)?;
        let Claims { sub, shop, roles, .. } =
            self.whenever(token, &DecodingKey::from_secret(key))?;
        let is_named = !sub.is_empty() && !shop.is_empty();
        is_named.then_some(Identity { subject: sub, shop, roles })
    }

    /// What a token says that was signed with this key, whether it counts still or no longer.
    fn whenever(&self, token: &str, key: &DecodingKey) -> Option<Claims> {
        let mut validation = self.validation.clone();
        validation.validate_exp = false;
        Some(jsonwebtoken::decode::<Claims>(token, key, &validation).ok()?.claims)
    }

    /// The shop that a token says it is of, believed by nobody who did not make it.
    pub fn shop_said_by(token: &str) -> Option<String> {
        let said = jsonwebtoken::dangerous::insecure_decode::<Claims>(token).ok()?;
        Some(said.claims.shop)
    }

    /// The keys as of a moment ago. Whoever comes while they are read again uses the last ones.
    fn keyring(&self) -> Arc<Keyring> {
        {
            let mut read = self.read.lock();
            if read.at.elapsed() < READ_EVERY {
                return read.keyring.clone();
            }
            read.at = Instant::now();
        }
        let again = Keyring::read(&self.dir);
        let mut read = self.read.lock();
        match again {
            // Somebody took the folder away: nobody is locked out for that.
            Ok(keyring) if keyring.keys.is_empty() => {
                tracing::error!(keys = %self.dir.display(), "the keys are gone");
            }
            Ok(keyring) => read.keyring = Arc::new(keyring),
            Err(error) => tracing::error!(%error, "the keys cannot be read again"),
        }
        read.keyring.clone()
    }
}

/// Seconds since the epoch, as people read them.
fn instant(seconds: u64) -> String {
    Micros(seconds.saturating_mul(1_000_000).cast_signed()).to_string()
}

/// In words of whoever holds the token.
fn reason_of(error: &jsonwebtoken::errors::Error) -> String {
    let reason = match error.kind() {
        ErrorKind::InvalidSignature => "it was not signed with a key of this server",
        _ => "it is not one that `verbatim token` makes, whole and unchanged",
    };
    reason.to_string()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

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
    fn nothing_beside_a_key_is_for_others() {
        let dir = tempfile::tempdir().unwrap();
        drop(Tokens::open_or_create(dir.path()).unwrap());
        let subject =
            keyring::Revocation::Subject { shop: "s".to_string(), sub: "u1".to_string(), up_to: 1 };
        keyring::revoke(dir.path(), &subject).unwrap();
        for file in std::fs::read_dir(dir.path()).unwrap() {
            let file = file.unwrap();
            let mode = file.metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{:?}", file.path());
        }
    }

    #[test]
    fn forged_expired_and_foreign_tokens_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let tokens = Tokens::open_or_create(dir.path()).unwrap();
        let other = Tokens::open_or_create(tempfile::tempdir().unwrap().path()).unwrap();
        let valid = tokens.issue(&identity(), Duration::from_secs(60)).unwrap();
        let expired = tokens.issue(&identity(), Duration::ZERO).unwrap();
        std::thread::sleep(Duration::from_millis(1_100));
        let foreign = other.issue(&identity(), Duration::from_secs(60)).unwrap();
        let (head, _) = valid.rsplit_once('.').unwrap();
        for bad in ["", "x", "a.b.c", head, &format!("{head}."), &expired, &foreign] {
            assert!(tokens.check(bad).is_err(), "{bad}");
        }
        assert!(tokens.check(&valid).is_ok());
        // Whoever holds it learns since when.
        let told = tokens.check(&expired).unwrap_err().to_string();
        assert!(told.contains("it has expired at 20"), "{told}");
    }

    #[test]
    fn the_key_is_its_owners_alone() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        Tokens::open_or_create(dir.path()).unwrap();
        let mode = std::fs::metadata(dir.path().join("token.key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    fn opened(dir: &Path) -> Tokens {
        Tokens::open_or_create(dir).unwrap()
    }

    #[test]
    fn a_revoked_token_no_longer_counts_and_the_others_do() {
        let dir = tempfile::tempdir().unwrap();
        let life = Duration::from_secs(60);
        let (one, named) = opened(dir.path()).issue_named(&identity(), life).unwrap();
        let other = opened(dir.path()).issue(&identity(), life).unwrap();
        let eve = Identity { subject: "eve".into(), ..identity() };
        let of_eve = opened(dir.path()).issue(&eve, life).unwrap();
        keyring::revoke(dir.path(), &keyring::Revocation::Token { id: named.id.clone() }).unwrap();
        let tokens = opened(dir.path());
        assert!(tokens.check(&one).is_err() && tokens.check(&other).is_ok());
        let (shop, sub) = ("s".to_string(), "u1".to_string());
        let revocation = keyring::Revocation::Subject {
            shop,
            sub,
            up_to: jsonwebtoken::get_current_timestamp(),
        };
        keyring::revoke(dir.path(), &revocation).unwrap();
        let tokens = opened(dir.path());
        assert!(tokens.check(&other).is_err() && tokens.check(&of_eve).is_ok());
        std::thread::sleep(Duration::from_millis(1_100));
        let later = tokens.issue(&identity(), life).unwrap();
        assert!(tokens.check(&later).is_ok(), "one made afterwards counts");
        keyring::note_issued(dir.path(), &named).unwrap();
        assert_eq!(keyring::issued(dir.path()).unwrap(), [(named, keyring::TokenState::Revoked)]);
    }

    #[test]
    fn keys_are_rotated_under_a_running_service_and_retired() {
        let dir = tempfile::tempdir().unwrap();
        let (tokens, life) = (opened(dir.path()), Duration::from_secs(60));
        let before = tokens.issue(&identity(), life).unwrap();
        assert!(keyring::retire(dir.path(), "1").is_err(), "it is the only one");
        assert_eq!(keyring::rotate(dir.path()).unwrap(), "2");
        std::thread::sleep(READ_EVERY);
        let after = tokens.issue(&identity(), life).unwrap();
        assert_ne!(
            jsonwebtoken::decode_header(&before).unwrap().kid,
            jsonwebtoken::decode_header(&after).unwrap().kid
        );
        assert!(tokens.check(&before).is_ok() && tokens.check(&after).is_ok());
        keyring::retire(dir.path(), "1").unwrap();
        std::thread::sleep(READ_EVERY);
        assert!(tokens.check(&before).is_err() && tokens.check(&after).is_ok());
        assert_eq!(keyring::rotate(dir.path()).unwrap(), "3", "no name is given twice");
        assert!(keyring::retire(dir.path(), "7").is_err());
    }

    /// Two administrators at once: a list that one of them read before the other wrote would take a
    /// revocation back, and two keys of one name would be one.
    #[test]
    fn what_several_do_at_once_all_stands() {
        let dir = tempfile::tempdir().unwrap();
        opened(dir.path());
        std::thread::scope(|scope| {
            for of in 0..4 {
                let dir = dir.path();
                scope.spawn(move || {
                    for number in 0..5 {
                        let id = format!("{of}-{number}");
                        keyring::revoke(dir, &keyring::Revocation::Token { id }).unwrap();
                    }
                    keyring::rotate(dir).unwrap();
                });
            }
        });
        let keyring = Keyring::read(dir.path()).unwrap();
        assert_eq!(keyring.keys.len(), 1 + 4);
        for of in 0..4 {
            for number in 0..5 {
                assert!(keyring.is_revoked(&format!("{of}-{number}"), "s", "u1", 1));
            }
        }
    }
}

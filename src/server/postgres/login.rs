//! A login: the password is a token, the user whom it stands for, the database the one there is.

use std::sync::Arc;

use pgwire::messages::response::{ReadyForQuery, TransactionStatus};
use pgwire::messages::startup::{Authentication, BackendKeyData, ParameterStatus, SecretKey};

use super::cancel::Key;
use super::failure::Failure;
use super::message::Left;
use super::negotiate::Startup;
use super::options;
use super::places::Place;
use super::settings::Settings;
use super::wire::Wire;
use crate::access::{AccessError, Action, Identity};
use crate::model::{Access, AccessAction, AccessOutcome, Purpose, Via};
use crate::server::Service;
use crate::server::auth::TokenWatch;
use crate::sql::DATABASE;

/// A message with a token in it: of twenty roles it would have 1 KiB.
const PASSWORD_BYTES_MAX: usize = 16 * 1024;

/// Whoever has logged in.
pub(super) struct Login {
    pub(super) identity: Arc<Identity>,
    /// Checked again at each statement, and between them.
    pub(super) token: TokenWatch,
    pub(super) settings: Settings,
}

/// Asks for a token and checks it; then takes a `place`. A token is not taken where it `may_be_read` on its
/// way.
pub(super) async fn log_in(
    service: &Service,
    wire: &mut Wire,
    startup: Startup,
    may_be_read: bool,
    key: Key,
    place: impl FnOnce(&Identity) -> Result<Place, Failure>,
) -> Result<(Login, Place), Failure> {
    let user = startup.get("user").unwrap_or_default();
    check_database(startup.get("database").unwrap_or(user))?;
    if may_be_read {
        let said = "a token is taken over TLS alone: connect with `sslmode=require`, once `tls_certificate` and `tls_key` are set";
        return Err(Failure::fatal("28000", said));
    }
    wire.put(Authentication::CleartextPassword);
    wire.flush().await?;
    let token = TokenWatch::of(service, &password(wire).await?);
    let identity = match token.check() {
        Ok(identity) => Arc::new(identity),
        Err(error) => return Err(refused(service, &token, &error)),
    };
    if let Err(error) = identity.require(Action::AskSql) {
        record_refusal(service, &identity);
        return Err(Failure { is_fatal: true, ..error.into() });
    }
    if user != identity.subject {
        let said =
            format!("user `{user}` must be whom the token stands for, `{}`", identity.subject);
        return Err(Failure::fatal("28000", said));
    }
    let mut settings = Settings::of(user);
    let fatal = |failure: Failure| Failure { is_fatal: true, ..failure };
    for (name, value) in options::settings(startup.get("options").unwrap_or_default())? {
        settings.begin_with(&name, &value).map_err(fatal)?;
    }
    for (name, value) in startup.settings() {
        settings.begin_with(name, value).map_err(fatal)?;
    }
    let place = place(&identity)?;
    wire.put(Authentication::Ok);
    for (name, value) in settings.reported() {
        wire.put(ParameterStatus::new(name.to_string(), value));
    }
    wire.put(BackendKeyData::new(key.number, SecretKey::I32(key.secret)));
    wire.put(ReadyForQuery::new(TransactionStatus::Idle));
    wire.flush().await?;
    Ok((Login { identity, token, settings }, place))
}

fn check_database(database: &str) -> Result<(), Failure> {
    if database == DATABASE {
        return Ok(());
    }
    let said = format!(
        "there is no database `{database}`: connect to `{DATABASE}`; the token says which shop is meant"
    );
    Err(Failure::fatal("3D000", said))
}

async fn password(wire: &mut Wire) -> Result<String, Failure> {
    match wire.message(PASSWORD_BYTES_MAX).await? {
        (b'p', bytes) => Left(bytes).text(),
        _ => None,
    }
    .ok_or_else(|| Failure::fatal("08P01", "the next message must be a password"))
}

/// What is told of a token that does not count, after it was recorded who came with it, if it ever did.
pub(super) fn refused(service: &Service, token: &TokenWatch, error: &AccessError) -> Failure {
    if let Some(former) = token.former() {
        record_refusal(service, &former);
    }
    Failure::fatal("28P01", error.to_string())
}

fn record_refusal(service: &Service, identity: &Identity) {
    let access = Access {
        outcome: AccessOutcome::Refused,
        query: Some(format!("login to `{DATABASE}`")),
        ..Access::new(AccessAction::Sql, Via::Postgres, Purpose::default())
    };
    service.trail().record(identity, access);
}

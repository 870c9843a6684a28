//! The Postgres wire, with the drivers of others and with bytes of our own.

mod answers;
mod catalogue;
mod cursors;
mod isolation;
mod limits;
mod login;
mod raw;

use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage};
use verbatim::access::TokenRole::{self, Analyst};

use super::support::{Data, Http, SHOP, Server, sample_events};

/// A server that speaks it, and where.
pub struct Wire {
    /// It ends before its directory is audited.
    pub server: Server,
    pub data: Data,
    pub port: u16,
}

impl Wire {
    pub fn start() -> Wire {
        Wire::start_on(Data::new())
    }

    pub fn start_on(data: Data) -> Wire {
        let server = Server::start_as(&data, |command| {
            command.args(["--postgres", "127.0.0.1:0"]);
        });
        let said = server.stderr();
        let port = said.split("listening for Postgres on 127.0.0.1:").nth(1).unwrap();
        let port = port.lines().next().unwrap().trim().parse().unwrap();
        Wire { server, data, port }
    }

    /// One with the sample events in it.
    pub async fn with_samples() -> (Wire, Http) {
        let wire = Wire::start();
        let admin = wire.server.http_as(&wire.data, "boss", &[TokenRole::Admin]);
        for name in ["history.ndjson", "live.ndjson"] {
            admin.events(&sample_events(name)).await;
        }
        admin.caught_up(false).await;
        (wire, admin)
    }

    /// How `subject` logs in with a token.
    pub fn config(&self, subject: &str, token: &str) -> Config {
        let mut config = Config::new();
        config.host("127.0.0.1").port(self.port).dbname("verbatim").user(subject).password(token);
        config
    }

    pub fn analyst(&self) -> Config {
        self.config("ann", &self.data.token(SHOP, "ann", &[Analyst]))
    }

    /// A client that is an analyst of [`SHOP`].
    pub async fn connect(&self) -> Client {
        connect(&self.analyst()).await.unwrap()
    }
}

pub async fn connect(config: &Config) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// State and words of an error.
pub fn told(error: &tokio_postgres::Error) -> (String, String) {
    match error.as_db_error() {
        Some(error) => (error.code().code().to_string(), error.message().to_string()),
        None => (String::new(), error.to_string()),
    }
}

/// The rows of a text in the simple protocol, as the texts that they come as.
pub async fn simple(
    client: &Client,
    sql: &str,
) -> Result<Vec<Vec<Option<String>>>, tokio_postgres::Error> {
    let messages = client.simple_query(sql).await?;
    let rows = messages.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => {
            Some((0..row.len()).map(|at| row.get(at).map(str::to_string)).collect())
        }
        _ => None,
    });
    Ok(rows.collect())
}

/// The one text that a query answers with.
pub async fn one(client: &Client, sql: &str) -> String {
    let rows =
        simple(client, sql).await.unwrap_or_else(|error| panic!("{sql}: {:?}", told(&error)));
    assert_eq!(rows.len(), 1, "{sql}: {rows:?}");
    rows[0][0].clone().unwrap_or_default()
}

/// A statement that must fail with this state.
#[track_caller]
pub fn fails(
    answer: Result<impl std::fmt::Debug, tokio_postgres::Error>,
    state: &SqlState,
) -> String {
    let error = answer.expect_err("it was answered");
    let (code, message) = told(&error);
    assert_eq!(code, state.code(), "{message}");
    message
}

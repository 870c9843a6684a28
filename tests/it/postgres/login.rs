//! Who is let in, and for how long.

use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::error::SqlState;
use verbatim::access::TokenRole::{Admin, Analyst, Customer, Dispute, Human};

use super::super::support::{PATIENCE, SHOP};
use super::raw::{Raw, state};
use super::{Wire, connect, fails, one, told};

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_the_password_and_no_other_word_is() {
    let wire = Wire::start();
    let refused = async |config: &Config| told(&connect(config).await.expect_err("it was let in"));
    let ann = wire.data.token(SHOP, "ann", &[Analyst]);
    assert_eq!(one(&wire.connect().await, "select 1").await, "1");
    for (user, password, state, named) in [
        ("ann", "secret".to_string(), "28P01", "token"),
        ("ann", String::new(), "28P01", "token"),
        ("ann", format!("{}x", &ann[..ann.len() - 1]), "28P01", "token"),
        ("ann", wire.data.expired_token(Analyst), "28P01", "expired"),
        ("postgres", ann.clone(), "28000", "postgres"),
        ("carl", wire.data.token(SHOP, "carl", &[Customer]), "42501", "SQL"),
        ("hugo", wire.data.token(SHOP, "hugo", &[Human]), "42501", "SQL"),
        ("dan", wire.data.token(SHOP, "dan", &[Dispute]), "42501", "SQL"),
    ] {
        // An empty password is none to the driver.
        let password = if password.is_empty() { " ".to_string() } else { password };
        let (code, message) = refused(&wire.config(user, &password)).await;
        assert_eq!(code, state, "{user}: {message}");
        assert!(message.contains(named), "{message}");
    }
    let mut elsewhere = wire.analyst();
    elsewhere.dbname("postgres");
    let (code, message) = refused(&elsewhere).await;
    assert_eq!(code, "3D000");
    assert!(message.contains("`postgres`") && message.contains("`verbatim`"), "{message}");
    let mut with_nonsense = wire.analyst();
    with_nonsense.options("-c datafusion.execution.batch_size=1");
    assert_eq!(refused(&with_nonsense).await.0, "42704");
    // Whoever held a token and may not, or may no longer, is in the trail.
    let boss = wire.server.http_as(&wire.data, "boss", &[Admin]);
    let deadline = std::time::Instant::now() + PATIENCE;
    for sub in ["carl", "hugo", "dan"] {
        loop {
            let answer = boss.get(&format!("/v1/access?person={sub}")).await.json();
            let text = answer.to_string();
            if text.contains("refused") && text.contains("\"postgres\"") {
                break;
            }
            assert!(std::time::Instant::now() < deadline, "{sub}: {answer}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_ends_or_is_revoked_ends_its_connection_at_the_next_statement() {
    let wire = Wire::start();
    let brief = wire.data.token_for("ann", &[Analyst], Duration::from_secs(2));
    let client = connect(&wire.config("ann", &brief)).await.unwrap();
    assert_eq!(one(&client, "select 1").await, "1");
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    let told = fails(client.simple_query("select 1").await, &SqlState::INVALID_PASSWORD);
    assert!(told.contains("expired"), "{told}");
    assert!(client.simple_query("select 1").await.unwrap_err().is_closed());

    let (client, idle) = (wire.connect().await, wire.connect().await);
    let statement = idle.prepare("select 1").await.unwrap();
    // It was made by the test, so that none is known by its id; those made so far count no longer.
    wire.data.run(["token", "revoke", "--sub", "ann", "--shop", SHOP]).assert_code(1);
    let deadline = std::time::Instant::now() + PATIENCE;
    while client.simple_query("select 1").await.is_ok() {
        assert!(std::time::Instant::now() < deadline, "it goes on");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let told = fails(idle.query(&statement, &[]).await, &SqlState::INVALID_PASSWORD);
    assert!(told.contains("revoked"), "{told}");
}

/// A statement went on for its whole minute, and a connection that said nothing stayed for an hour.
#[tokio::test(flavor = "multi_thread")]
async fn a_statement_under_way_and_a_silent_connection_end_with_their_token() {
    let wire = Wire::start();
    let (client, mut silent) = (wire.connect().await, {
        let token = wire.data.token(SHOP, "ann", &[Analyst]);
        Raw::log_in(&wire, "ann", &token)
    });
    let asked = tokio::spawn(async move {
        let many = "generate_series(1, 1000000)";
        client.simple_query(&format!("select count(*) from {many} a cross join {many} b")).await
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    wire.data.run(["token", "revoke", "--sub", "ann", "--shop", SHOP]).assert_code(1);
    let told = fails(asked.await.unwrap(), &SqlState::INVALID_PASSWORD);
    assert!(told.contains("revoked"), "{told}");
    let last = tokio::task::block_in_place(|| silent.until_closed());
    assert_eq!(state(&last), "28P01");
}

//! What tools look up before anybody asks a question. `tests/postgres/*.sql` asks as they do, in words of our
//! own that take the same turns (the tools themselves ask in `tests/interop/postgres`): one statement a paragraph, and above it what its
//! answer must have.

use std::path::Path;

use tokio_postgres::SimpleQueryMessage;

use super::{Wire, one, simple, told};

/// Statements of one file: what is expected of each (a word that is in its answer, `rows`, `no rows` or
/// `any`), and its text.
fn statements(text: &str) -> Vec<(String, String)> {
    let mut statements = Vec::new();
    for paragraph in text.split("\n\n").map(str::trim).filter(|paragraph| !paragraph.is_empty()) {
        let lines = paragraph.lines();
        let expected = lines.clone().filter_map(|line| line.strip_prefix("-- expect: ")).next();
        let sql: Vec<&str> = lines.filter(|line| !line.starts_with("-- ")).collect();
        if !sql.is_empty() {
            let expected = expected.unwrap_or_else(|| panic!("nothing is expected of {paragraph}"));
            statements.push((expected.to_string(), sql.join("\n")));
        }
    }
    statements
}

#[tokio::test(flavor = "multi_thread")]
async fn tools_find_the_tables_and_their_columns() {
    let (wire, _) = Wire::with_samples().await;
    let client = wire.connect().await;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/postgres");
    let (mut asked, mut wrong) = (0, Vec::new());
    let numbers = ["turns", "messages"].map(|name| format!("'{name}'::regclass::oid"));
    let [turns, messages] = [
        one(&client, &format!("select {}", numbers[0])).await,
        one(&client, &format!("select {}", numbers[1])).await,
    ];
    for file in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let text = std::fs::read_to_string(&file).unwrap();
        for (expected, sql) in statements(&text) {
            asked += 1;
            let sql = sql.replace("{turns}", &turns).replace("{messages}", &messages);
            let name = file.file_name().unwrap().to_string_lossy().into_owned();
            let answer = client.simple_query(&sql).await;
            let rows: Vec<String> = match &answer {
                Ok(messages) => messages
                    .iter()
                    .filter_map(|message| match message {
                        SimpleQueryMessage::Row(row) => Some(
                            (0..row.len())
                                .filter_map(|at| row.get(at))
                                .collect::<Vec<_>>()
                                .join("|"),
                        ),
                        _ => None,
                    })
                    .collect(),
                Err(error) => {
                    wrong.push(format!("{name}: {:?}\n{sql}", told(error)));
                    continue;
                }
            };
            let is_right = match expected.as_str() {
                "any" => true,
                "rows" => !rows.is_empty(),
                "no rows" => rows.is_empty(),
                words => words.split(", ").all(|word| rows.iter().any(|row| row.contains(word))),
            };
            if !is_right {
                wrong.push(format!(
                    "{name}: not {expected}: {:?}\n{sql}",
                    rows.iter().take(5).collect::<Vec<_>>()
                ));
            }
        }
    }
    assert!(asked > 0);
    assert!(wrong.is_empty(), "{} of {asked}:\n{}", wrong.len(), wrong.join("\n\n"));
}

/// A tool asks for a table's number first, and for its columns by that number next: another process may
/// answer then.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_has_the_same_number_in_every_process() {
    let wire = Wire::start();
    let client = wire.connect().await;
    let number = "select oid from pg_catalog.pg_class where relname = 'turns'";
    let first = one(&client, number).await;
    // A process that fails is not asked again.
    for _ in 0..5 {
        let _ = client.simple_query("select array_length(range(0, 250000000))").await;
        assert_eq!(one(&client, number).await, first);
        let sql = format!(
            "select attname from pg_catalog.pg_attribute where attrelid = {first} and attnum > 0 order by attnum"
        );
        let columns = simple(&client, &sql).await.unwrap();
        assert!(columns.iter().any(|row| row[0].as_deref() == Some("nrt_ms")), "{columns:?}");
    }
    // The same in another service.
    let other = Wire::start();
    assert_eq!(one(&other.connect().await, number).await, first);
}

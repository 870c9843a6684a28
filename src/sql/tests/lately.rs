//! Answers that are given again.

use arrow::util::pretty::pretty_format_batches;

use super::views::{RandomLog, SHOPS, sql_over};
use crate::sql::Answer;

fn shown(answer: &Answer) -> String {
    pretty_format_batches(&answer.batches).unwrap().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_given_again_to_its_shop_alone_and_where_it_may_be_old() {
    const SQL: &str = "SELECT now() AS at, (SELECT max(shop) FROM events) AS shop";
    let dir = tempfile::tempdir().unwrap();
    let sql = sql_over(dir.path(), &RandomLog::new(1).records).await;
    let [mine, other] = [SHOPS[0], SHOPS[1]];
    let first = shown(&sql.query_lately(mine, SQL).await.unwrap());
    assert_eq!(shown(&sql.query_lately(mine, SQL).await.unwrap()), first);
    assert_ne!(shown(&sql.query(mine, SQL).await.unwrap()), first);
    let theirs = shown(&sql.query_lately(other, SQL).await.unwrap());
    assert!(first.contains(mine) && theirs.contains(other) && !theirs.contains(mine), "{theirs}");
}

/// Whoever has just written looks whether it counts.
#[tokio::test(flavor = "multi_thread")]
async fn figures_of_a_small_archive_are_always_those_of_now() {
    let dir = tempfile::tempdir().unwrap();
    let sql = sql_over(dir.path(), &RandomLog::new(1).records).await;
    let figures = async || {
        let figures = sql.figures(SHOPS[0], "longest_waits", &Default::default(), false).await;
        shown(&figures.unwrap().answer)
    };
    let first = figures().await;
    assert!(first.contains("waited_s") && first.lines().count() > 4, "{first}");
    assert_ne!(figures().await, first, "who waits waits longer");
}

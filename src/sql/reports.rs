//! Named queries, answered: the query itself, the same beside the range before, the rows behind one of its
//! figures, and the SQL that runs, for people. Arguments are as people give them; see
//! [`crate::model::instant_of`] and [`Filter`].

use std::collections::BTreeMap;

use super::lately::Key;
use super::named::{self, Arguments, Explained, NamedQuery};
use super::{ANSWER_ROWS_MAX, Answer, AnswerStream, Figures, Filter, Sql, SqlError, Value};
use crate::model::Micros;

impl Sql {
    /// The named queries of a shop, by name; a file that is not understood is left out.
    pub fn named(&self, shop: &str) -> Result<Vec<NamedQuery>, SqlError> {
        named::load(&self.queries, shop)
    }

    /// The files that [`Sql::named`] leaves out: their names, and what is wrong with them.
    pub fn left_out(&self, shop: &str) -> Result<Vec<(String, String)>, SqlError> {
        named::left_out(&self.queries, shop)
    }

    /// Whether a named query is the shop's own: it may then show rows of chat.
    pub fn is_own(&self, shop: &str, name: &str) -> Result<bool, SqlError> {
        Ok(!named::find(&self.queries, shop, name)?.is_built_in())
    }

    /// Answers a named query.
    pub async fn run_named(
        &self,
        shop: &str,
        name: &str,
        arguments: &BTreeMap<String, String>,
    ) -> Result<Answer, SqlError> {
        let (query, arguments) = self.asked(shop, name, arguments).await?;
        let sql = sql_of(&query, arguments.filters())?;
        self.collect(shop, &sql, arguments.into_values()).await
    }

    /// The same with what each figure was in the range before, `previous_X`, and what that makes of it,
    /// `change_X`.
    ///
    /// # Errors
    /// Where the query has no range.
    pub async fn compare(
        &self,
        shop: &str,
        name: &str,
        arguments: &BTreeMap<String, String>,
    ) -> Result<Answer, SqlError> {
        let (query, arguments) = self.asked(shop, name, arguments).await?;
        let (before, shift) = named::previous(&query, &arguments)?;
        let sql = sql_of(&query, arguments.filters())?;
        let (now, then) = tokio::try_join!(
            self.collect(shop, &sql, arguments.into_values()),
            self.collect(shop, &sql, before.into_values()),
        )?;
        named::compared(&query, now, then, shift)
    }

    /// As one of these two, for people to look at: of a large archive as it was a moment ago, where that took long. A
    /// shop's own query may show what was said, so it is asked each time.
    pub async fn figures(
        &self,
        shop: &str,
        name: &str,
        arguments: &BTreeMap<String, String>,
        compares: bool,
    ) -> Result<Figures, SqlError> {
        let asked = format!("{arguments:?}");
        let (query, arguments) = self.asked(shop, name, arguments).await?;
        let before = compares.then(|| named::previous(&query, &arguments)).transpose()?;
        let sql = sql_of(&query, arguments.filters())?;
        let key = |arguments: String| Key { shop: shop.to_string(), sql: sql.clone(), arguments };
        let may_keep = query.is_built_in();
        let earlier = key(format!("before {asked}"));
        let now = self.figures_lately(key(asked), arguments.into_values(), may_keep);
        let Some((before, shift)) = before else { return now.await };
        let then = self.figures_lately(earlier, before.into_values(), may_keep);
        let (now, then) = tokio::try_join!(now, then)?;
        let as_of = now.as_of.min(then.as_of);
        Ok(Figures { answer: named::compared(&query, now.answer, then.answer, shift)?, as_of })
    }

    /// A named query, and what is asked of it. Its file is read where that holds up nobody.
    async fn asked(
        &self,
        shop: &str,
        name: &str,
        given: &BTreeMap<String, String>,
    ) -> Result<(NamedQuery, Arguments), SqlError> {
        let (dir, of, named) = (self.queries.clone(), shop.to_string(), name.to_string());
        let found = tokio::task::spawn_blocking(move || named::find(&dir, &of, &named)).await;
        let query = found.map_err(|error| SqlError::Session(error.to_string()))??;
        let arguments = query.read(given, self.zone, Micros::now())?;
        Ok((query, arguments))
    }

    /// The rows behind a figure: those that it counts, the longest first, then those that it leaves out and why.
    /// Columns: those that tell the answer's rows apart, and `conversation, at, at_offset, agent, value, left_out`.
    /// They come as an export does, however many they are.
    ///
    /// # Errors
    /// Where the query does not say which rows stand behind it, has no such figure, or no such row can be named.
    pub async fn rows_behind(
        &self,
        shop: &str,
        name: &str,
        arguments: &BTreeMap<String, String>,
        explained: &Explained,
    ) -> Result<AnswerStream, SqlError> {
        let (sql, values) = self.behind(shop, name, arguments, explained, None).await?;
        self.ask(shop, &sql, values).await.map_err(|not_begun| not_begun.error)
    }

    /// The first of [`Sql::rows_behind`], at most [`ANSWER_ROWS_MAX`].
    pub async fn first_behind(
        &self,
        shop: &str,
        name: &str,
        arguments: &BTreeMap<String, String>,
        explained: &Explained,
    ) -> Result<Answer, SqlError> {
        let limit = Some(ANSWER_ROWS_MAX);
        let (sql, values) = self.behind(shop, name, arguments, explained, limit).await?;
        self.collect(shop, &sql, values).await
    }

    async fn behind(
        &self,
        shop: &str,
        name: &str,
        arguments: &BTreeMap<String, String>,
        explained: &Explained,
        limit: Option<usize>,
    ) -> Result<(String, Vec<(String, Value)>), SqlError> {
        let (query, arguments) = self.asked(shop, name, arguments).await?;
        let tree = named::narrowed(&query, arguments.filters())?;
        let (tree, keys) = named::rows_behind(&query, tree, explained, limit)?;
        let values = arguments.into_values().into_iter().chain(keys).collect();
        Ok((named::text_of_tree(&tree)?, values))
    }

    /// The SQL of a named query as it runs, with filters, and the arguments written in: for people to read,
    /// and to ask again anywhere.
    pub fn composed(
        &self,
        shop: &str,
        name: &str,
        arguments: &BTreeMap<String, String>,
    ) -> Result<String, SqlError> {
        let query = named::find(&self.queries, shop, name)?;
        let arguments = query.read(arguments, self.zone, Micros::now())?;
        let tree = named::narrowed(&query, arguments.filters())?;
        named::written(tree, arguments.into_values())
    }
}

/// What runs: without filters the file's own text, whose lines an error may then name.
fn sql_of(query: &NamedQuery, filters: &BTreeMap<Filter, String>) -> Result<String, SqlError> {
    if filters.is_empty() {
        return Ok(query.sql.clone());
    }
    named::text_of_tree(&named::narrowed(query, filters)?)
}

//! The tables that a session has, as its catalogue lists them: the same for every shop.

use std::collections::BTreeMap;

use arrow::datatypes::SchemaRef;
use datafusion::catalog::SchemaProvider;
use datafusion::datasource::TableType;
use datafusion::error::Result;

/// What the one database is called.
pub const DATABASE: &str = "verbatim";
/// The schema of the shop's tables.
pub(super) const PUBLIC: &str = "public";
/// Who owns everything.
pub(super) const OWNER: &str = "verbatim";

/// A table as the catalogue lists it.
#[derive(Clone, Debug)]
pub(super) struct ListedTable {
    pub(super) schema: SchemaRef,
    pub(super) kind: TableType,
}

/// All schemas and their tables, in the order of their names.
#[derive(Clone, Debug, Default)]
pub(super) struct Listed {
    pub(super) schemas: BTreeMap<String, BTreeMap<String, ListedTable>>,
}

impl Listed {
    /// Lists the tables of one schema.
    pub(super) async fn add_all_of(&mut self, name: &str, of: &dyn SchemaProvider) -> Result<()> {
        let tables = self.schemas.entry(name.to_string()).or_default();
        for table in of.table_names() {
            if let Some(provider) = of.table(&table).await? {
                let (schema, kind) = (provider.schema(), provider.table_type());
                tables.insert(table, ListedTable { schema, kind });
            }
        }
        Ok(())
    }

    pub(super) fn table(&self, schema: &str, table: &str) -> Option<&ListedTable> {
        self.schemas.get(schema)?.get(table)
    }
}

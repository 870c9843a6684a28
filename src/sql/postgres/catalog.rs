//! `pg_catalog`: the tables by which clients find out what there is.
//!
//! Tables are numbered (`oid`) in the order of their names, once: a client asks for a table's number in
//! one question and for its columns in the next, which another process may answer.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{SchemaProvider, TableProvider};
use datafusion::datasource::TableType;
use datafusion::error::{DataFusionError, Result};
use datafusion_pg_catalog::pg_catalog::catalog_info::CatalogInfo;
use datafusion_pg_catalog::pg_catalog::context::{PgCatalogContextProvider, Role};
use datafusion_pg_catalog::pg_catalog::{
    PG_CATALOG_TABLES, PgCatalogSchemaProvider, PgCatalogStaticTables,
};

use super::listed::{DATABASE, Listed, ListedTable, OWNER};
use super::own_tables;

/// The schema's name.
pub(super) const NAME: &str = "pg_catalog";
/// The tables that are the same everywhere, decoded.
pub(super) fn static_tables() -> Result<Arc<PgCatalogStaticTables>> {
    Ok(Arc::new(PgCatalogStaticTables::try_new()?))
}

/// The schema, with all of `listed` and itself in it.
pub(super) async fn schema(
    mut listed: Listed,
    statics: Arc<PgCatalogStaticTables>,
) -> Result<PgCatalog> {
    let without_itself =
        PgCatalogSchemaProvider::try_new(List(Arc::new(listed.clone())), statics.clone(), Owner)?;
    let itself = listed.schemas.entry(NAME.to_string()).or_default();
    for name in PG_CATALOG_TABLES {
        if let Some(table) = without_itself.build_table_by_name(name)? {
            let listed = ListedTable { schema: table.schema(), kind: TableType::Base };
            itself.insert((*name).to_string(), listed);
        }
    }
    let listed = Arc::new(listed);
    let library = PgCatalogSchemaProvider::try_new(List(listed.clone()), statics, Owner)?;
    let own = own_tables::of(&library, &listed).await?;
    Ok(PgCatalog { library: Arc::new(library), own })
}

/// The library's tables, but for those that it knows less of.
#[derive(Clone, Debug)]
pub(super) struct PgCatalog {
    library: Arc<dyn SchemaProvider>,
    own: BTreeMap<&'static str, Arc<dyn TableProvider>>,
}

impl PgCatalog {
    /// The same in a session that has these cursors.
    pub(super) fn with_cursors(&self, cursors: &[String]) -> Result<PgCatalog> {
        let mut of_session = self.clone();
        of_session.own.insert("pg_cursors", own_tables::cursors(cursors)?);
        Ok(of_session)
    }
}

#[async_trait]
impl SchemaProvider for PgCatalog {
    fn table_names(&self) -> Vec<String> {
        self.library.table_names()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        match self.own.get(name) {
            Some(own) => Ok(Some(own.clone())),
            None => self.library.table(name).await,
        }
    }

    fn table_exist(&self, name: &str) -> bool {
        self.own.contains_key(name) || self.library.table_exist(name)
    }
}

/// What the library lists, cheap to copy as it wants it.
#[derive(Clone, Debug)]
struct List(Arc<Listed>);

#[async_trait]
impl CatalogInfo for List {
    async fn catalog_names(&self) -> Result<Vec<String>, DataFusionError> {
        Ok(vec![DATABASE.to_string()])
    }

    async fn schema_names(&self, _: &str) -> Result<Option<Vec<String>>, DataFusionError> {
        Ok(Some(self.0.schemas.keys().cloned().collect()))
    }

    async fn table_names(&self, _: &str, schema: &str) -> Result<Option<Vec<String>>> {
        Ok(self.0.schemas.get(schema).map(|tables| tables.keys().cloned().collect()))
    }

    async fn table_schema(&self, _: &str, schema: &str, table: &str) -> Result<Option<SchemaRef>> {
        Ok(self.0.table(schema, table).map(|table| table.schema.clone()))
    }

    async fn table_type(&self, _: &str, schema: &str, table: &str) -> Result<Option<TableType>> {
        Ok(self.0.table(schema, table).map(|table| table.kind))
    }
}

/// The one role there is.
#[derive(Clone, Debug)]
struct Owner;

#[async_trait]
impl PgCatalogContextProvider for Owner {
    async fn roles(&self) -> Vec<String> {
        vec![OWNER.to_string()]
    }

    async fn role(&self, name: &str) -> Option<Role> {
        (name == OWNER).then(|| Role {
            name: OWNER.to_string(),
            is_superuser: false,
            can_login: true,
            can_create_db: false,
            can_create_role: false,
            can_create_user: false,
            can_replication: false,
            grants: Vec::new(),
            inherited_roles: Vec::new(),
        })
    }
}

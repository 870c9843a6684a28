-- Which schemas, tables and views there are, in the ways in which tools ask.

-- Schemas, without those of a session: drivers, Metabase.
-- expect: public
select ns.nspname as schema_name, current_database() as catalog_name
from pg_catalog.pg_namespace as ns
where ns.nspname <> 'pg_toast'
  and (ns.nspname !~ '^pg_temp_' or ns.nspname = (pg_catalog.current_schemas(true))[1])
  and (ns.nspname !~ '^pg_toast_temp_' or ns.nspname = replace((pg_catalog.current_schemas(true))[1], 'pg_temp_', 'pg_toast_temp_'))
order by schema_name

-- Schemas and what is written of them: DBeaver.
-- expect: public, information_schema
select ns.oid, ns.*, note.description
from pg_catalog.pg_namespace as ns
left outer join pg_catalog.pg_description as note
  on note.objoid = ns.oid and note.objsubid = 0 and note.classoid = 'pg_namespace'::regclass
order by ns.nspname

-- The schemas that names without one are looked for in: pgcli.
-- expect: public
select path.* from unnest(current_schemas(true)) as path

-- expect: public
select current_schema(), (current_schemas(false))[1]

-- Kinds of relations in words, and whose they are: psql.
-- expect: public|turns|a table, public|messages|a view
select ns.nspname as "Schema", rel.relname as "Name",
  case rel.relkind when 'r' then 'a table' when 'p' then 'a table in parts' when 'v' then 'a view' when 'm' then 'a view that is kept'
    when 'i' then 'an index' when 'S' then 'a sequence' when 'f' then 'elsewhere' end as "Kind",
  pg_catalog.pg_get_userbyid(rel.relowner) as "Owner"
from pg_catalog.pg_class as rel
left join pg_catalog.pg_namespace as ns on ns.oid = rel.relnamespace
left join pg_catalog.pg_am as method on method.oid = rel.relam
where rel.relkind in ('r', 'p', 'v', 'm', 'S', 'f', '')
  and ns.nspname not in ('pg_catalog', 'information_schema')
  and ns.nspname !~ '^pg_toast'
  and pg_catalog.pg_table_is_visible(rel.oid)
order by 1, 2

-- One relation by its name as a pattern with a collation: psql.
-- expect: public|turns
select rel.oid, ns.nspname, rel.relname
from pg_catalog.pg_class as rel
left join pg_catalog.pg_namespace as ns on ns.oid = rel.relnamespace
where rel.relname operator(pg_catalog.~) '^(turns)$' collate pg_catalog.default
  and pg_catalog.pg_table_is_visible(rel.oid)
order by 2, 3

-- Names that begin with a pattern in which a character escapes: JDBC.
-- expect: public|waits
select ns.nspname, rel.relname
from pg_catalog.pg_namespace as ns, pg_catalog.pg_class as rel
where rel.relnamespace = ns.oid and ns.nspname like 'publ%' and rel.relname like 'w/aits' escape '/'
order by rel.relname

-- Kinds as an array in one text: pgcli, SQLAlchemy.
-- expect: public|turns
select ns.nspname as schema_name, rel.relname as relation_name
from pg_catalog.pg_class as rel
left join pg_catalog.pg_namespace as ns on ns.oid = rel.relnamespace
where rel.relkind = any('{r,p,f}') and rel.relpersistence <> 't'
order by schema_name, relation_name

-- expect: messages
select rel.relname
from pg_catalog.pg_class as rel join pg_catalog.pg_namespace as ns on ns.oid = rel.relnamespace
where rel.relkind = any(array['v', 'm']) and pg_catalog.pg_table_is_visible(rel.oid) and ns.nspname != 'pg_catalog'

-- What may be done with each relation, of three lists: Metabase.
-- expect: public|turns|f|t|f, public|messages|f|t|f
with privileges as (
  select null as grantee, listed.schemaname, listed.name,
    pg_catalog.has_any_column_privilege(current_user, concat('"', replace(listed.schemaname, '"', '""'), '"."', replace(listed.name, '"', '""'), '"'), 'update') as may_update,
    pg_catalog.has_any_column_privilege(current_user, '"' || listed.schemaname || '"' || '.' || '"' || listed.name || '"', 'select') as may_select,
    pg_catalog.has_table_privilege(current_user, '"' || listed.schemaname || '"."' || listed.name || '"', 'delete') as may_delete
  from (
    select schemaname, tablename as name from pg_catalog.pg_tables
    union
    select schemaname, viewname as name from pg_catalog.pg_views
    union
    select schemaname, matviewname as name from pg_catalog.pg_matviews
  ) as listed
  where listed.schemaname !~ '^pg_' and listed.schemaname <> 'information_schema'
    and pg_catalog.has_schema_privilege(current_user, listed.schemaname, 'usage')
)
select privileges.* from privileges

-- Relations with notes and how many rows are thought to be in them, every name in quotes: Metabase.
-- expect: public|turns|base, public|messages|view
select "ns"."nspname" as "schema", "rel"."relname" as "relation",
  case "rel"."relkind" when 'r' then 'base' when 'v' then 'view' else null end as "kind",
  "note"."description" as "note", "counted"."n_live_tup" as "rows"
from "pg_catalog"."pg_class" as "rel"
inner join "pg_catalog"."pg_namespace" as "ns" on "rel"."relnamespace" = "ns"."oid"
left join "pg_catalog"."pg_description" as "note"
  on ("rel"."oid" = "note"."objoid") and ("note"."objsubid" = '0') and ("note"."classoid" = 'pg_class'::regclass)
left join "pg_stat_user_tables" as "counted"
  on ("ns"."nspname" = "counted"."schemaname") and ("rel"."relname" = "counted"."relname")
where ("ns"."nspname" !~ '^pg_') and ("ns"."nspname" in ('public')) and rel.relkind in ('r', 'p', 'v', 'f', 'm')
order by "kind" asc, "schema" asc, "relation" asc

-- Relations named as the search path lets them be named: Grafana.
-- expect: turns, messages
select
  case when quote_ident(t.table_schema) in (
    select case when trim(part[at]) = '"$user"' then user else trim(part[at]) end
    from generate_series(
        array_lower(string_to_array(current_setting('search_path'), ','), 1),
        array_upper(string_to_array(current_setting('search_path'), ','), 1)
      ) as at,
      string_to_array(current_setting('search_path'), ',') as part
  ) then quote_ident(t.table_name) else quote_ident(t.table_schema) || '.' || quote_ident(t.table_name) end as named
from information_schema.tables as t
where quote_ident(t.table_schema) not in ('information_schema', 'pg_catalog', '_of_an_extension')
order by
  case when quote_ident(t.table_schema) in (
    select case when trim(part[at]) = '"$user"' then user else trim(part[at]) end
    from generate_series(
        array_lower(string_to_array(current_setting('search_path'), ','), 1),
        array_upper(string_to_array(current_setting('search_path'), ','), 1)
      ) as at,
      string_to_array(current_setting('search_path'), ',') as part
  ) then 0 else 1 end, 1

-- By the standard: Power BI, Superset.
-- expect: public|turns|BASE TABLE, public|messages|VIEW
select table_schema, table_name, table_type from information_schema.tables
where table_schema not in ('information_schema', 'pg_catalog') order by table_schema, table_name

-- Everything of a relation, and what its parts would be: DBeaver.
-- expect: pg_class
select rel.oid, rel.*, note.description, pg_catalog.pg_get_expr(rel.relpartbound, rel.oid) as part_of, pg_catalog.pg_get_partkeydef(rel.oid) as parted_by
from pg_catalog.pg_class as rel
left outer join pg_catalog.pg_description as note on note.objoid = rel.oid and note.objsubid = 0 and note.classoid = 'pg_class'::regclass
where rel.relnamespace = 11 and rel.relkind not in ('i', 'I', 'c')

-- Traits of one relation, by its number: psql.
-- expect: r|p
select rel.relchecks, rel.relhasindex, rel.relhasrules, rel.relhastriggers, rel.relrowsecurity, rel.relispartition, rel.relkind, rel.relpersistence,
  case when rel.reloftype = 0 then '' else rel.reloftype::pg_catalog.regtype::pg_catalog.text end as of_type,
  pg_catalog.array_to_string(rel.reloptions || array(select 'toast.' || x from pg_catalog.unnest(toast.reloptions) as x), ', ') as options
from pg_catalog.pg_class as rel
left join pg_catalog.pg_class as toast on rel.reltoastrelid = toast.oid
where rel.oid = '{turns}'

-- The text of a view, and what is written of a relation: SQLAlchemy.
-- expect: any
select pg_catalog.pg_get_viewdef(rel.oid) as text, pg_catalog.obj_description(rel.oid, 'pg_class') as note
from pg_catalog.pg_class as rel where rel.relname = 'messages' and rel.relkind in ('v', 'm')

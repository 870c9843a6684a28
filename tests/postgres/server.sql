-- What server this is and who asks, in the ways in which tools ask.

-- expect: PostgreSQL
select version()

-- expect: PostgreSQL
select pg_catalog.version()

-- expect: public
select current_schema(), session_user

-- The database: psql, DBeaver.
-- expect: verbatim
select db.oid, db.* from pg_catalog.pg_database as db where db.datname = 'verbatim'

-- expect: verbatim|UTF-8|verbatim
select db.datname, pg_catalog.pg_encoding_to_char(db.encoding) as encoding, pg_catalog.pg_get_userbyid(db.datdba) as owner,
  pg_catalog.array_to_string(db.datacl, ' ') as rights
from pg_catalog.pg_database as db
order by 1

-- Settings: JDBC, DBeaver.
-- expect: 32
select setting from pg_catalog.pg_settings where name = 'max_index_keys'

-- expect: standard_conforming_strings
select * from pg_catalog.pg_settings where name = 'standard_conforming_strings'

-- Whether this is a server of another kind: pgAdmin. Each part of the answer is one row, whatever there is.
-- expect: rows
select case
  when (select count(ext.extname) from pg_catalog.pg_extension as ext where ext.extname = 'of_another_kind') > 0 then 'another'
  when (select count(*) from pg_replication_slots) > 0 then 'replicated'
  else null end as kind

-- Functions with their arguments: psql, pgcli.
-- expect: any
select ns.nspname, fn.proname, fn.proargnames, coalesce(fn.proallargtypes::regtype[], fn.proargtypes::regtype[])::text[] as argument_types, fn.proargmodes,
  fn.prorettype::regtype::text as returns, fn.prokind = 'a' as is_aggregate, fn.prokind = 'w' as is_window, fn.proretset,
  needed.deptype = 'e' as is_of_extension, pg_get_expr(fn.proargdefaults, 0) as defaults
from pg_catalog.pg_proc as fn
inner join pg_catalog.pg_namespace as ns on ns.oid = fn.pronamespace
left join pg_depend as needed on needed.objid = fn.oid and needed.deptype = 'e'
where fn.prorettype::regtype != 'trigger'::regtype
order by 1, 2

-- expect: any
select ns.nspname, fn.proname, pg_catalog.pg_get_function_result(fn.oid) as returns, pg_catalog.pg_get_function_arguments(fn.oid) as takes
from pg_catalog.pg_proc as fn
left join pg_catalog.pg_namespace as ns on ns.oid = fn.pronamespace
where pg_catalog.pg_function_is_visible(fn.oid) and ns.nspname <> 'pg_catalog' and ns.nspname <> 'information_schema'
order by 1, 2

-- Who there is, and what was added: psql.
-- expect: rows
select r.rolname, r.rolsuper, r.rolinherit, r.rolcanlogin, r.rolconnlimit,
  array(select other.rolname from pg_catalog.pg_auth_members as member join pg_catalog.pg_roles as other on member.roleid = other.oid where member.member = r.oid) as member_of
from pg_catalog.pg_roles as r
where r.rolname !~ '^pg_'
order by 1

-- expect: any
select ext.extname, ext.extversion, ns.nspname, note.description
from pg_catalog.pg_extension as ext
left join pg_catalog.pg_namespace as ns on ns.oid = ext.extnamespace
left join pg_catalog.pg_description as note on note.objoid = ext.oid and note.classoid = 'pg_catalog.pg_extension'::pg_catalog.regclass
order by 1

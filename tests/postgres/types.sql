-- What types there are, in the ways in which tools ask.

-- All of them, with what they are made of: drivers, DBeaver.
-- expect: timestamptz, int8
select typ.oid, typ.*, rel.relkind, format_type(nullif(typ.typbasetype, 0), typ.typtypmod) as base, note.description
from pg_catalog.pg_type as typ
left outer join pg_catalog.pg_type as element on element.oid = typ.typelem
left outer join pg_catalog.pg_class as rel on rel.oid = typ.typrelid
left outer join pg_catalog.pg_description as note on typ.oid = note.objoid
where typ.typname is not null and (rel.relkind is null or rel.relkind = 'c') and (element.typcategory is null or element.typcategory <> 'C')

-- Neither of relations nor of arrays: pgcli. Nobody has made one.
-- expect: no rows
select ns.nspname, typ.typname
from pg_catalog.pg_type as typ
inner join pg_catalog.pg_namespace as ns on ns.oid = typ.typnamespace
where (typ.typrelid = 0 or (select rel.relkind = 'c' from pg_catalog.pg_class as rel where rel.oid = typ.typrelid))
  and not exists (select 1 from pg_catalog.pg_type as element where element.oid = typ.typelem and element.typarray = typ.oid)
  and ns.nspname not in ('pg_catalog', 'information_schema')
order by 1, 2

-- What a driver asks of a type that it does not know, along the search path: JDBC.
-- expect: any
select typ.typinput = 'pg_catalog.array_in'::regproc as is_list, typ.typtype, typ.typname, typ.oid
from pg_catalog.pg_type as typ
left join (
  select ns.oid as nspoid, ns.nspname, path.place
  from pg_namespace as ns
  join (
    select at.n as place, (current_schemas(false))[at.n] as nspname
    from generate_series(1, array_upper(current_schemas(false), 1)) as at(n)
  ) as path using (nspname)
) as found on found.nspoid = typ.typnamespace
where typ.oid = 1034
order by found.place, typ.oid desc

-- Whether a type needs its schema before it: JDBC.
-- expect: t|pg_catalog|text
select ns.nspname = any(current_schemas(true)), ns.nspname, typ.typname
from pg_catalog.pg_type as typ
join pg_catalog.pg_namespace as ns on typ.typnamespace = ns.oid
where typ.oid = 25

-- A type by its name: psycopg.
-- expect: json|114
select typ.typname as name, typ.oid, typ.typarray as list_oid, typ.oid::regtype::text as shown, typ.typdelim
from pg_type as typ
where typ.oid = to_regtype('json')
order by typ.oid

-- Names of values that a type lists: DBeaver, SQLAlchemy.
-- expect: no rows
select listed.* from pg_catalog.pg_enum as listed where 1 <> 1 limit 1

-- expect: no rows
select typ.typname, pg_catalog.pg_type_is_visible(typ.oid) as is_visible, ns.nspname,
  array_agg(listed.enumlabel order by listed.enumsortorder) as labels
from pg_catalog.pg_type as typ
join pg_catalog.pg_namespace as ns on ns.oid = typ.typnamespace
join pg_catalog.pg_enum as listed on listed.enumtypid = typ.oid
group by typ.typname, typ.oid, ns.nspname

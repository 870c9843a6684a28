-- Which columns a relation has and of what types, in the ways in which tools ask.

-- By its number, in order, with defaults and collations: psql.
-- expect: waiting_since|timestamp with time zone
select att.attname, pg_catalog.format_type(att.atttypid, att.atttypmod) as type_name,
  (select pg_catalog.pg_get_expr(def.adbin, def.adrelid, true) from pg_catalog.pg_attrdef as def
    where def.adrelid = att.attrelid and def.adnum = att.attnum and att.atthasdef) as default_value,
  att.attnotnull,
  (select sorted.collname from pg_catalog.pg_collation as sorted, pg_catalog.pg_type as typ
    where sorted.oid = att.attcollation and typ.oid = att.atttypid and att.attcollation <> typ.typcollation) as sorted_by,
  att.attidentity, att.attgenerated
from pg_catalog.pg_attribute as att
where att.attrelid = '{turns}' and att.attnum > 0 and not att.attisdropped
order by att.attnum

-- By its name as its number: ADBC.
-- expect: nrt_ms|20
select att.attname, att.atttypid
from pg_catalog.pg_class as rel
inner join pg_catalog.pg_attribute as att on rel.oid = att.attrelid
inner join pg_catalog.pg_type as typ on att.atttypid = typ.oid
where att.attnum >= 0 and rel.oid = 'turns'::regclass::oid
order by att.attnum

-- Types by their names, of all relations: pgcli.
-- expect: public|messages|sender_role|text|f, public|messages|attachments|json|f
select ns.nspname, rel.relname, att.attname, att.atttypid::regtype::text as type_name, att.atthasdef,
  pg_catalog.pg_get_expr(def.adbin, def.adrelid, true) as default_value
from pg_catalog.pg_attribute as att
inner join pg_catalog.pg_class as rel on att.attrelid = rel.oid
inner join pg_catalog.pg_namespace as ns on rel.relnamespace = ns.oid
left outer join pg_attrdef as def on def.adrelid = att.attrelid and def.adnum = att.attnum
where rel.relkind = any('{v,m}') and not att.attisdropped and att.attnum > 0
order by 1, 2, att.attnum

-- Counted anew, with what the type says, in a query of a query: JDBC.
-- expect: turns|conversation|2|25|t, turns|nrt_ms
select numbered.* from (
  select rel.relname, att.attname, row_number() over (partition by att.attrelid order by att.attnum) as place,
    att.atttypid, att.attnotnull or (typ.typtype = 'd' and typ.typnotnull) as is_required, att.atttypmod, att.attlen, typ.typtypmod,
    nullif(att.attidentity, '') as identity, pg_catalog.pg_get_expr(def.adbin, def.adrelid) as default_value, note.description, typ.typbasetype, typ.typtype
  from pg_catalog.pg_namespace as ns
  join pg_catalog.pg_class as rel on rel.relnamespace = ns.oid
  join pg_catalog.pg_attribute as att on att.attrelid = rel.oid
  join pg_catalog.pg_type as typ on att.atttypid = typ.oid
  left join pg_catalog.pg_attrdef as def on att.attrelid = def.adrelid and att.attnum = def.adnum
  left join pg_catalog.pg_description as note on rel.oid = note.objoid and att.attnum = note.objsubid
  where rel.relkind in ('r', 'p', 'v', 'f', 'm') and att.attnum > 0 and not att.attisdropped and ns.nspname like 'public' and rel.relname like 'turns'
) as numbered
order by numbered.relname, numbered.place

-- Of names that may be in quotes: Grafana.
-- expect: nrt_ms|bigint
select quote_ident(c.column_name) as named, c.data_type as type_name
from information_schema.columns as c
where case when array_length(parse_ident('public.turns'), 1) = 2
  then quote_ident(c.table_schema) = (parse_ident('public.turns'))[1] and quote_ident(c.table_name) = (parse_ident('public.turns'))[2]
  else quote_ident(c.table_name) = 'public.turns' and quote_ident(c.table_schema) in (
    select case when trim(part[at]) = '"$user"' then user else trim(part[at]) end
    from generate_series(
        array_lower(string_to_array(current_setting('search_path'), ','), 1),
        array_upper(string_to_array(current_setting('search_path'), ','), 1)
      ) as at,
      string_to_array(current_setting('search_path'), ',') as part
  ) end

-- By the standard: Power BI, Metabase.
-- expect: conversation|2|text, waiting_since
select column_name, ordinal_position, data_type, is_nullable, character_maximum_length, numeric_precision, numeric_scale
from information_schema.columns
where table_schema = 'public' and table_name = 'turns'
order by ordinal_position

-- With a note and a sequence of each: SQLAlchemy.
-- expect: turns|nrt_ms|bigint
select rel.relname, att.attname as name, pg_catalog.format_type(att.atttypid, att.atttypmod) as type_name,
  pg_catalog.col_description(att.attrelid, att.attnum) as note,
  case when att.attidentity = '' then null else json_build_object('always', att.attidentity = 'a', 'start', seq.seqstart) end as identity
from pg_catalog.pg_class as rel
left outer join pg_catalog.pg_attribute as att on rel.oid = att.attrelid and att.attnum > 0 and not att.attisdropped
left outer join pg_catalog.pg_sequence as seq
  on seq.seqrelid = cast(cast(pg_catalog.pg_get_serial_sequence(cast(cast(att.attrelid as regclass) as text), att.attname) as regclass) as oid)
join pg_catalog.pg_namespace as ns on ns.oid = rel.relnamespace
where rel.relkind = any(array['r', 'p', 'f', 'v', 'm']) and ns.nspname = 'public'
order by rel.relname, att.attnum

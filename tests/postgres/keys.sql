-- Keys, indexes and constraints, of which there are none, in the ways in which tools ask.

-- Keys to elsewhere, column by column: pgcli.
-- expect: no rows
select there_ns.nspname, there.relname,
  unnest((select array_agg(att.attname order by place) from (select unnest(link.confkey) as attnum, generate_subscripts(link.confkey, 1) as place) as ours
    join pg_catalog.pg_attribute as att using (attnum) where att.attrelid = link.confrelid)) as there_column,
  here_ns.nspname, here.relname,
  unnest((select array_agg(att.attname order by place) from (select unnest(link.conkey) as attnum, generate_subscripts(link.conkey, 1) as place) as ours
    join pg_catalog.pg_attribute as att using (attnum) where att.attrelid = link.conrelid)) as here_column
from pg_catalog.pg_constraint as link
join pg_catalog.pg_class as there on there.oid = link.confrelid
join pg_catalog.pg_namespace as there_ns on there_ns.oid = there.relnamespace
join pg_catalog.pg_class as here on here.oid = link.conrelid
join pg_catalog.pg_namespace as here_ns on here_ns.oid = here.relnamespace
where link.contype = 'f'

-- The first key of a relation, by places within an index: JDBC.
-- expect: no rows
select named.relation, named.column_name, named.place, named.key_name
from (
  select rel.relname as relation, att.attname as column_name, (information_schema._pg_expandarray(ind.indkey)).n as place, of_index.relname as key_name,
    information_schema._pg_expandarray(ind.indkey) as keys, att.attnum
  from pg_catalog.pg_class as rel
  join pg_catalog.pg_attribute as att on rel.oid = att.attrelid
  join pg_catalog.pg_namespace as ns on rel.relnamespace = ns.oid
  join pg_catalog.pg_index as ind on att.attrelid = ind.indrelid
  join pg_catalog.pg_class as of_index on of_index.oid = ind.indexrelid
  where ns.nspname = 'public' and rel.relname = 'turns' and ind.indisprimary
) as named
where named.attnum = (named.keys).x
order by named.relation, named.key_name, named.place

-- Indexes with what they are of and how often they were read: DBeaver.
-- expect: no rows
select ind.*, ind.indkey as keys, of_index.relname, of_table.relname as table_name, note.description,
  pg_catalog.pg_get_expr(ind.indpred, ind.indrelid) as only_where, pg_catalog.pg_get_expr(ind.indexprs, ind.indrelid, true) as computed,
  pg_catalog.pg_relation_size(ind.indexrelid) as takes, pg_catalog.pg_stat_get_numscans(ind.indexrelid) as read
from pg_catalog.pg_index as ind
inner join pg_catalog.pg_class as of_index on of_index.oid = ind.indexrelid
inner join pg_catalog.pg_class as of_table on of_table.oid = ind.indrelid
left outer join pg_catalog.pg_description as note on ind.indexrelid = note.objoid
where ind.indrelid = 1
order by table_name, of_index.relname

-- Indexes of one relation, said in full: psql.
-- expect: no rows
select other.relname, ind.indisprimary, ind.indisunique, ind.indisvalid, pg_catalog.pg_get_indexdef(ind.indexrelid, 0, true) as said,
  pg_catalog.pg_get_constraintdef(con.oid, true) as rule, con.contype
from pg_catalog.pg_class as rel, pg_catalog.pg_class as other, pg_catalog.pg_index as ind
left join pg_catalog.pg_constraint as con on con.conrelid = ind.indrelid and con.conindid = ind.indexrelid and con.contype in ('p', 'u', 'x')
where rel.oid = '{turns}' and rel.oid = ind.indrelid and ind.indexrelid = other.oid
order by ind.indisprimary desc, other.relname

-- Constraints, with the text of checks: DBeaver.
-- expect: no rows
select con.oid, con.*, rel.relname as table_name, other.relnamespace as other_namespace,
  case when con.contype = 'c' then "substring"(pg_get_constraintdef(con.oid), 7) else null end as checked
from pg_catalog.pg_constraint as con
inner join pg_catalog.pg_class as rel on rel.oid = con.conrelid
left outer join pg_catalog.pg_class as other on other.oid = con.confrelid
where con.conrelid = 1
order by con.oid

-- Columns of keys put together again, relation by relation: SQLAlchemy.
-- expect: turns
select rel.relname, keyed.columns
from pg_catalog.pg_class as rel
left outer join (
  select part.conrelid, array_agg(att.attname order by part.place) as columns
  from (select con.conrelid, unnest(con.conkey) as attnum, generate_subscripts(con.conkey, 1) as place from pg_catalog.pg_constraint as con where con.contype = 'p') as part
  join pg_catalog.pg_attribute as att on att.attnum = part.attnum and att.attrelid = part.conrelid
  group by part.conrelid
) as keyed on rel.oid = keyed.conrelid
where rel.relkind = any(array['r', 'p', 'f']) and rel.relname in ('turns')

-- Policies and publications that a relation is in: psql.
-- expect: no rows
select pol.polname, pol.polpermissive,
  case when pol.polroles = '{0}' then null
    else pg_catalog.array_to_string(array(select rolname from pg_catalog.pg_roles where oid = any(pol.polroles) order by 1), ',') end as roles
from pg_catalog.pg_policy as pol where pol.polrelid = '{turns}' order by 1

-- expect: no rows
select pub.pubname from pg_catalog.pg_publication as pub join pg_catalog.pg_publication_rel as listed on pub.oid = listed.prpubid where listed.prrelid = '{turns}'
union
select pub.pubname from pg_catalog.pg_publication as pub where pub.puballtables and pg_catalog.pg_relation_is_publishable('{turns}')
order by 1

-- What is a part of what: psql.
-- expect: no rows
select parent.oid::pg_catalog.regclass
from pg_catalog.pg_class as parent, pg_catalog.pg_inherits as link
where parent.oid = link.inhparent and link.inhrelid = '{turns}' and parent.relkind not in ('p', 'I')
order by link.inhseqno

-- Columns may be called what SQL of ours calls things: each reader and writer, over a table that has them all.
\getenv tests PG_ABS_SRCDIR
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SET search_path = public, release_mgmt;
SELECT activate('names.example.org');
CREATE ROLE regress_names_app;
CREATE ROLE regress_names_manager;
CALL grant_duty('regress_names_app', 'operator', 'Provider');
CALL grant_duty('regress_names_manager', 'release manager', 'Provider');
GRANT CREATE ON SCHEMA public TO regress_names_app;
\set plain_model :tests '/lib/plain_model.sql'
\i :plain_model

-- Each of these is an alias, a column or a variable somewhere.
SELECT string_agg(format('%I text', n), ', ') AS names
FROM unnest(string_to_array('a,c,d,e,f,g,h,i,j,k,l,m,n,o,p,p1,q,r,s,u,v,w,x,y,z,attribute,ci,class,code,condition,item,key,key_columns,kind,label,labels,mode,operation,' ||
    'organization,parts,place,present,present_value,relation,relations,rows,said,source,value,values,version,row_value,new_value,old_value,$1,select,tableid,new,old,target', ',')) AS n \gset
SET ROLE regress_names_app;
CREATE TABLE t (t text PRIMARY KEY, name text, :names);
CREATE TABLE o (t text PRIMARY KEY, t_of text REFERENCES t, name text, :names);
CREATE TABLE l (t text REFERENCES o, l_to text REFERENCES t, name text, :names, PRIMARY KEY (t, l_to));
CREATE INDEX ON o (t_of);
INSERT INTO t (t, name, a, s) SELECT 't' || n, 'host ' || n, 'debian 12', 'A' FROM generate_series(1, 3) AS n;
INSERT INTO o (t, t_of, name, v, s, organization) VALUES ('o1', 't1', 'app', '1.0', 'A', 'Provider'), ('o2', 't1', 'base', '2.0', 'A', NULL), ('o3', 't2', 'gone', '2.0', 'N', NULL);
INSERT INTO l (t, l_to, s) VALUES ('o1', 't1', 'A'), ('o2', 't1', 'A'), ('o2', 't2', 'N');
RESET ROLE;
SELECT bind_ci_class('t', 't', '{t}', 'name', platform => 'a', condition => 's = ''A''', attributes => '{"state": "s"}');
SELECT bind_ci_class('o', 'o', '{t}', 'name', version => 'v', scheme => 'deb', condition => 't.s = ''A''', attributes => '{"where": "t_of.name"}', organization => 'organization',
                     exempt => '{x}');
CALL bind_ci_relation('part of', 'o', '{t_of}', 't');
CALL bind_ci_relation('installed on', 'o', '{t}', 't', via => 'l', to_columns => '{l_to}', condition => 's = ''A''');
SELECT class, items, finding, detail FROM binding_status ORDER BY class;
SELECT label FROM ci ORDER BY label;
SELECT * FROM ci_relation ORDER BY kind, from_ci;
SELECT * FROM ci_relations('t/t1') ORDER BY kind, from_ci;
SELECT attribute, value FROM ci_attributes('o/o1') WHERE value IS NOT NULL;
SELECT * FROM ci_overview('o') ORDER BY ci;
SELECT depth, affected, kind FROM impact_of('t/t1') ORDER BY affected, kind;
SELECT release_mgmt_internal.row_exists('o', 'o1'), release_mgmt_internal.row_exists('o', 'o3');

-- A release over it.
SET ROLE regress_names_manager;
SELECT create_release('REL-1', 'minor', model => 'plain') IS NOT NULL AS created, create_package('PKG-1', 'REL-1') IS NOT NULL AS made;
INSERT INTO component (package_id, kind, name, version, ci) VALUES (package_id('PKG-1'), 'software', 'app', pkgver('deb', '0.9'), 'o/o1');
SELECT kind, target FROM check_compatibility('PKG-1') ORDER BY kind, target;
INSERT INTO planned_ci_change (release_id, ci, attribute, new_value) VALUES (release_id('REL-1'), 'o/o1', 'v', '0.9'), (release_id('REL-1'), 'o/o1', 'present_value', 'p'), (release_id('REL-1'), 'o/o1', '$1', 'd'),
    (release_id('REL-1'), 'o/o2', 'key', 'k'), (release_id('REL-1'), 't/t1', 'a', 'debian 13'), (release_id('REL-1'), 't/t1', 'select', 's');
INSERT INTO planned_ci_change (release_id, ci, operation, attribute, new_value) VALUES (release_id('REL-1'), 't/t4', 'create', 's', 'A'), (release_id('REL-1'), 't/t4', 'create', 'value', 'v');
INSERT INTO planned_ci_change (release_id, ci, operation) VALUES (release_id('REL-1'), 't/t3', 'retire');
SELECT add_wave('REL-1', 'all', '{o/o1,o/o2,t/t1,t/t3,t/t4}');
SELECT ci, attribute, outcome, message FROM dry_run('REL-1') ORDER BY ci, attribute;
CALL advance_release('REL-1', 'deploying');
RESET ROLE;
SELECT govern('t', 'enforce') IS NOT NULL AS t, govern('o', 'enforce') IS NOT NULL AS o;
SET ROLE regress_names_app;
UPDATE o SET v = '0.9', present_value = 'p', "$1" = 'd', x = 'exempt' WHERE t = 'o1';
UPDATE o SET key = 'k', l = 'not planned' WHERE t = 'o2';
UPDATE o SET key = 'k' WHERE t = 'o2';
UPDATE t SET a = 'debian 13', "select" = 's' WHERE t = 't1';
INSERT INTO t (t, s, value) VALUES ('t4', 'A', 'v');
DELETE FROM t WHERE t = 't3';
RESET ROLE;
SELECT ci, attribute, classification FROM drift('REL-1') ORDER BY ci, attribute;
SELECT kind, detail FROM trace_ci('o/o1') WHERE kind = 'captured change' ORDER BY detail;
SET ROLE regress_names_manager;
SELECT back_out_ci_changes('REL-1') AS restored;
RESET ROLE;
SELECT t, a, "select", value FROM t ORDER BY t;
SELECT t, v, present_value, key, "$1" FROM o ORDER BY t;
SELECT govern('o', 'observe') IS NOT NULL AS observed;
TRUNCATE o CASCADE;
SELECT label FROM ci WHERE retired_at IS NULL ORDER BY label;
SELECT finding, source, key FROM verify_ledger();
DROP EXTENSION release_mgmt CASCADE;
DROP OWNED BY regress_names_app, regress_names_manager;
DROP ROLE regress_names_app, regress_names_manager;

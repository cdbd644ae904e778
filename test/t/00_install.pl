# DROP EXTENSION leaves nothing behind but the empty schema that CREATE EXTENSION made for it.
use strict;
use warnings;
use RM::Cluster;
use Test::More;

my $cluster = RM::Cluster->new->start;
my $objects = q{
	SELECT count(*) FROM pg_depend WHERE refclassid = 'pg_namespace'::regclass
	AND refobjid IN (SELECT oid FROM pg_namespace WHERE nspname LIKE 'release\_mgmt%')};
my $catalog = join ' UNION ALL ', map { "(SELECT '$_' || count(*) FROM $_)" }
  qw(pg_class pg_proc pg_type pg_trigger pg_event_trigger pg_constraint pg_rewrite pg_cast pg_operator pg_namespace);

my $before = $cluster->value('postgres', $catalog);
$cluster->value('postgres', 'CREATE EXTENSION release_mgmt CASCADE');
cmp_ok($cluster->value('postgres', $objects), '>', 0, 'the extension has objects');
$cluster->value('postgres', 'DROP EXTENSION release_mgmt; DROP EXTENSION btree_gist; DROP SCHEMA release_mgmt');
is($cluster->value('postgres', $catalog), $before, 'the catalogs are as they were');
done_testing;

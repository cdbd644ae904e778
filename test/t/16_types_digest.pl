# Digests and Merkle trees are those that others compute (Python's hashlib, sha256sum, openssl), in memory that does not grow.
use strict;
use warnings;
use RM::Cluster;
use Test::More;

my $cluster = RM::Cluster->new->start;
$cluster->value('postgres', 'CREATE EXTENSION release_mgmt CASCADE; ALTER DATABASE postgres SET search_path = public, release_mgmt');

my ($status, $lines, $errors) = RM::Cluster::capture_separately(undef, 'python3', "$RM::Cluster::top/test/peers/types_digest.py", 600, 1);
is($status, 0, 'hashlib answers') or diag($errors);
$cluster->value('postgres', "CREATE TABLE answer (n integer GENERATED ALWAYS AS IDENTITY, content text, sha256 text, sha384 text, sha512 text, root text);
	COPY answer (content, sha256, sha384, sha512, root) FROM STDIN;\n$lines\\.\n");
is($cluster->value('postgres', "SELECT n, algorithm FROM answer, LATERAL (VALUES ('sha256', sha256), ('sha384', sha384), ('sha512', sha512)) AS v (algorithm, expected)
	WHERE digest_hex(compute_digest(decode(content, 'hex'), algorithm)) <> expected OR digest_hex(digest_from_hex(expected)) <> expected"),
	'', 'compute_digest gives the same hashes');
is($cluster->value('postgres', "SELECT n FROM (SELECT n, root, merkle_root(digest_from_hex(sha256)) OVER (ORDER BY n) AS ours FROM answer) AS o
	WHERE digest_hex(ours) <> root"), '', 'merkle_root gives the same roots, for every number of entries');
is($cluster->value('postgres', "SELECT merkle_root(digest_from_hex(sha256) ORDER BY n) = merkle_root(digest_from_hex(sha256) ORDER BY n DESC) FROM answer"),
	'f', 'in another order, another root');

# A file of 20 MB, as a file of the server, as a large object and as a value, stored plain and compressed.
my $file = "$cluster->{dir}/content";
$cluster->value('postgres', "CREATE TABLE pieces AS SELECT n, sha512(int4send(n)) || repeat('x', 448)::bytea AS b FROM generate_series(1, 40960) AS n;
	SELECT lo_from_bytea(4711, string_agg(b, '' ORDER BY n)) FROM pieces;
	SELECT lo_export(4711, '$file');
	CREATE TABLE stored (how text, content bytea);
	INSERT INTO stored VALUES ('compressed', lo_get(4711));
	ALTER TABLE stored ALTER content SET STORAGE EXTERNAL;
	INSERT INTO stored VALUES ('plain', lo_get(4711))");
for my $algorithm (qw(sha256 sha384 sha512))
{
	my ($sum) = (RM::Cluster::capture(undef, "${algorithm}sum", $file))[1] =~ /^(\w+)/;
	my ($openssl) = (RM::Cluster::capture(undef, 'openssl', 'dgst', "-$algorithm", '-r', $file))[1] =~ /^(\w+)/;
	is($openssl, $sum, "$algorithm: the tools agree");
	is($cluster->value('postgres', "SELECT digest_hex(compute_digest_of_file('$file', '$algorithm')), digest_hex(compute_digest_of_large_object(4711, '$algorithm'))"),
		"$sum|$sum", "$algorithm: of the file and the large object");
	is($cluster->value('postgres', "SELECT DISTINCT digest_hex(compute_digest(content, '$algorithm')) FROM stored"), $sum, "$algorithm: of the values");
}

# Large objects with pages that were never written, that end within a page, that were written over, cut and read by an old snapshot.
$cluster->value('postgres', "SELECT lo_create(n) FROM generate_series(4720, 4723) AS n;
	SELECT lo_put(4720, place, content) FROM (VALUES (10000000::bigint, 'end'::bytea), (2047, 'ab'), (5000, sha512('x')), (300000, repeat('y', 5000)::bytea)) AS v (place, content);
	SELECT lo_put(4721, 5000, repeat('y', 5000)::bytea), lo_truncate(lo_open(4721, 131072), 7000), lo_put(4721, 20000, 'z');
	SELECT lo_put(4722, (n * 7919 % 100000)::bigint, sha256(int4send(n))) FROM generate_series(1, 5000) AS n");
my @sparse = split /\n/, $cluster->value('postgres', "SELECT n, digest_bytes(compute_digest_of_large_object(n)) = sha256(lo_get(n)) FROM generate_series(4720, 4723) AS n");
is("@sparse", '4720|t 4721|t 4722|t 4723|t', 'holes read as zeros, and the last version of each page counts');
is($cluster->value('postgres', "CREATE EXTENSION dblink;
	BEGIN ISOLATION LEVEL REPEATABLE READ;
	CREATE TEMP TABLE before ON COMMIT DROP AS SELECT digest_hex(compute_digest_of_large_object(4722)) AS hex;
	SELECT dblink_exec(format('host=%s port=%s dbname=%s', current_setting('unix_socket_directories'), current_setting('port'), current_database()), 'DO \$\$ BEGIN PERFORM lo_put(4722, 50000, sha256(int4send(0))); END \$\$');
	SELECT digest_hex(compute_digest_of_large_object(4722)) = hex, digest_bytes(compute_digest_of_large_object(4722)) = sha256(lo_get(4722)) FROM before;
	COMMIT;
	SELECT digest_bytes(compute_digest_of_large_object(4722)) = sha256(lo_get(4722))"), "DO\nt|t\nt", 'an old snapshot sees the old content');

# The most address space that a backend has had, before and after, in kB.
my $growth = sub {
	my ($warm_up, $query) = @_;
	my $peak = q{substring(pg_read_file('/proc/self/status') FROM 'VmPeak:\s+(\d+)')::integer};
	my ($before, $after) = $cluster->value('postgres', "SET work_mem = '64kB';\n$warm_up;\nSELECT 'peak', $peak;\n$query;\nSELECT 'peak', $peak") =~ /peak\|(\d+)/g;
	return $after - $before;
};
SKIP:
{
	skip 'there is no /proc/self/status', 4 if !-r '/proc/self/status';
	cmp_ok($growth->("SELECT lo_from_bytea(4712, 'x'); SELECT compute_digest_of_large_object(4712)", 'SELECT compute_digest_of_large_object(4711)'),
		'<', 4096, 'a large object of 20 MB takes less than 4 MB');
	cmp_ok($growth->("SELECT compute_digest('x')", "SELECT compute_digest_of_file('$file')"), '<', 4096, 'so does a file');
	cmp_ok($growth->("SELECT compute_digest('x')", "SELECT compute_digest(content) FROM stored WHERE how = 'plain'"), '<', 4096, 'so does a value stored plain');
	my $tree = sub { "SELECT merkle_root(compute_digest(int4send(n))) FROM (SELECT a * 1000 + b AS n FROM generate_series(1, $_[0]) AS a, LATERAL generate_series(1, 1000) AS b) AS s" };
	cmp_ok($growth->($tree->(1), $tree->(300)), '<', 1024, 'a tree of 300,000 entries takes less than 1 MB more than one of 1000');
}
done_testing;

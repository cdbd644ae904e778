# What comes in binary, in another encoding, or where an error must be soft.
#
#   RM_PAIRS=1000000 RM_TEST_TIMEOUT=3600 RM_SEED=2 test/run types_recv     more damaged values; RM_SEED for others
use strict;
use warnings;
use RM::Cluster;
use Test::More;

my $count = int(($ENV{RM_PAIRS} || 20000) / 20);
srand($ENV{RM_SEED} || 1);

my %values = (
	pkgver => [ 'deb/1:2.3-4', 'rpm/2:1.0-5.el7', 'semver/v1.2.3-rc.1+b', 'pep440/1!2rc1.dev3+loc.1', 'generic/12.2(33)SXI4',
		'maven/1.0-alpha-1-SNAPSHOT', 'nuget/1.2.3.4-rc.1+b', 'deb/<', 'rpm/1.0>', 'generic/é', 'maven/1.0>' ],
	pkgver_range => [ '[deb/1,deb/2)', '(,rpm/1.0-1]', 'empty', '[semver/1.0.0,)', '(,)', '[pep440/1<,pep440/1>]' ],
	pkgver_multirange => [ '{}', '{[deb/1,deb/2),(,rpm/1-1]}', '{[deb/1,deb/2),[deb/3,deb/4)}' ],
	digest => [ map { $_->[0] . ':' . '0f' x $_->[1] } [ sha256 => 32 ], [ sha384 => 48 ], [ sha512 => 64 ] ],
	purl => [ 'pkg:deb/debian/curl@7.88.1-10%2Bdeb12u14?arch=amd64', 'pkg:npm/%40angular/animation#src/a%20b', 'pkg:generic/%C3%A9' ],
	pkgreq => [ 'npm/^1.2.3 || >=2 <3', 'deb/>= 1.2, << 2', 'rpm/>= 1.0-1', 'pep440/~=1.4.2, !=1.4.5', 'generic/>= 1',
		'maven/[1.0,2.0),[3.0,4]', 'nuget/[1.0,2.0)', 'cargo/^1.2, <1.5' ],
);
my %consistent = (
	pkgver => 'v::text::pkgver === v AND release_mgmt_internal.pkgver_key(v) = release_mgmt_internal.pkgver_key(v::text::pkgver)',
	pkgver_range => 'v::text::pkgver_range = v AND v::text::pkgver_range::text = v::text',
	pkgver_multirange => 'v::text::pkgver_multirange = v',
	digest => 'v::text::digest = v AND digest_hex(v)::text ~ \'^[0-9a-f]+$\'',
	purl => 'v::text::purl::text = v::text AND purl_name(v) IS NOT NULL',
	pkgreq => 'v::text::pkgreq = v AND pkgreq_versions(v) IS NOT NULL',
);

my $cluster = RM::Cluster->new->start;
$cluster->value('postgres', q{
	CREATE EXTENSION release_mgmt CASCADE;
	ALTER DATABASE postgres SET search_path = public, release_mgmt;
	CREATE FUNCTION receive(path text, files integer) RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
		FOR i IN 1 .. files LOOP
			BEGIN
				EXECUTE format('COPY incoming FROM %L (FORMAT binary)', path || i);
				INSERT INTO received SELECT i, v FROM incoming;
				DELETE FROM incoming;
			EXCEPTION WHEN OTHERS THEN
				INSERT INTO refused VALUES (i, SQLSTATE, SQLERRM);
			END;
		END LOOP;
	END $$});

my ($header, $trailer) = ("PGCOPY\n\377\r\n\0" . pack('NN', 0, 0), pack('n', 0xFFFF));

# The binary forms of values, as COPY writes them.
sub sent
{
	my ($type, @texts) = @_;
	my $file = "$cluster->{dir}/sent";
	my $list = join ', ', map { "('" . s/'/''/gr . "'::$type)" } @texts;
	$cluster->value('postgres', "COPY (SELECT * FROM (VALUES $list) AS v) TO '$file' (FORMAT binary)");
	open my $in, '<:raw', $file or die "$file: $!";
	my $all = do { local $/; <$in> };
	my @forms;
	for (my $at = length $header; unpack('n', substr $all, $at, 2) != 0xFFFF; $at += 6 + length $forms[-1])
	{
		push @forms, substr $all, $at + 6, unpack('N', substr $all, $at + 2, 4);
	}
	return @forms;
}

# Receive forms, each in a file of its own; return what was refused, as "number SQLSTATE".
sub receive
{
	my ($type, @forms) = @_;
	$cluster->value('postgres', "DROP TABLE IF EXISTS incoming, received, refused;
		CREATE TABLE incoming (v $type); CREATE TABLE received (i integer, v $type); CREATE TABLE refused (i integer, state text, message text)");
	for my $i (1 .. @forms)
	{
		open my $out, '>:raw', "$cluster->{dir}/form$i" or die "form: $!";
		print $out $header, pack('nN', 1, length $forms[ $i - 1 ]), $forms[ $i - 1 ], $trailer;
		close $out;
	}
	$cluster->value('postgres', "SELECT receive('$cluster->{dir}/form', ${\ scalar @forms})");
	return $cluster->value('postgres', 'SELECT i, state FROM refused ORDER BY i');
}

# Another form, damaged in one to three places.
sub damage
{
	my ($form, $other) = @_;
	for (0 .. int rand 3)
	{
		my $at = int rand(1 + length $form);
		my $byte = chr((0, 1, 0x2F, 0x3C, 0x3E, 0x7F, 0x80, 0xC3, 0xFF, int rand 256)[ int rand 10 ]);
		my $kind = int rand 5;
		substr($form, $at, $kind < 2 ? 1 : 0) = $byte if $kind < 3;
		$form = substr $form, 0, $at if $kind == 3;
		$form = substr($form, 0, $at) . substr($other, int rand length $other) if $kind == 4;
	}
	return $form;
}

for my $type (sort keys %values)
{
	my @forms = sent($type, @{ $values{$type} });
	is(receive($type, @forms), '', "$type: what was sent is received");
	is($cluster->value('postgres', 'SELECT v FROM received ORDER BY i'), join("\n", @{ $values{$type} }) =~ s/\(,rpm/[rpm\/<,rpm/gr =~ s/0,\)/0,semver\/>]/r,
		"$type: and the same");
	# The server itself takes memory for as many ranges as a multirange claims to have: that number stays whole.
	my $whole = $type eq 'pkgver_multirange' ? 4 : 0;
	receive($type, map { my $form = $forms[ rand @forms ]; substr($form, 0, $whole) . damage(substr($form, $whole), $forms[ rand @forms ]) } 1 .. $count);
	# Encoding, protocol, scheme or range; whatever else is a failure of ours.
	is($cluster->value('postgres', "SELECT DISTINCT state, message FROM refused
		WHERE state NOT IN ('22P02', '22P03', '22021', '08P01', '22000', '22023') LIMIT 10"), '', "$type: damaged values are refused for what they are");
	is($cluster->value('postgres', "SELECT v FROM received WHERE ($consistent{$type}) IS NOT TRUE LIMIT 10"), '', "$type: what is taken is whole");
	cmp_ok($cluster->value('postgres', 'SELECT count(*) FROM refused'), '>', $count / 4, "$type: many were refused");
}
unlike($cluster->log, qr/terminated by signal|PANIC|stack depth/, 'no backend was lost');

# Each kind of damage by itself.
is(receive('pkgver', "\1deb/1\0", "\1deb/1\0002", "\1generic/\xC3\x28", "\1generic/\xC3", "\2deb/1", '', "\1", "\1deb/" . '1' x 1_000_000),
	"1|22021\n2|22021\n3|22021\n4|22021\n5|22P03\n6|08P01\n7|22P02\n8|22P02",
	'pkgver: null characters, broken UTF-8, another version of the form, nothing, a megabyte');
is(receive('digest', "\1" . 'x' x 31, "\1" . 'x' x 33, "\0" . 'x' x 32, "\4" . 'x' x 64, ''), "1|08P01\n2|22P03\n3|22P03\n4|22P03\n5|08P01",
	'digest: too short, too long, no algorithm, an unknown one, nothing');
is(receive('purl', "\1pkg:npm/a\0", "\1pkg:npm/\xFF", "\0pkg:npm/a"), "1|22021\n2|22021\n3|22P03", 'purl likewise');
is(receive('pkgreq', "\1npm/1\0", "\1npm/\xFF", "\0npm/1"), "1|22021\n2|22021\n3|22P03", 'pkgreq likewise');

# Text in other encodings, by the client and in the database.
my $state = sub {
	my ($database, $sql) = @_;
	my ($status, $out, $err) = $cluster->psql($database, "\\set VERBOSITY sqlstate\nSET search_path = public, release_mgmt;\n$sql");
	return $status == 0 ? $out : $err =~ /ERROR:\s+(\w{5})/ ? $1 : $err;
};
for my $type (qw(pkgver purl digest pkgreq pkgver_range))
{
	is($state->('postgres', "SELECT 'generic/\xC3\x28'::$type"), '22021', "$type: a client's broken UTF-8");
	is($state->('postgres', "SELECT E'generic/\\000'::$type"), '22021', "$type: a null character in a literal");
	is($state->('postgres', "SET client_encoding = 'SJIS'; SELECT 'generic/\x81'::$type"), '22021', "$type: half a character of Shift JIS");
}
is($state->('postgres', "SET client_encoding = 'LATIN1'; SELECT 'generic/\xE9'::pkgver = U&'generic/\\00E9'::pkgver, purl_name('pkg:npm/\xE9') = U&'\\00E9'"),
	't|t', "a client's Latin 1 is converted");
for my $encoding (qw(LATIN1 SQL_ASCII))
{
	my $name = lc $encoding;
	$cluster->value('postgres', "CREATE DATABASE $name TEMPLATE template0 ENCODING '$encoding' LOCALE 'C'");
	$cluster->value($name, 'CREATE EXTENSION release_mgmt CASCADE');
	is($state->($name, q{SELECT E'deb/1\xE9'::pkgver}), '22P02', "$encoding: what the scheme does not take");
	is($state->($name, q{SELECT pkgver_version(E'generic/1\xE9') = E'1\xE9'}), 't', "$encoding: what it takes comes back");
}
is($state->('latin1', q{SELECT E'pkg:npm/\xE9'::purl, purl_name(E'pkg:npm/\xE9') = E'\xE9'}), 'pkg:npm/%C3%A9|t', 'LATIN1: a package URL is UTF-8');
is($state->('latin1', q{SELECT purl('generic', NULL, 'x', NULL, jsonb_build_object('a', E'\xE9'))}), 'pkg:generic/x?a=%C3%A9', 'LATIN1: so is one put together');
like(($cluster->psql('latin1', q{SELECT E'pkg:npm/\xE9\xE9@1?1=2'::release_mgmt.purl}))[2], qr/Character 14: A qualifier/, 'LATIN1: its characters are counted, not bytes of UTF-8');
is($state->('latin1', q{SELECT purl_name('pkg:npm/%E6%BC%A2')}), '22P05', 'LATIN1: a part that the database can not hold');
is($state->('sql_ascii', q{SELECT E'pkg:npm/\xE9'::purl}), '22P02', 'SQL_ASCII: what is not UTF-8 is no package URL');

# Errors that the server asks to be soft.
SKIP:
{
	skip 'soft errors came with PostgreSQL 16', 3 if $cluster->value('postgres', 'SHOW server_version_num') < 160000;
	my $bad = q{(VALUES ('pkgver', ''), ('pkgver', '1.0'), ('pkgver', 'deb/a:1'), ('pkgver', 'semver/1.2'), ('pkgver', 'rpm/1-2-3'),
		('pkgver', 'pep440/1.0foo'), ('pkgver', 'generic/...'), ('pkgver', 'maven/'), ('pkgver', 'nuget/1.0.0.0.0'), ('pkgver(''deb'')', 'npm/1.0.0'), ('pkgver(''deb'')', 'deb/1>'), ('purl', ''),
		('purl', 'pkg:npm/a%00'), ('purl', 'pkg:npm/%FF'), ('purl', 'pkg:cargo/a/b'), ('purl', 'pkg:npm/' || repeat('a', 2000)), ('digest', ''),
		('digest', 'md5:00'), ('digest', 'sha256:00'), ('pkgreq', ''), ('pkgreq', 'conan/1'), ('pkgreq', 'maven/[1'), ('pkgreq', 'nuget/(1,'), ('pkgreq', 'cargo/a'), ('pkgreq', 'npm/a'), ('pkgreq', 'deb/1'),
		('pkgreq', 'rpm/>= 1-2-3'), ('pkgreq', 'pep440/===1'), ('pkgver_range', '[deb/2,deb/1]'), ('pkgver_range', '[deb/a:1,)'),
		('pkgver_range', 'deb/1'), ('pkgver_multirange', '{[deb/2,deb/1]}'), ('pkgver_multirange', '{[1,2]}')) AS bad (type, value)};
	is($cluster->value('postgres', "SELECT type, value FROM $bad WHERE pg_input_is_valid(value, type)"), '', 'bad input is told, and raises nothing');
	$cluster->value('postgres', q{CREATE FUNCTION hard(type text, value text) RETURNS text LANGUAGE plpgsql AS $$
		DECLARE message text; detail text; hint text;
		BEGIN
			EXECUTE format('SELECT %L::%s', value, type);
			RETURN 'taken';
		EXCEPTION WHEN OTHERS THEN
			GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
			RETURN concat_ws(' / ', message, nullif(detail, ''), nullif(hint, ''), SQLSTATE);
		END $$});
	is($cluster->value('postgres', "SELECT type, value, hard(type, value) FROM $bad, pg_input_error_info(value, type) AS soft
		WHERE hard(type, value) <> concat_ws(' / ', soft.message, soft.detail, soft.hint, soft.sql_error_code)"), '', 'the soft error is the hard one');
	is($cluster->value('postgres', "SELECT type FROM (VALUES ('pkgver', 'deb/1'), ('purl', 'pkg:npm/a'), ('pkgreq', 'npm/^1'), ('pkgver_range', '[deb/1,)'))
		AS good (type, value) WHERE NOT pg_input_is_valid(value, type)"), '', 'good input is valid');
}
done_testing;

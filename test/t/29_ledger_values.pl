# The bytes that stand for values, computed here from doc/ledger.md ("Exact forms") and nothing else: they are the same under any
# setting, in a database of UTF8 and of LATIN1, on every server version.
use strict;
use warnings;
use Digest::SHA qw(sha256 sha256_hex);
use Encode qw(encode);
use RM::Cluster;
use Test::More;
use Time::Local qw(timegm_modern);

my $epoch = timegm_modern(0, 0, 0, 1, 0, 2000);
my $day = (timegm_modern(0, 0, 0, 2, 0, 2026) - $epoch) / 86400;
my $moment = (timegm_modern(5, 4, 3, 2, 0, 2026) - $epoch) * 1_000_000;

# type, literal, tag, bytes; text is Unicode here and UTF-8 in the ledger
my @values = (
	[ 'boolean', 't', 'B', "\x01" ],
	[ 'boolean', 'f', 'B', "\x00" ],
	[ 'smallint', '-2', '2', pack('s>', -2) ],
	[ 'integer', '258', '4', pack('l>', 258) ],
	[ 'bigint', '-9223372036854775808', '8', "\x80" . "\0" x 7 ],
	[ 'real', '0.1', 'f', pack('f>', 0.1) ],
	[ 'double precision', '0.1', 'F', pack('d>', 0.1) ],
	[ 'double precision', '-0', 'F', "\x80" . "\0" x 7 ],
	[ 'double precision', 'Infinity', 'F', "\x7f\xf0" . "\0" x 6 ],
	[ 'double precision', 'NaN', 'F', "\x7f\xf8" . "\0" x 6 ],
	[ 'uuid', '019ac000-0001-7000-8000-0000000000ff', 'U', pack('H*', '019ac0000001700080000000000000ff') ],
	[ 'date', '2026-01-02', 'D', pack('l>', $day) ],
	[ 'date', '-infinity', 'D', "\x80\0\0\0" ],
	[ 'time', '03:04:05', 'M', pack('q>', (3 * 3600 + 4 * 60 + 5) * 1_000_000) ],
	[ 'timestamp', '2026-01-02 03:04:05.5', 'T', pack('q>', $moment + 500_000) ],
	[ 'timestamptz', '2026-01-02 05:04:05+02', 'Z', pack('q>', $moment) ],
	[ 'timestamptz', 'infinity', 'Z', "\x7f" . "\xff" x 7 ],
	[ 'bytea', '\x00ff5c', 'X', "\x00\xff\\" ],
	[ 'bytea', '', 'X', '' ],
	[ 'text', "\xe4", 'S', "\xe4" ],
	[ 'varchar(9)', "\xe4\\b", 'S', "\xe4\\b" ],
	[ 'char(3)', "\xe4", 'S', "\xe4  " ],
	[ 'text', 'x' x 1024, 'S', 'x' x 1024 ],
	[ 'text', "\xe4" x 512, 'S', "\xe4" x 512 ],
	[ 'text', "\xe4" x 513, 'S', "\xe4" x 513 ],
	[ 'bytea', '\x' . '00' x 1025, 'X', "\0" x 1025 ],
	[ 'numeric', '1.50', 'O', '1.50' ],
	[ 'numeric', '-0.00', 'O', '0.00' ],
	[ 'numeric', 'NaN', 'O', 'NaN' ],
	[ 'numeric(1000, 0)', '9' x 999, 'O', '9' x 999 ],
	[ 'interval', 'P1Y2M3DT4H5M6.7S', 'O', '1 year 2 mons 3 days 04:05:06.7' ],
	[ 'timetz', '03:04:05+02', 'O', '03:04:05+02' ],
	[ 'json', '{"b": 1,"a":2.0}', 'O', '{"b": 1,"a":2.0}' ],
	[ 'jsonb', qq({"b": 1,"a":2.0, "\xe4": null}), 'O', qq({"a": 2.0, "b": 1, "\xe4": null}) ],
	[ 'mood', "\xe4rger", 'O', "\xe4rger" ],
	[ 'percent', '12.50', 'O', '12.50' ],
	[ 'code', 'abc', 'S', 'abc' ],
	[ 'int4range', '(1,5]', 'O', '[2,6)' ],
	[ 'numrange', '[1.10,)', 'O', '[1.10,)' ],
	[ 'tstzrange', '[2026-01-02 05:04:05+02,)', 'O', '["2026-01-02 03:04:05+00",)' ],
	[ 'datemultirange', '{[2026-01-02,2026-01-03)}', 'O', '{[2026-01-02,2026-01-03)}' ],
	[ 'float8[]', '{0.1,-0,1e-300}', 'O', '{0.1,-0,1e-300}' ],
	[ 'real[]', '{0.1}', 'O', '{0.1}' ],
	[ 'timestamptz[]', '{2026-01-02 05:04:05+02,NULL}', 'O', '{"2026-01-02 03:04:05+00",NULL}' ],
	[ 'bytea[]', '{"\\\\x00ff"}', 'O', '{"\\\\x00ff"}' ],
	[ 'text[]', qq([0:1]={\xe4,"a b"}), 'O', qq([0:1]={\xe4,"a b"}) ],
	[ 'percent[]', '{1.0,2}', 'O', '{1.0,2}' ],
	[ 'pair', '(0.1,2026-01-02 05:04:05+02)', 'O', '(0.1,"2026-01-02 03:04:05+00")' ],
	[ 'nested', '("(0.1,)","{1 day}",)', 'O', '("(0.1,)","{""1 day""}",)' ],
	[ 'money', '12.34', 'O', '$12.34' ],
	[ 'point', '(0.1,2)', 'O', '(0.1,2)' ],
	[ 'inet', '10.0.0.1/8', 'O', '10.0.0.1/8' ],
	[ 'macaddr', '08-00-2b-01-02-03', 'O', '08:00:2b:01:02:03' ],
	[ 'varbit', '101', 'O', '101' ],
	[ 'tsvector', 'fat a cat a', 'O', q('a' 'cat' 'fat') ],
	[ 'xml', '<a b="1"/>', 'O', '<a b="1"/>' ],
	[ 'name', "\xe4", 'O', "\xe4" ],
	[ '"char"', 'x', 'O', 'x' ],
	[ 'hstore', 'b=>1, a=>NULL', 'O', '"a"=>NULL, "b"=>"1"' ],
	[ 'cube', '(0.1,2)', 'O', '(0.1, 2)' ],
	[ 'release_mgmt.pkgver', 'deb/1.0-1', 'O', 'deb/1.0-1' ],
	[ 'release_mgmt.digest', 'sha256:' . sha256_hex(''), 'O', 'sha256:' . sha256_hex('') ],);

# The bytes as the ledger has them: tag, length, value; a long one by its hash.
sub canonical
{
	my ($tag, $bytes, $hashed) = @_;
	$bytes = encode('UTF-8', $bytes) if $tag =~ /[SO]/;
	($tag, $bytes) = ('H', sha256($tag . $bytes)) if $hashed && length $bytes > 1024;
	return $tag . pack('N', length $bytes) . $bytes;
}

sub pair
{
	my ($name, $canonical) = @_;
	return pack('n', length $name) . $name . $canonical;
}

# A number of seven bits a byte, least first; the last one has no high bit.
sub varint
{
	my ($bytes) = @_;
	my ($value, $shift) = (0, 0);
	while (1)
	{
		my $byte = ord substr $$bytes, 0, 1, '';
		$value |= ($byte & 0x7f) << $shift;
		return $value if $byte < 0x80;
		$shift += 7;
	}
}

# The changes of a batch (src/ledger/change.h): operation, table, row digest, salt, old image.
sub changes
{
	my ($bytes) = @_;
	my (@changes, $table);
	while (length $bytes)
	{
		my $flags = ord substr $bytes, 0, 1, '';
		my $operation = substr 'IUDBS', $flags & 7, 1;
		$table = unpack 'H*', substr $bytes, 0, 16, '' if !($flags & 8);
		varint(\$bytes);
		substr $bytes, 0, varint(\$bytes), '';
		substr $bytes, 0, varint(\$bytes), '' if $flags & 16;
		my $digest = $operation eq 'D' ? undef : substr $bytes, 0, 32, '';
		my $salt = substr $bytes, 0, 16, '';
		my $old = $operation =~ /[UD]/ ? substr $bytes, 0, varint(\$bytes), '' : undef;
		push @changes, { operation => $operation, table => $table, digest => $digest, salt => $salt, old => $old };
	}
	return @changes;
}

my $odd = q{
	SET DateStyle = 'SQL, DMY'; SET TimeZone = 'Asia/Kolkata'; SET IntervalStyle = 'sql_standard'; SET extra_float_digits = -5;
	SET bytea_output = 'escape'; SET search_path = ''; SET quote_all_identifiers = on; SET xmloption = 'document'; SET client_encoding = 'LATIN1';
	SET jit = off;};
my $cluster = RM::Cluster->new->start;
for my $encoding (qw(UTF8 LATIN1))
{
	my $database = lc $encoding;
	$cluster->value('postgres', "CREATE DATABASE $database TEMPLATE template0 ENCODING '$encoding' LC_COLLATE 'C' LC_CTYPE 'C'");
	$cluster->value($database, q{
		SET client_min_messages = error;
		CREATE EXTENSION release_mgmt CASCADE;
		CREATE EXTENSION hstore;
		CREATE EXTENSION cube;
		SELECT release_mgmt.activate('values.example.org');
		CREATE TYPE mood AS ENUM (U&'\00e4rger', 'ok');
		CREATE DOMAIN percent AS numeric CHECK (value BETWEEN 0 AND 100);
		CREATE DOMAIN code AS varchar(9);
		CREATE TYPE pair AS (x double precision, at timestamptz);
		CREATE TYPE nested AS (p pair, i interval[], n numeric);
		CREATE TABLE "Quoted" (i integer)});
	my @columns = map { sprintf 'v%02d', $_ } 0 .. $#values;
	my $literal = sub { (my $text = $_[0]) =~ s/\\/\\\\/g; $text =~ s/\xe4/\\00e4/g; return "U&'$text'" };
	my $row = join ', ', map { $literal->($_->[1]) } @values;
	$cluster->value($database, 'CREATE TABLE kinds (id integer PRIMARY KEY, ' . join(', ', map { "$columns[$_] $values[$_][0]" } 0 .. $#values)
		. "); SELECT release_mgmt.govern('kinds')");
	# Inserted under usual settings and under odd ones, deleted likewise the other way round.
	$cluster->value($database, "INSERT INTO kinds VALUES (1, $row); $odd INSERT INTO public.kinds VALUES (2, $row)");
	is($cluster->value($database, q{SELECT string_agg(v::text, E'\n') FROM release_mgmt.verify_ledger() AS v}), '', "$encoding: sound");
	$cluster->value($database, "$odd DELETE FROM public.kinds WHERE id = 1; RESET ALL; DELETE FROM kinds WHERE id = 2");
	$cluster->value($database, 'CALL release_mgmt.sequence_ledger()');

	(my $table = $cluster->value($database, q{SELECT id FROM release_mgmt.governed_table WHERE source = 'kinds'::regclass})) =~ tr/-//d;
	my %count;
	for my $change (map { changes(pack 'H*', $_) } split /\n/, $cluster->value($database, q{
		SELECT encode(b.changes, 'hex') FROM release_mgmt.ledger_batch AS b JOIN release_mgmt.ledger_entry AS e USING (transaction_id) ORDER BY e.index, b.first_seq}))
	{
		next if $change->{table} ne $table;
		my $id = ++$count{ $change->{operation} };
		my $settings = ($id == 2) == ($change->{operation} eq 'I') ? 'odd settings' : 'usual settings';
		my @pairs = (pair('id', canonical('4', pack 'l>', $id)),
			map { pair($columns[$_], canonical(@{ $values[$_] }[ 2, 3 ], $change->{operation} eq 'I')) } 0 .. $#values);
		if ($change->{operation} eq 'I')
		{
			is(unpack('H*', $change->{digest}), sha256_hex($change->{salt} . "\x01" . join '', @pairs), "$encoding: row digest, $settings");
			next;
		}
		# One after the other, so that what differs has a name.
		is(substr($change->{old}, 0, 1, ''), "\x02", "$encoding: old values, $settings");
		for my $i (-1 .. $#values)
		{
			my $pair = $pairs[ $i + 1 ];
			is(substr($change->{old}, 0, length $pair, ''), $pair, $i < 0 ? 'id' : encode('UTF-8', substr "$values[$i][0] $values[$i][1]", 0, 60));
		}
		is($change->{old}, '', 'and nothing behind them');
	}
	is("$count{I} $count{D}", '2 2', "$encoding: two changes of each kind");
}
done_testing;

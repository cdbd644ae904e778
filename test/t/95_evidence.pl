# The evidence of a release in one file, checked without a connection: whole, and with bytes altered.
use strict;
use warnings;
use MIME::Base64;
use RM::Cluster;
use Test::More;

my $cluster = RM::Cluster->new;
my $dir = $cluster->{dir};
my $rmverify = RM::Cluster->base . '/stage' . RM::Cluster::pg_config('bindir') . '/rmverify';
for my $name (qw(key manager))
{
	RM::Cluster::run_quietly('openssl', 'genpkey', '-algorithm', 'ed25519', '-out', "$dir/$name.pem");
	RM::Cluster::run_quietly('openssl', 'pkey', '-in', "$dir/$name.pem", '-pubout', '-out', "$dir/$name.pub");
	RM::Cluster::run_quietly('chown', RM::Cluster::server_user(), "$dir/$name.pem") if defined RM::Cluster::server_user();
	chmod 0600, "$dir/$name.pem";
}
$cluster->set('release_mgmt.signing_key_file' => "$dir/key.pem");
$cluster->start;
sub sql { return $cluster->value('postgres', "SET client_min_messages = error; SET search_path = public, release_mgmt; $_[0]") }
sub spill
{
	my ($name, $content) = @_;
	open my $file, '>', "$dir/$name" or die "$name: $!";
	binmode $file;
	print $file $content;
	close $file;
	return "$dir/$name";
}
my $public = RM::Cluster::run_quietly('cat', "$dir/manager.pub");
sql(q{CREATE EXTENSION release_mgmt CASCADE;
	SELECT activate('evidence.example.org');
	CREATE ROLE manager; CREATE ROLE approver; CREATE ROLE customer; CREATE ROLE an_auditor LOGIN; CREATE ROLE a_reader LOGIN;
	CALL grant_duty('manager', 'release manager', 'Provider');
	CALL grant_duty('manager', 'change manager', 'Provider');
	CALL grant_duty('approver', 'change manager', 'Provider');
	CALL grant_duty('customer', 'customer representative', 'Customer');
	CALL grant_duty('an_auditor', 'auditor', 'Authority');
	CALL grant_duty('a_reader', 'reader', 'Customer');
	CREATE TABLE server (name text PRIMARY KEY, app_version text);
	INSERT INTO server VALUES ('alpha', '1.0'), ('beta', '1.0');
	SELECT bind_ci_class('server', 'server', key => '{name}', name => 'name');
	CREATE TABLE visit (release_id uuid REFERENCES release, day date, sure boolean, place text, PRIMARY KEY (release_id, day, sure, place));
	-- Its owner's code: a cast to json, which the evidence, written with other rights, must not call.
	CREATE TYPE mood AS ENUM ('sad', 'ok');
	CREATE FUNCTION steal(mood) RETURNS json LANGUAGE plpgsql AS $f$ BEGIN RAISE 'called as %', current_user; END $f$;
	CREATE CAST (mood AS json) WITH FUNCTION steal(mood);
	CREATE TYPE pair AS (a integer, b text);
	CREATE DOMAIN share AS real;
	ALTER TABLE visit ADD felt mood, ADD f8 double precision, ADD f4 share, ADD n numeric, ADD ts timestamp, ADD tz timestamptz, ADD tm time, ADD bin bytea,
		ADD u uuid, ADD i2 smallint, ADD i8 bigint, ADD long text, ADD long_bin bytea, ADD js jsonb, ADD a text[], ADD p pair, ADD iv interval, ADD d date, ADD none text;
	CREATE TABLE hearsay (release_id uuid REFERENCES release);
	SELECT govern('visit')});
for my $release (1, 2)
{
	sql("SET ROLE manager;
		INSERT INTO change_request (code, type) VALUES ('CHG-$release', 'normal');
		SELECT create_release('REL-$release', 'minor', customers => '{Customer}');
		SELECT create_package('PKG-$release', release => 'REL-$release');
		INSERT INTO component (package_id, kind, name, ci) VALUES (package_id('PKG-$release'), 'configuration', 'alpha', 'server/alpha');
		INSERT INTO planned_ci_change (release_id, ci, attribute, new_value) VALUES (release_id('REL-$release'), 'server/alpha', 'app_version', '2.0');
		INSERT INTO release_change SELECT release_id('REL-$release'), id FROM change_request WHERE code = 'CHG-$release'");
}
sql("SET ROLE manager;
	CALL register_signing_key('manager-1', \$x\$$public\$x\$);
	INSERT INTO release_policy (code, objectives, scope, principles) VALUES ('POL', 'no surprises', 'all servers', 'small steps');
	UPDATE release SET policy_id = (SELECT id FROM release_policy)");
my $sealed = sql("SET ROLE manager; SELECT seal_package('PKG-1')");
spill('digest', $sealed);
RM::Cluster::run_quietly('openssl', 'pkeyutl', '-sign', '-inkey', "$dir/manager.pem", '-rawin', '-in', "$dir/digest", '-out', "$dir/signature");
my $signature = unpack 'H*', RM::Cluster::run_quietly('cat', "$dir/signature");
sql("SET ROLE manager; CALL add_signature('PKG-1', 'manager-1', '\\x$signature');
	SET ROLE approver; SELECT approval_digest('REL-1') AS agreed \\gset
	CALL approve_release('REL-1', :'agreed')");

my $verifier = sql('SELECT verifier_key()');
like(($cluster->psql('postgres', q{SELECT release_mgmt.export_evidence('REL-1')}))[2],
	qr/no signed checkpoint covers all of release "REL-1"\nDETAIL:  Not covered: .*release_mgmt\.\w+ .* and \d+ more\./, 'what is not signed is no evidence');
# The guard writes permits; here one stands for a change of alpha, and none for one of beta and another of alpha.
sql(q{BEGIN; UPDATE server SET app_version = '2.0';
	INSERT INTO ci_change_permit (transaction_id, ci_id, operation, attribute, check_name, permitted_by)
	SELECT release_mgmt_internal.current_transaction(), i.id, 'change', 'app_version', 'planned', x.id
	FROM planned_ci_change AS x JOIN ci AS i ON i.label = x.ci WHERE x.release_id = release_id('REL-1'); COMMIT; UPDATE server SET app_version = '2.1'});
# A value of every kind, and days at which a calendar errs.
sql(q{SET TimeZone = 'Asia/Kolkata'; INSERT INTO visit SELECT id, '2026-01-31', true, 'a:b', 'ok', '-0', 0.1, 1.50, '0044-03-15 12:00:00.5 BC', '1900-02-28 23:59:59.000001+00',
	'24:00', '\x00ff', '01900000-0000-7000-8000-000000000000', -32768, -9223372036854775808, E'tab\t"quote" \\ \u0001 ' || repeat('long ', 300), decode(repeat('00ff', 700), 'hex'),
	'{"b": [1, null], "a": 1.0}', '{x,NULL,"a b"}', ROW(1, NULL)::pair, '1 day 2 hours', 'infinity' FROM release});
sql(q{INSERT INTO visit (release_id, day, sure, place, d, f8, ts, tz) SELECT id, d, false, 'x', d, f, d + interval '1 microsecond', '-infinity'
	FROM release, (VALUES ('2000-02-29'::date, 'NaN'::float8), ('2000-03-01', '-Infinity'), ('2100-02-28', 1e-300), ('2100-03-01', 123456789.125), ('0001-12-31 BC', 5e-324),
		('0001-01-01', 0), ('1999-12-31', 1), ('1600-12-31', 0.1), ('4713-11-24 BC', 3), ('294276-12-31', 4)) AS v (d, f)});
sql('INSERT INTO hearsay SELECT id FROM release');
sql('CALL sequence_ledger()');
sql('SELECT sign_checkpoint()');
isnt(($cluster->psql('postgres', q{SELECT release_mgmt.export_evidence('REL-1')}, user => 'a_reader'))[0], 0, 'not for every reader');
like(($cluster->psql('postgres', q{SELECT release_mgmt.export_evidence('REL-9')}))[2], qr/release "REL-9" does not exist/, 'of a release that is there');
my $evidence = $cluster->value('postgres', q{SELECT release_mgmt.export_evidence('REL-1')}, user => 'an_auditor');

sub verify
{
	my ($content, @option) = @_;
	return RM::Cluster::capture_separately(undef, $rmverify, 'evidence', '--key', $verifier, @option, spill('evidence', $content));
}
my $obligations = sql(q{SELECT count(*) FROM obligation});
$cluster->stop;
my ($status, $out, $err) = verify("$evidence\n");
is($status, 0, 'it holds, with no server running') or diag $out, $err;
like($out, qr/^the evidence of release REL-1 is sound: \d+ parts, \d+ changes proved\nup to the checkpoint of \d+ leaves of evidence\.example\.org\n\z/, 'and says so');

# What is in it: parts by name, cut out by the lengths in the head.
my ($head, $rest) = split /\n\n/, $evidence, 2;
$rest =~ s/\A\xe2\x80\x94 evidence\.example\.org \S+\n\n//;
my (%part, @range, %told);
my $offset = length($evidence) - length $rest;
for my $line (grep { /^part / } split /\n/, $head)
{
	my (undef, $length, $digest, $name) = split / /, $line, 4;
	$told{$name} = "$line\n";
	$part{$name} = substr $rest, 0, $length, '';
	push @range, [ $name, $offset, $length ];
	$offset += $length;
}
is($rest, '', 'the parts are all of it');
spill('manifest', $part{'manifest PKG-1 1'});
my ($sum) = RM::Cluster::run_quietly('sha256sum', "$dir/manifest") =~ /^(\w+)/;
is("sha256:$sum", $sealed, 'sha256sum of the manifest is the digest that was signed');
for my $table (qw(release release_package component planned_ci_change package_signature approval signing_key release_policy change_request
	gate_criterion person organization release_customer))
{
	ok(exists $part{"rows release_mgmt.$table"}, "rows of $table");
	my $rows = () = $part{"rows release_mgmt.$table"} =~ /\n/g;
	my %proved = map { /^proof \S+ release_mgmt\.$table (.*) \d+$/ ? ($1 => 1) : () } keys %part;
	is(scalar keys %proved, $rows, "each is proved: $table");
}
is(scalar(grep { /^proof evidence\.example\.org public\.visit \S+:2026-01-31:t:a\\:b 1$/ } keys %part), 1, 'a row of a governed table of others that names the release');
is(join(', ', grep { /^proof \S+ public\.server / } sort keys %part), 'proof evidence.example.org public.server alpha 2',
	'of the configuration items the change that it permitted');
like($part{'rows public.visit'}, qr/"day": "2026-01-31".*"felt": "ok"/, 'its values as text');
ok(!exists $part{'rows public.hearsay'}, 'not of one that is not governed');
unlike($part{'rows release_mgmt.release'}, qr/REL-2/, 'nothing of another release');
ok(!grep({ /CHG-2|PKG-2/ } values %part), 'nor what belongs to it');
like($part{'obligations'}, qr/"clause": "1\.4, 2\.2".*"package_signature": "manager-1"/, 'what makes an obligation');
is(scalar(() = $part{'obligations'} =~ /\n/g), $obligations, 'every obligation');

# A byte of each kind of part, and bytes of the head, altered: the part is named.
sub alter
{
	my ($at) = @_;
	my $altered = $evidence;
	my $byte = substr $altered, $at, 1;
	substr $altered, $at, 1, $byte eq 'x' ? 'y' : 'x';
	return $altered;
}
my %kind;
for my $range (@range)
{
	my ($name, $start, $length) = @$range;
	my ($kind) = $name =~ /^(\w+(?: \S+)?)/;
	next if $kind{$kind}++ > 1;
	for my $at (0, int($length / 2), $length - 1)
	{
		($status, $out) = verify(alter($start + $at));
		is("$status $out", "1 part \"$name\": altered: it has another digest than the head says\n1 findings\n", "byte $at of $name");
	}
}
for my $at (map { int(length($head) * $_ / 40) } 1 .. 39)
{
	($status, $out) = verify(alter($at));
	like("$status $out", qr/^1 head: altered/, "byte $at of the head");
}
# What the holder of the key signs nevertheless is held against what the proofs cover.
my ($blob) = $evidence =~ /^\xe2\x80\x94 evidence\.example\.org (\S+)$/m;
sub forge
{
	my ($edit) = @_;
	my %forged = %part;
	$edit->(\%forged);
	my $forged_head = join '', map { /^part / ? () : "$_\n" } split /\n/, $head;
	my @names = grep { exists $forged{$_} } (map { $_->[0] } @range), grep { !exists $part{$_} } sort keys %forged;
	for my $name (@names)
	{
		$forged_head .= $told{$name} and next if exists $part{$name} && $part{$name} eq $forged{$name};
		my ($digest) = RM::Cluster::run_quietly('sha256sum', spill('part', $forged{$name})) =~ /^(\w+)/;
		$forged_head .= sprintf "part %d %s %s\n", length $forged{$name}, encode_base64(pack('H*', $digest), ''), $name;
	}
	RM::Cluster::run_quietly('openssl', 'pkeyutl', '-sign', '-inkey', "$dir/key.pem", '-rawin', '-in', spill('body', $forged_head), '-out', "$dir/forged");
	my $line = encode_base64(substr(decode_base64($blob), 0, 4) . RM::Cluster::run_quietly('cat', "$dir/forged"), '');
	return (verify(join '', "$forged_head\n\xe2\x80\x94 evidence.example.org $line\n\n", map { $forged{$_} } @names))[1];
}
like(forge(sub { }), qr/is sound/, 'put together again it holds');
my ($shown) = grep { /a\\\\:b/ } split /(?<=\n)/, $part{'rows public.visit'};
for my $edit ([ 'place', '"a:b"', '"a:c"' ], [ 'felt', '"ok"', 'null' ], [ 'f8', '"-0"', '"0"' ], [ 'f4', '"0.1"', '"0.11"' ], [ 'n', '"1.50"', '"1.5"' ],
	[ 'ts', '"0044-03-15 12:00:00.5 BC"', '"0044-03-15 12:00:00.5"' ], [ 'tz', '"1900-02-28 23:59:59.000001+00"', '"1900-02-28 23:59:59.000002+00"' ],
	[ 'tm', '"24:00:00"', '"00:00:00"' ], [ 'bin', '"\\\\x00ff"', '"\\\\x00fe"' ], [ 'i2', '"-32768"', '"32768"' ], [ 'long', 'long long', 'long short' ],
	[ 'long_bin', '00ff00', '00fe00' ], [ 'js', '1.0', '1' ], [ 'a', 'NULL', 'null' ], [ 'p', '"(1,)"', '"(2,)"' ], [ 'iv', '02:00:00', '03:00:00' ], [ 'd', '"infinity"', '"-infinity"' ],
	[ 'sure', '"t"', '"f"' ], [ 'u', '"01900000', '"11900000' ])
{
	my ($column, $from, $to) = @$edit;
	my $altered = $shown =~ s/("$column": .*?)\Q$from\E/$1$to/r;
	isnt($altered, $shown, "$column is there");
	like(forge(sub { $_[0]->{'rows public.visit'} =~ s/\Q$shown\E/$altered/ }),
		qr/\Arow shown otherwise, table public\.visit, key \S+:2026-01-31:t:a\\:b: column $column is not what the proof covers\n1 findings\n\z/, "$column shown otherwise");
}
like(forge(sub { $_[0]->{'rows public.visit'} =~ s/"none": null/"none": "some"/ }), qr/^row shown otherwise, .*: it shows columns that are NULL in what the proof covers$/m, 'a value where there is none');
like(forge(sub { $_[0]->{'rows public.visit'} =~ s/\Q$shown\E/$shown$shown/ }), qr/^row shown twice, table public\.visit, key \S+$/m, 'a row shown twice');
like(forge(sub { $_[0]->{'rows public.visit'} .= $shown =~ s/a\\\\:b/b/r }), qr/^row not proved, table public\.visit, key \S+:b: no proof of its last change is there$/m, 'a row made up');
like(forge(sub { $_[0]->{'rows public.visit'} .= "{}\n" }), qr/^part "rows public\.visit": a line of it is no row$/m, 'a line that is none');
like(forge(sub { my ($name) = grep { /^proof \S+ public\.visit \S+:a\\:b 1$/ } keys %{ $_[0] }; $_[0]->{ $name =~ s/:a\\:b 1$/:z 1/r } = delete $_[0]->{$name} }),
	qr/^part "proof \S+ public\.visit \S+:z 1": it proves another change than its name says$/m, 'a proof under another name');

my $signed = length $head;
for my $at ($signed + 1 .. $signed + 5, $range[0][1] - 4 .. $range[0][1] - 1)
{
	isnt((verify(alter($at)))[0], 0, "byte $at, of the signature's line");
}
like((verify("${evidence}x"))[1], qr/there are bytes that belong to no part/, 'something behind it');
like((verify(substr $evidence, 0, -10))[1], qr/the file ends within it/, 'its end cut off');
like((RM::Cluster::capture_separately(undef, $rmverify, 'evidence', '--key', $verifier, "$dir/manifest"))[2], qr/is no evidence of a release/, 'another file');

# A forger who has no key, and one whose key is another.
$cluster->start;
my $other = do { RM::Cluster::run_quietly('sh', '-c', "cp $dir/manager.pem $dir/key.pem"); sql('SELECT verifier_key()') };
($status, $out) = RM::Cluster::capture_separately(undef, $rmverify, 'evidence', '--key', $other, spill('evidence', $evidence));
like("$status $out", qr/^1 head: altered: it does not bear the signature of the key given/, 'another key');
done_testing;

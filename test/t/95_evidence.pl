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
	ALTER TABLE visit ADD felt mood;
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
sql("INSERT INTO visit SELECT id, '2026-01-31', true, 'a:b', 'ok' FROM release; INSERT INTO hearsay SELECT id FROM release");
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
my (%part, @range);
my $offset = length($evidence) - length $rest;
for my $line (grep { /^part / } split /\n/, $head)
{
	my (undef, $length, $digest, $name) = split / /, $line, 4;
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

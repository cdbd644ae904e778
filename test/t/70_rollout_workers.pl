# Shell workers roll a real Debian package out into directories: dpkg-deb installs it, sha256sum shows what is there, and
# the server judges. Oracles: dpkg-deb, sha256sum.
use strict;
use warnings;
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use MIME::Base64 qw(encode_base64);
use RM::Cluster;
use Test::More;

$ENV{LC_ALL} = 'C';
my $dir = tempdir(CLEANUP => 1);
my $cluster = RM::Cluster->new->start;
my $db = 'postgres';
$cluster->value($db, q{
	CREATE EXTENSION release_mgmt CASCADE;
	SELECT release_mgmt.activate('rollout.example.org');
	ALTER DATABASE postgres SET search_path = public, release_mgmt;
	CREATE ROLE librarian LOGIN; CREATE ROLE manager LOGIN; CREATE ROLE worker LOGIN;
	CALL release_mgmt.grant_duty('librarian', 'librarian', 'Provider');
	CALL release_mgmt.grant_duty('manager', 'release manager', 'Provider');
	CALL release_mgmt.grant_duty('worker', 'operator', 'Provider');
	CREATE TABLE public.root (path text PRIMARY KEY);
	CREATE TABLE public.installed (root text REFERENCES public.root, name text, version text NOT NULL, PRIMARY KEY (root, name));
	INSERT INTO public.root VALUES ('one'), ('two');
	INSERT INTO public.installed VALUES ('one', 'greeter', '1.0-1'), ('two', 'greeter:all', '1.0-1'), ('two', 'greeter:mips', '1.0-1');
	SELECT release_mgmt.bind_ci_class('root', 'public.root', key => '{path}', name => 'path', mode => 'enforce');
	SELECT release_mgmt.bind_ci_class('package', 'public.installed', key => '{root,name}', name => 'name', version => 'version',
		scheme => 'deb', mode => 'enforce');
	CALL release_mgmt.bind_ci_relation('installed on', 'package', '{root}', 'root');
	CREATE FUNCTION public.granted(release uuid) RETURNS release_mgmt.check_result IMMUTABLE LANGUAGE sql AS 'SELECT (true, NULL, NULL, NULL)::release_mgmt.check_result';
	INSERT INTO release_mgmt.registered_check (name, point, function_name, proves) VALUES ('granted', 'gate', 'public.granted', 'nothing: a criterion for this test, always met');
	INSERT INTO release_mgmt.release_model (id, code, description) VALUES ('00000000-0000-7000-8000-000000000001', 'short', 'for this test');
	INSERT INTO release_mgmt.model_state (model_id, state, ordinal, kind) VALUES
		('00000000-0000-7000-8000-000000000001', 'draft', 1, 'planning'), ('00000000-0000-7000-8000-000000000001', 'deploying', 2, 'deploying'),
		('00000000-0000-7000-8000-000000000001', 'early_life', 3, 'deployed'),
		('00000000-0000-7000-8000-000000000001', 'closed', 4, 'ended');
	INSERT INTO release_mgmt.model_transition (model_id, from_state, to_state, forward) VALUES
		('00000000-0000-7000-8000-000000000001', 'draft', 'deploying', true), ('00000000-0000-7000-8000-000000000001', 'deploying', 'early_life', true),
		('00000000-0000-7000-8000-000000000001', 'early_life', 'closed', true);
	INSERT INTO release_mgmt.gate_criterion (model_id, to_state, ordinal, name, check_name) VALUES
		('00000000-0000-7000-8000-000000000001', 'deploying', 1, 'granted', 'granted'), ('00000000-0000-7000-8000-000000000001', 'closed', 1, 'granted', 'granted'),
		('00000000-0000-7000-8000-000000000001', 'early_life', 1, 'verified', 'deployment_verified');
	CALL release_mgmt.publish_model('short')});

sub spew
{
	my ($file, $content) = @_;
	open my $handle, '>:raw', $file or die "$file: $!";
	print $handle $content;
	close $handle;
	return $file;
}

sub slurp
{
	my ($file) = @_;
	open my $handle, '<:raw', $file or die "$file: $!";
	local $/;
	return scalar <$handle>;
}

# Build a version of the package; the names of two files need quoting, and one file never changes.
sub build
{
	my ($version) = @_;
	my $tree = "$dir/tree-$version";
	make_path("$tree/DEBIAN", "$tree/usr/bin", "$tree/usr/share/greeter");
	spew("$tree/DEBIAN/control", "Package: greeter\nVersion: $version\nArchitecture: all\nMaintainer: x <x\@example.org>\nDescription: x\n");
	spew("$tree/usr/bin/greet", "#!/bin/sh\necho hello from $version\n");
	spew("$tree/usr/share/greeter/read me", "greeter $version\n");
	spew("$tree/usr/share/greeter/back\\slash", "greeter $version\n");
	spew("$tree/usr/share/greeter/copyright", "public domain\n");
	RM::Cluster::run_quietly('dpkg-deb', '--build', '--root-owner-group', $tree, "$dir/greeter_$version.deb");
	return "$dir/greeter_$version.deb";
}

# Take a package into the library; the item's id.
sub take_in
{
	my ($version) = @_;
	my $file = build($version);
	my ($hex) = RM::Cluster::run_quietly('sha256sum', $file) =~ /^(\w+)/;
	my $content = encode_base64(slurp($file), '');
	return $cluster->value($db, qq{
		SELECT begin_intake('pkg:deb/debian/greeter\@$version') AS item \\gset
		CALL append_content(:'item', decode('$content', 'base64'));
		SELECT finish_intake(:'item', 'sha256:$hex') \\g /dev/null
		CALL accept_item(:'item');
		\\echo :item
	}, user => 'librarian');
}

# Claim a step as a worker; a hash of its columns, or nothing.
sub claim
{
	my ($worker) = @_;
	my $row = $cluster->value($db, qq{SELECT json_build_array(claim, release, target, kind, items[1],
		encode(convert_to(manifest, 'UTF8'), 'hex')) FROM claim_step('$worker')}, user => 'worker');
	return if $row eq '';
	my %step;
	@step{qw(claim release target kind item manifest)} = $row =~ /"([^"]*)"/g;
	$step{manifest} = pack 'H*', $step{manifest};
	($step{root}) = $step{target} =~ m{/(.*)};
	$step{root} = "$dir/root-$step{root}";
	return \%step;
}

# The item's content, read chunk by chunk, installed into the root as dpkg would.
sub install
{
	my ($step) = @_;
	my ($content, $chunk) = ('', 0);
	while ((my $hex = $cluster->value($db, "SELECT encode(read_content('$step->{item}', $chunk), 'hex')", user => 'worker')) ne '')
	{
		$content .= pack 'H*', $hex;
		$chunk++;
	}
	make_path($step->{root});
	RM::Cluster::run_quietly('dpkg-deb', '-x', spew("$dir/download.deb", $content), $step->{root});
	return;
}

# What "sha256sum -c" says of the manifest in the root, messages included.
sub check
{
	my ($step) = @_;
	spew("$dir/manifest", $step->{manifest});
	return scalar `cd '$step->{root}' && sha256sum -c ../manifest 2>&1`;
}

# The digests of everything that is in the root.
sub list
{
	my ($step) = @_;
	return scalar `cd '$step->{root}' && find . -type f -print0 | sort -z | xargs -0 --no-run-if-empty sha256sum`;
}

# Report a step; the warning, if one is given.
sub report
{
	my ($step, $outcome, $output) = @_;
	my $hex = unpack 'H*', $output;
	my ($status, undef, $err) = $cluster->psql($db,
		"CALL report_step('$step->{claim}', '$outcome', convert_from(decode('$hex', 'hex'), 'UTF8'))", user => 'worker');
	die $err if $status != 0;
	return $err;
}

sub progress
{
	return $cluster->value($db, q{SELECT string_agg(target || ' ' || state || coalesce(' ' || attempt, ''), ', ' ORDER BY target)
		FROM deployment_progress}, user => 'manager');
}

sub versions
{
	return $cluster->value($db, q{SELECT string_agg(root || ' ' || version, ', ' ORDER BY root) FROM installed WHERE name <> 'greeter:mips'});
}

my $old = take_in('1.0-1');
my $new = take_in('1.1-1');
for my $root (qw(one two))
{
	make_path("$dir/root-$root");
	RM::Cluster::run_quietly('dpkg-deb', '-x', "$dir/greeter_1.0-1.deb", "$dir/root-$root");
}
$cluster->value($db, qq{
	SELECT create_release('REL-1', 'minor', model => 'short');
	SELECT create_package('PKG-1', release => 'REL-1', items => ARRAY['$new']::uuid[]);
	SELECT add_wave('REL-1', 'first', '{root/one}', pilot => true);
	SELECT add_wave('REL-1', 'rest', '{root/two}');
	SELECT derive_ci_changes('REL-1');
	SELECT seal_package('PKG-1');
	CALL advance_release('REL-1', 'deploying')}, user => 'manager');

# The first target, checked by the worker with the manifest.
my $step = claim('w1');
is("$step->{kind} $step->{target}", 'install root/one', 'the pilot comes first');
is(claim('w2'), undef, 'the rest waits for it');
my $lines = () = $step->{manifest} =~ /\n/g;
is($lines, 4, 'the manifest has a line for each file of the package');
unlike(check($step), qr/greet: OK/, 'sha256sum finds the former version before the installation');
install($step);
my $output = check($step);
is(scalar(() = $output =~ /: OK$/mg), 4, 'sha256sum accepts the manifest, escapes included, after it');
is(report($step, 'successful', $output), '', 'and so does the server its output');
is(versions(), 'one 1.1-1, two 1.0-1', 'the installation writes the planned version');
$step = claim('w2');
is("$step->{kind} $step->{target}", 'verify root/one', 'then another worker has a second look');
is(report($step, 'successful', list($step)), '', 'a listing of what is there does as well');
is(progress(), 'root/one verified 1, root/two planned 1', 'the first target is verified');

# The second one is tampered with between installation and verification.
$step = claim('w1');
install($step);
report($step, 'successful', list($step));
spew("$step->{root}/usr/bin/greet", "#!/bin/sh\necho gotcha\n");
$step = claim('w2');
$output = check($step);
like($output, qr{usr/bin/greet: FAILED$}m, 'sha256sum finds the file that was tampered with');
like(report($step, 'successful', $output), qr{verify of root/two failed.*usr/bin/greet: expected sha256:\w{64}, found another content}s,
	'so does the server, whatever the worker says');
is(progress(), 'root/one verified 1, root/two failed 1', 'the target has failed');
is($cluster->value($db, q{SELECT string_agg(f ->> 'file', ', ') FROM deployment_progress, jsonb_array_elements(findings) AS f}),
	'usr/bin/greet', 'the finding names the file, and no other');
isnt(($cluster->psql($db, q{CALL advance_release('REL-1', 'early_life')}, user => 'manager'))[0], 0, 'the gate stays shut');

# Backed out to the former version. A file that both versions have alike may stay.
$cluster->value($db, q{CALL back_out_target('REL-1', 'root/two')}, user => 'manager');
is(versions(), 'one 1.1-1, two 1.0-1', 'backing out restores the version in the CMDB');
$step = claim('w1');
is("$step->{kind} $step->{target}", 'back_out root/two', 'and hands a step to the workers');
like(report($step, 'successful', list($step)), qr{back_out of root/two failed.*read me: expected not as the package has it}s,
	'which fails while files are there as the package has them');
unlike($cluster->value($db, q{SELECT findings::text FROM deployment_progress WHERE target = 'root/two'}), qr/copyright/,
	'but a file that the former version had alike is no finding');
$cluster->value($db, q{CALL back_out_target('REL-1', 'root/two')}, user => 'manager');
$step = claim('w1');
RM::Cluster::run_quietly('dpkg-deb', '-x', "$dir/greeter_1.0-1.deb", $step->{root});
is(report($step, 'successful', list($step)), '', 'with the former version in place it succeeds');
$cluster->value($db, q{CALL deploy_again('REL-1', 'root/two')}, user => 'manager');
for my $kind (qw(install verify))
{
	$step = claim('w1');
	is($step->{kind}, $kind, "again: $kind");
	install($step) if $kind eq 'install';
	is(report($step, 'successful', check($step)), '', 'successful');
}
is(progress(), 'root/one verified 1, root/two verified 2', 'done again, in a second attempt');
is(versions(), 'one 1.1-1, two 1.1-1', 'the CMDB says so');
$cluster->value($db, q{CALL advance_release('REL-1', 'early_life')}, user => 'manager');
is($cluster->value($db, q{SELECT count(*) || ' deliveries, ' || sum(files) || ' files' FROM delivery}), '3 deliveries, 12 files',
	'every delivery is on record');
is(claim('w1'), undef, 'nothing is left to do');

done_testing;

# The library reads Debian packages as dpkg does, and refuses what is none.
# Oracles: dpkg-deb, sha256sum, apt's index of the configured archive.
use strict;
use warnings;
use Digest::SHA qw(sha256_hex);
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use MIME::Base64 qw(encode_base64);
use RM::Cluster;
use Test::More;

my $dir = tempdir(CLEANUP => 1);
my $cluster = RM::Cluster->new->start;
my $db = 'postgres';
$cluster->value($db, q{
	CREATE EXTENSION release_mgmt CASCADE;
	SELECT release_mgmt.activate('library.example.org');
	ALTER DATABASE postgres SET search_path = public, release_mgmt;
	CREATE ROLE librarian LOGIN; CREATE ROLE worker LOGIN;
	CALL release_mgmt.grant_duty('librarian', 'librarian', 'Provider');
	CALL release_mgmt.grant_duty('worker', 'operator', 'Provider')});

sub slurp
{
	my ($file) = @_;
	open my $handle, '<:raw', $file or die "$file: $!";
	local $/;
	return scalar <$handle>;
}

sub spew
{
	my ($file, $content) = @_;
	open my $handle, '>:raw', $file or die "$file: $!";
	print $handle $content;
	close $handle;
	return $file;
}

# Output of a program that must succeed.
sub output
{
	return RM::Cluster::run_quietly(@_);
}

# Begin an intake and append bytes in pieces; the item's id.
sub take_in
{
	my ($purl, $bytes, $piece) = @_;
	my $sql = "SELECT begin_intake('$purl', source_kind => 'change', source_reference => 'CHG-1') AS item \\gset\n";
	for (my $at = 0; $at < length $bytes; $at += $piece)
	{
		my $chunk = encode_base64(substr($bytes, $at, $piece), '');
		$sql .= "CALL append_content(:'item', decode('$chunk', 'base64'), $at);\n";
	}
	return $cluster->value($db, "$sql\\echo :item\n", user => 'librarian');
}

# Finish an intake: (SQLSTATE or '', output or error).
sub finish
{
	my ($item, $hex) = @_;
	my ($status, $out, $err) = $cluster->psql($db, "\\set VERBOSITY verbose\nSELECT finish_intake('$item', 'sha256:$hex')",
		user => 'librarian');
	return ('', $out) if $status == 0;
	return ($err =~ /ERROR:  (\w{5}):/ ? $1 : '?', $err);
}

# Take in a file under a purl and finish: as finish(), with the item.
sub intake
{
	my ($purl, $bytes, $piece) = @_;
	my $item = take_in($purl, $bytes, $piece // 700_000);
	return (finish($item, sha256_hex($bytes)), $item);
}

# Build a package with dpkg-deb: files by path, fields of control by name.
sub build_deb
{
	my ($name, $files, $fields, @options) = @_;
	my $root = "$dir/$name.root";
	make_path("$root/DEBIAN");
	my %field = (Package => $name, Version => '1.0-1', Architecture => 'all', Maintainer => 'Test <test@example.org>',
		Description => 'made for a test', %{ $fields // {} });
	spew("$root/DEBIAN/control", join '', map { "$_: $field{$_}\n" } 'Package', grep { $_ ne 'Package' } sort keys %field);
	for my $path (sort keys %$files)
	{
		(my $parent = "$root/$path") =~ s{/[^/]*$}{};
		make_path($parent);
		ref $files->{$path} ? ${ $files->{$path} }->("$root/$path") : spew("$root/$path", $files->{$path});
	}
	output('dpkg-deb', @options, '--root-owner-group', '-b', $root, "$dir/$name.deb");
	return slurp("$dir/$name.deb");
}

# Everything that the library says of a package is what dpkg-deb and sha256sum say.
sub agrees_with_dpkg
{
	my ($item, $file, $what) = @_;
	my $target = tempdir(DIR => $dir);
	output('dpkg-deb', '-x', $file, $target);
	my $manifest = $cluster->value($db, "SELECT item_manifest('$item')", user => 'worker');
	chomp $manifest;
	my $expected = output('sh', '-c', "cd '$target' && find . -type f -printf '%P\\0' | LC_ALL=C sort -z | xargs -0 -r sha256sum");
	chomp $expected;
	is($manifest, $expected, "$what: manifest is what sha256sum computes over dpkg-deb -x");
	spew("$target.sums", "$manifest\n");
	is((RM::Cluster::capture(undef, 'sh', '-c', "cd '$target' && sha256sum --status --strict -c '$target.sums'"))[0],
		0, "$what: sha256sum -c accepts the manifest")
	  if $manifest ne '';
	my %kind = (requires => 'Depends', 'pre-requires' => 'Pre-Depends', conflicts => 'Conflicts', breaks => 'Breaks',
		provides => 'Provides', replaces => 'Replaces');
	my %clauses = map { split /\t/, $_, 2 } split /\n/, $cluster->value($db, "
		SELECT kind || E'\\t' || string_agg(text, ', ' ORDER BY clause_no) FILTER (WHERE alternative_no = 1) || E'\\t' || count(*)
		FROM package_clause WHERE item_id = '$item' GROUP BY kind");
	for my $kind (sort keys %kind)
	{
		my $field = output('dpkg-deb', '-f', $file, $kind{$kind});
		$field =~ s/\s+/ /g;
		$field =~ s/^ | ,?$//g;
		my $alternatives = () = $field =~ /[,|]/g;
		is($clauses{$kind} // '', $field eq '' ? '' : $field . "\t" . ($alternatives + 1), "$what: $kind, with every alternative");
	}
	is($cluster->value($db, "SELECT name || ' ' || pkgver_version(version) || ' ' || architecture FROM library_item WHERE id = '$item'"),
		join(' ', map { my $v = output('dpkg-deb', '-f', $file, $_); chomp $v; $v } qw(Package Version Architecture)), "$what: identity");
	is($cluster->value($db, "SELECT purl_name(built_from) || ' ' || purl_version(built_from) || ' ' || purl_qualifier(built_from, 'arch') FROM library_item WHERE id = '$item'"),
		output('dpkg-deb', '-W', '--showformat=${source:Package} ${source:Version} source', $file), "$what: the source package that it was built from");
	return;
}

# A made package, with everything in it that a relation can hold, in each compression.
my %relations = (
	Depends => 'base (>= 1:2.0~rc1), first | second:any (<< 3) | third, plain',
	'Pre-Depends' => 'early (>> 0)', Conflicts => 'old (<= 2.0), other', Breaks => 'thing (= 4.5-6)',
	Provides => 'virtual, virtual-versioned (= 2.1)', Replaces => 'old, thing (<< 5)');
my @odd = ("usr/share/a b", "usr/share/back\\slash", "usr/share/\x{c3}\x{a9}", 'usr/share/' . 'n' x 200);
for my $compression (qw(xz gzip zstd none))
{
	my $name = "made-$compression";
	my $deb = build_deb($name, { 'usr/bin/tool' => "#!/bin/sh\necho $name\n", 'usr/share/empty' => '', map { $_ => "content of $_" } @odd },
		\%relations, "-Z$compression");
	my ($state, $digest, $item) = intake("pkg:deb/test/$name\@1.0-1?arch=all", $deb, $compression eq 'xz' ? 97 : 700_000);
	is($state, '', "$name: taken in") or diag($digest);
	is($digest, 'sha256:' . sha256_hex($deb), "$name: digest");
	agrees_with_dpkg($item, "$dir/$name.deb", $name);
}

# Hard links are files; symbolic links are not.
{
	my $deb = build_deb('links', {
		'usr/lib/a' => 'content', 'usr/lib/b' => \sub { link "$dir/links.root/usr/lib/a", $_[0] or die $! },
		'usr/lib/s' => \sub { symlink 'a', $_[0] or die $! } });
	my ($state, $out, $item) = intake('pkg:deb/test/links@1.0-1', $deb);
	is($state, '', 'links: taken in') or diag($out);
	agrees_with_dpkg($item, "$dir/links.deb", 'links');
}

# 64 MB of data that does not compress: the server reads it as a stream.
{
	my $data = '';
	my $block = sha256_hex('seed');
	$data .= pack 'H*', $block = sha256_hex($block) for 1 .. 32_768;
	$data x= 64;
	my $deb = build_deb('large', { 'opt/data' => $data }, {}, '-Znone');
	my $item = take_in('pkg:deb/test/large@1.0-1', $deb, 4_000_000);
	my $peak = $cluster->value($db, "SET ROLE librarian; SELECT finish_intake('$item', 'sha256:${\ sha256_hex($deb)}'); RESET ROLE;
		SELECT substring(pg_read_file('/proc/self/status') FROM 'VmHWM:\\s+(\\d+)')");
	like($peak, qr/^sha256:/, 'large: taken in');
	cmp_ok((split /\n/, $peak)[1], '<', 96 * 1024, 'large: the server needs less memory than the content is long, 32 MB shared buffers included');
	is($cluster->value($db, "SELECT size || ' ' || digest_hex(digest) FROM library_file WHERE item_id = '$item'"),
		length($data) . ' ' . sha256_hex($data), 'large: digest and size of its one file');
	$cluster->value($db, "CALL accept_item('$item')", user => 'librarian');
	my $back = join '', $cluster->value($db, join('', map { "SELECT encode(read_content('$item', $_), 'hex');" } 0 .. 80), user => 'worker');
	is('sha256:' . sha256_hex(pack 'H*', $back =~ s{\s}{}gr), 'sha256:' . sha256_hex($deb), 'large: what goes out is what came in');
}

# A small package that unpacks to 2 GB: the call can be cancelled while it reads.
{
	my $deb = build_deb('bomb', { 'opt/zeros' => \sub { open my $file, '>', $_[0] or die $!; truncate $file, 2**31 or die $! } }, {}, '-Zzstd', '-z1');
	cmp_ok(length $deb, '<', 1_000_000, 'bomb: the package is small');
	my $item = take_in('pkg:deb/test/bomb@1.0-1', $deb, 700_000);
	my ($status, $out, $err) = $cluster->psql($db, "SET statement_timeout = '200ms';\n\\set VERBOSITY sqlstate\n
		SELECT finish_intake('$item', 'sha256:${\ sha256_hex($deb)}')", user => 'librarian');
	like($err, qr/57014/, 'bomb: reading it can be cancelled');
}

# Content that is no package, or another one. Nothing of it may stay: no file, no clause, no digest.
my $good = build_deb('good', { 'usr/bin/good' => 'good' }, { Depends => 'base (>= 1)' });
my @hostile = (
	[ 'empty', '', 'Unrecognized archive format' ],
	[ 'not an ar archive', 'x' x 5000, 'Unrecognized archive format' ],
	[ 'random bytes', join('', map { pack 'H*', sha256_hex("r$_") } 1 .. 1000), 'Unrecognized archive format' ],
	[ 'another ar archive', ar([ 'hello.o', 'x' ]), 'not "debian-binary"' ],
	[ 'another format', ar([ 'debian-binary', "3.0\n" ]), 'another format than 2.x' ],
	[ 'nothing but the format', ar([ 'debian-binary', "2.0\n" ]), 'second member' ],
	[ 'control missing', ar([ 'debian-binary', "2.0\n" ], [ 'control.tar', tar('nothing') ], [ 'data.tar', tar('x') ]), 'no file named control' ],
	[ 'control is a directory', ar([ 'debian-binary', "2.0\n" ], [ 'control.tar', tar('control/x') ], [ 'data.tar', tar('x') ]), 'no file named control' ],
	[ 'control is no control data', with_control("no field here\n"), 'Line 1' ],
	[ 'control is not UTF-8', with_control(control(Description => "\xff\xfe")), 'not UTF-8' ],
	[ 'control holds a zero byte', with_control(control(Description => "a\0b")), 'zero byte' ],
	[ 'two stanzas', with_control(control() . "\n" . control()), '2 stanzas' ],
	[ 'data missing', ar([ 'debian-binary', "2.0\n" ], [ 'control.tar', tar('control', control()) ]), 'third member' ],
	[ 'something follows data', ar([ 'debian-binary', "2.0\n" ], [ 'control.tar', tar('control', control()) ], [ 'data.tar', tar('x') ], [ 'more', 'x' ]),
		'follows data.tar' ],
	[ 'unknown compression', ar([ 'debian-binary', "2.0\n" ], [ 'control.tar.lz4', 'x' ], [ 'data.tar', tar('x') ]), 'known compression' ],
	[ 'compressed garbage', ar([ 'debian-binary', "2.0\n" ], [ 'control.tar.xz', 'x' x 600 ], [ 'data.tar', tar('x') ]), 'control.tar.xz' ],
	[ 'absolute path', with_data(tar_raw('/etc/passwd', 'x')), 'is absolute' ],
	[ 'path that leads outside', with_data(tar_raw('usr/../../etc/passwd', 'x')), 'leads outside' ],
	[ 'one path twice', with_data(tar_raw('a', 'x', 'a', 'y')), '"a" stands there 2 times' ],
	[ 'hard link to nothing', with_data(tar_link('a', 'b', 1)), 'no file of the package' ],
	[ 'file beyond a symbolic link', with_data(tar_link('a', '/etc', 2) . tar_raw('a/passwd', 'x')), 'beyond the symbolic link' ],
	[ 'device', with_data(tar_link('dev', '', 3)), 'neither file, directory nor link' ],
	[ 'path that is not UTF-8', with_data(tar_raw("\xff", 'x')), 'not UTF-8' ],
	[ 'malformed relation', with_control(control(Depends => 'a (>= 1')), 'version relation has the form' ],
	[ 'relation without a name', with_control(control(Depends => 'a, , b')), 'clause is empty' ],
	[ 'alternative in Conflicts', with_control(control(Conflicts => 'a | b')), 'Alternatives' ],
	[ 'malformed version in a relation', with_control(control(Depends => 'a (>= :-)')), 'version' ],
	[ 'another name', with_control(control(Package => 'evil')), 'The name is evil in the package, good in the purl' ],
	[ 'another version', with_control(control(Version => '9')), 'The version is 9 in the package, 1.0-1 in the purl' ],
	[ 'another architecture', with_control(control(Architecture => 'riscv64')), 'The architecture is riscv64 in the package, all in the purl' ],
	[ 'everything else', with_control(control(Package => 'evil', Version => '9', Architecture => 'riscv64')),
		'name is evil.*version is 9.*architecture is riscv64' ],
	map { [ "cut after $_ bytes", substr($good, 0, $_), '.' ] } 1, 8, 60, 72, 100, 150, 300, length($good) - 100);

sub control
{
	my (%field) = (Package => 'good', Version => '1.0-1', Architecture => 'all', @_);
	return join '', map { "$_: $field{$_}\n" } sort keys %field;
}

sub with_control { return ar([ 'debian-binary', "2.0\n" ], [ 'control.tar', tar('control', $_[0]) ], [ 'data.tar', tar('x') ]) }
sub with_data { return ar([ 'debian-binary', "2.0\n" ], [ 'control.tar', tar('control', control()) ], [ 'data.tar', $_[0] . "\0" x 1024 ]) }

sub ar
{
	return "!<arch>\n" . join '', map { sprintf("%-16s%-12d%-6d%-6d%-8o%-10d`\n", $_->[0], 0, 0, 0, 0100644, length $_->[1]) . $_->[1] . "\n" x (length($_->[1]) % 2) } @_;
}

sub tar { return tar_raw($_[0], $_[1] // '') . "\0" x 1024 }

sub tar_raw
{
	my (@entries) = @_;
	my $tar = '';
	while (my ($path, $content) = splice @entries, 0, 2)
	{
		$tar .= tar_header($path, length $content, '0', '') . $content . "\0" x (-length($content) % 512);
	}
	return $tar;
}

sub tar_link { return tar_header($_[0], 0, $_[2], $_[1]) }

sub tar_header
{
	my ($path, $size, $type, $link) = @_;
	my $header = pack 'a100 a8 a8 a8 a12 a12 A8 a1 a100 a6 a2 a32 a32 a8 a8 a155 x12', $path, '0000644', '0000000', '0000000',
	  sprintf('%011o', $size), '00000000000', '', $type, $link, "ustar\0", '00', 'root', 'root', '0000000', '0000000', '';
	substr($header, 148, 8) = sprintf "%06o\0 ", unpack '%32C*', $header;
	return $header;
}

for my $case (@hostile)
{
	my ($what, $bytes, $says) = @$case;
	my ($state, $out, $item) = intake('pkg:deb/test/good@1.0-1?arch=all', $bytes);
	is($state, 'RM019', "$what: refused") or diag($out);
	like($out, qr/DETAIL:.*$says|ERROR:.*$says/s, "$what: says why");
	like($out, qr/HINT:/, "$what: says what to do");
	is($cluster->value($db, "SELECT (SELECT count(*) FROM library_file WHERE item_id = '$item')
			+ (SELECT count(*) FROM package_clause WHERE item_id = '$item')
			+ (SELECT count(digest) FROM library_item WHERE id = '$item')"), 0, "$what: nothing is half done");
}
is((intake('pkg:deb/test/good@1.0-1?arch=all', with_data(tar_raw('./a//./b', 'x'))))[0], '', 'the same, made well: taken in');
{
	my ($state, undef, $item) = intake('pkg:deb/test/good@1.0-1?arch=all', with_data(tar_raw("a\nb", 'x')));
	my $target = tempdir(DIR => $dir);
	spew("$target/a\nb", 'x');
	spew("$target.sums", $cluster->value($db, "SELECT item_manifest('$item')", user => 'worker') . "\n");
	is((RM::Cluster::capture(undef, 'sh', '-c', "cd '$target' && sha256sum --status --strict -c '$target.sums'"))[0],
		0, 'a line end in a path: sha256sum -c accepts the manifest');
}
is((intake('pkg:deb/test/good@1.0-1', $good))[0], '', 'dpkg-deb\'s own: taken in');

# Any single byte of a package may be wrong: the server refuses or reads it, and lives.
{
	my %seen;
	for my $at (map { int(length($good) * $_ / 20) } 0 .. 19)
	{
		my $bytes = $good;
		substr($bytes, $at, 1) ^= "\x5a";
		my ($state) = intake('pkg:deb/test/good@1.0-1', $bytes);
		$seen{$state}++;
	}
	is(join(' ', grep { $_ ne '' && $_ ne 'RM019' } sort keys %seen), '', 'a flipped byte: refused with RM019, or read');
	unlike($cluster->log, qr/was terminated by signal/, 'the server lives');
}

# Real packages of the configured archive.
SKIP:
{
	my @packages = qw(hello curl libcurl4 tzdata bash);
	my ($status, $urls) = RM::Cluster::capture(undef, 'apt-get', 'download', '--print-uris', @packages);
	my @lines = grep { /SHA256:/ } split /\n/, $urls;
	my ($got) = $status == 0 && @lines ? RM::Cluster::capture(undef, 'sh', '-c', "cd '$dir' && apt-get -q -o Acquire::Retries=1 download @packages") : 1;
	skip 'no archive reachable', 1 if $got != 0;
	for my $line (@lines)
	{
		my ($file, $name, $hex) = $line =~ /^'\S+' (([^_ ]+)_\S+) \d+ SHA256:(\w+)/;
		my $version = output('dpkg-deb', '-f', "$dir/$file", 'Version');
		my $arch = output('dpkg-deb', '-f', "$dir/$file", 'Architecture');
		chomp($version, $arch);
		$version =~ s/([^A-Za-z0-9.~_-])/sprintf '%%%02X', ord $1/ge;
		my $item = take_in("pkg:deb/debian/$name\@$version?arch=$arch", slurp("$dir/$file"), 700_000);
		my ($state, $digest) = finish($item, $hex);
		is($state, '', "$name: taken in under the digest of the archive's index") or diag($digest);
		agrees_with_dpkg($item, "$dir/$file", $name);
	}
}
done_testing;

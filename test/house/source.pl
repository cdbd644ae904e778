# House rules that the sources alone can show.
use strict;
use warnings;
use RM::Cluster;
use Test::More;

chdir $RM::Cluster::top or die $!;
my @c = grep { !/rmverify/ } glob 'src/*.[ch] src/*/*.[ch]';
my @sql = glob 'sql/[0-9]*.sql sql/[0-9]*/*.sql';
my @tests = glob 'test/sql/*.sql test/specs/*.spec test/pgtap/*.sql test/t/*.pl test/house/*.pl test/lib/*.pm test/lib/*/*.pm';
my %text = map { $_ => slurp($_) } @c, @sql, @tests, glob 'test/run test/lib/* tools/* demo/* bench/* doc/* *.md';

# Modules, lowest first; the number is that of the SQL file.
my @modules = qw(types ledger party cmdb library release lifecycle rollout assurance transition trace metrics);
my %rank = map { $modules[$_] => $_ } 0 .. $#modules;

sub slurp
{
	my ($file) = @_;
	return '' if -d $file;
	open my $handle, '<', $file or die "$file: $!";
	local $/;
	return scalar(<$handle>) // '';
}

# One assertion per rule; every violation is a diagnostic.
sub rule
{
	my ($name, @violations) = @_;
	ok(!@violations, $name) or diag(map { "  $_\n" } @violations);
	return;
}

# "file:line" of an offset.
sub place
{
	my ($file, $offset) = @_;
	return "$file:" . (1 + (substr($text{$file}, 0, $offset) =~ tr/\n//));
}

# Every match of a pattern in files, as "file:line: match".
sub matches
{
	my ($pattern, @files) = @_;
	my @found;
	for my $file (@files)
	{
		while ($text{$file} =~ /$pattern/g)
		{
			my $match = $1 // $&;
			push @found, place($file, $-[0]) . ": $match";
		}
	}
	return @found;
}

# The text without comments and string contents, offsets kept.
sub bare_c
{
	my ($text) = @_;
	$text =~ s{(/\*.*?\*/|"(?:[^"\\]|\\.)*")}{(my $blank = $1) =~ s/[^\n]/ /g; $blank}gse;
	return $text;
}

# Calls of a function or macro: [offset, arguments as written].
sub calls
{
	my ($file, $name) = @_;
	my $bare = bare_c($text{$file});
	my @calls;
	while ($bare =~ /\b(?:$name)\s*\(/g)
	{
		my ($start, $depth, $at) = ($-[0], 1, $+[0]);
		while ($depth > 0 && $at < length $bare)
		{
			my $char = substr $bare, $at++, 1;
			$depth++ if $char eq '(';
			$depth-- if $char eq ')';
		}
		push @calls, [ $start, substr($text{$file}, $+[0], $at - $+[0] - 1) ];
	}
	return @calls;
}

# The string literal that opens a list of arguments, adjacent ones and format macros joined; undef when it opens with
# something else.
sub first_literal
{
	my ($arguments) = @_;
	return if $arguments !~ /^\s*((?:"(?:[^"\\]|\\.)*"\s*(?:[A-Z]\w*\s*)*)+)/;
	return join '', $1 =~ /"((?:[^"\\]|\\.)*)"/g;
}

my @violations;

# Errors.
for my $file (@c)
{
	for my $call (calls($file, 'ereport|ereturn|errsave'))
	{
		my ($offset, $arguments) = @$call;
		next if $arguments =~ /^\s*(?:WARNING|NOTICE|LOG|INFO|DEBUG\d|elevel|context|\(context\))/ || $file eq 'src/compat.h';
		push @violations, place($file, $offset) if $arguments !~ /\berrcode(?:_for_\w+)?\s*\(|\berror_code\b/;
	}
}
rule('every ereport(ERROR) carries an errcode', @violations);

@violations = ();
for my $file (@c)
{
	for my $call (calls($file, 'errmsg(?:_internal|_plural)?'))
	{
		my $literal = first_literal($call->[1]) // next;
		push @violations, place($file, $call->[0]) . ": $literal" if $literal =~ /^[A-Z][a-z]/ || $literal =~ /\.$/;
	}
}
rule('errmsg is lower case and has no full stop', @violations);

@violations = ();
for my $file (@c)
{
	for my $call (calls($file, 'errdetail(?:_internal)?|errhint(?:_internal)?'))
	{
		my $literal = first_literal($call->[1]) // next;
		next if $literal eq '%s';
		push @violations, place($file, $call->[0]) . ": $literal" if $literal !~ /^[A-Z"%(\d]/ && $literal !~ /^\w+[_(]/ || $literal !~ /[.?)"]$|%s$/;
	}
}
rule('errdetail and errhint are sentences', @violations);

@violations = ();
for my $file (@sql)
{
	while ($text{$file} =~ /\brefuse\(\s*'(\w+)',\s*(?:pg_catalog\.)?(?:format\(\s*)?'((?:[^']|'')*)'/g)
	{
		my ($offset, $message) = ($-[0], $2);
		push @violations, place($file, $offset) . ": $message" if $message =~ /^[A-Z][a-z]/ || $message =~ /\.$/;
	}
}
rule('messages of refuse() are lower case and have no full stop', @violations);

my %condition = map { $_ => 1 } $text{'src/refuse.c'} =~ /\{ "(\w+)", ERRCODE/g;
@violations = ();
for my $file (@sql)
{
	while ($text{$file} =~ /\brefuse\(\s*'(\w+)'/g)
	{
		push @violations, place($file, $-[0]) . ": $1" if !$condition{$1};
	}
}
rule('refuse() names conditions that exist', @violations);
rule('SQLSTATEs stand in src/errcodes.h only',
	matches(qr/MAKE_SQLSTATE/, grep { $_ ne 'src/errcodes.h' } @c),
	matches(qr/('RM\d{3}'|"RM\d{3}")/, @sql, @c),
	matches(qr/\bUSING\s+ERRCODE/i, @sql));
rule('RAISE EXCEPTION is left to refuse()', matches(qr/^[^-\n]*\b(RAISE\s+(?:EXCEPTION\b|'))/m, @sql));
rule('server versions stand in src/compat.h only', matches(qr/PG_VERSION_NUM|PG_MAJORVERSION/, grep { $_ ne 'src/compat.h' } @c));

# The shape of files.
rule('nothing that a build makes is tracked',
	grep { /\.(?:o|d|bc|so)$/ } split /\n/, (RM::Cluster::capture(undef, 'git', 'ls-files'))[1]);
rule('no file is longer than 800 lines',
	grep { defined } map { my $lines = ($text{$_} =~ tr/\n//); $lines > 800 ? "$_: $lines lines" : undef } sort keys %text);
rule('every C file opens with a banner that names it',
	grep { my ($name) = m{([^/]+)$}; $text{$_} !~ m{\A/\*\n \* \Q$name\E\n} } @c);
rule('every SQL file opens with a comment', grep { $text{$_} !~ /\A--/ } @sql, glob 'test/sql/*.sql');
rule('nothing is left to do', matches(qr/\b(TODO|FIXME|XXX|HACK)\b/, grep { $_ ne 'test/house/source.pl' } sort keys %text));

@violations = ();
for my $file (grep { /\.c$/ } @c)
{
	while ($text{$file} =~ /^(?!return|else|typedef|PG_)([A-Za-z_][\w \t*]*)\n(\w+)\([^;{]*\)\n\{\n(.*?)^\}/msg)
	{
		my ($offset, $name, $body) = ($-[0], $2, $3);
		my $before = substr $text{$file}, 0, $offset;
		next if $before =~ m{\*/\n\z};
		# One comment serves a family of functions of one line.
		push @violations, place($file, $offset) . ": $name" if $body =~ /\n./ || $before !~ /^\}\n\n\z/m;
	}
}
rule('every function has a comment', @violations);

@violations = ();
for my $file (@c)
{
	my ($module) = $file =~ m{^src/(\w+)/};
	next if !defined $module;
	while ($text{$file} =~ m{^#include "(\w+)/[^"]+"}mg)
	{
		my $included = $1;
		next if !exists $rank{$included} || !exists $rank{$module};
		push @violations, place($file, $-[0]) . ": $included is above $module" if $rank{$included} > $rank{$module};
	}
}
rule('no C file includes a header of a higher module', @violations);

# Until PostgreSQL 15 other headers brought this one along.
@violations = ();
for my $file (@c)
{
	my ($call) = calls($file, 'deconstruct_array|construct_(?:md_|empty_)?array|DatumGetArrayTypeP(?:Copy)?|PG_GETARG_ARRAYTYPE_P|ARR_[A-Z]+') or next;
	my @included = map { $text{"src/$_"} // '' } $text{$file} =~ m{^#include "(\w+/[^"]+)"}mg;
	push @violations, place($file, $call->[0]) if !grep { m{^#include "utils/array\.h"}m } $text{$file}, @included;
}
rule('what handles arrays includes what declares them', @violations);

# SQL.
# A range type brings constructors along, which can only be replaced.
my %range = map { $_ => 1 } map { $text{$_} =~ /^CREATE TYPE (\S+) AS RANGE/mg } @sql;
rule('no OR REPLACE and no IF NOT EXISTS',
	grep { !/CREATE OR REPLACE FUNCTION (?:release_mgmt\.)?(\S+?)\(/i || !$range{$1} }
	  matches(qr/^(?!\s*--)([^\n]*\b(?:CREATE OR REPLACE|IF NOT EXISTS)\b(?!\s*\()[^\n]*)/im, @sql));

my @functions;    # [file, offset, kind, name, declaration before the body]
for my $file (@sql)
{
	while ($text{$file} =~ /^CREATE (FUNCTION|PROCEDURE|AGGREGATE) ([\w.]+)\s*\((.*?);$/msg)
	{
		my ($offset, $kind, $name, $rest) = ($-[0], $1, $2, $3);
		$rest =~ s/(\bAS\s+\$\w*\$|\bBEGIN ATOMIC\b|^\s*RETURN\b).*//msg;
		push @functions, [ $file, $offset, $kind, $name, $rest ];
	}
}
cmp_ok(scalar(@functions), '>', 0, 'functions are found in the sources');
rule('every function declares its volatility',
	map { place(@$_[ 0, 1 ]) . ": $_->[3]" } grep { $_->[2] eq 'FUNCTION' && $_->[4] !~ /\b(IMMUTABLE|STABLE|VOLATILE)\b/ } @functions);
rule('every function and aggregate declares its parallel safety',
	map { place(@$_[ 0, 1 ]) . ": $_->[3]" }
	  grep { $_->[2] ne 'PROCEDURE' && $_->[4] !~ /\bPARALLEL\s*=?\s*(SAFE|RESTRICTED|UNSAFE)\b/i } @functions);

@violations = ();
for my $file (@sql)
{
	while ($text{$file} =~ /^CREATE (?:UNLOGGED )?TABLE ([\w.]+)/mg)
	{
		my ($offset, $table) = ($-[0], $1);
		push @violations, place($file, $offset) . ": $table has no comment" if $text{$file} !~ /^COMMENT ON TABLE \Q$table\E IS/m;
		push @violations, place($file, $offset) . ": $table is not registered for dump"
		  if $text{$file} !~ /pg_extension_config_dump\('\Q$table\E'/;
	}
}
rule('comment and dump registration stand beside each table', @violations);

# A lower module asks a higher one through the registry of checks, never by name.
my %home;    # object => lowest rank of a file that creates it
for my $file (@sql)
{
	my $module = $file =~ m{^sql/(\d\d)_} ? $1 : die $file;
	while ($text{$file} =~ /^CREATE (?:CONSTRAINT TRIGGER|UNLOGGED TABLE|TABLE|VIEW|FUNCTION|PROCEDURE|TYPE|AGGREGATE) (release_mgmt(?:_internal)?\.\w+)/mg)
	{
		$home{$1} = $module if !exists $home{$1} || $home{$1} > $module;
	}
}
@violations = ();
for my $file (@sql)
{
	my ($module) = $file =~ m{^sql/(\d\d)_};
	(my $code = $text{$file}) =~ s{(--[^\n]*|^COMMENT ON .*?';$)}{(my $blank = $1) =~ s/[^\n]/ /g; $blank}gmse;
	while ($code =~ /\b(release_mgmt(?:_internal)?\.\w+)\b/g)
	{
		my ($offset, $object) = ($-[0], $1);
		push @violations, place($file, $offset) . ": $object" if exists $home{$object} && $home{$object} > $module;
	}
}
rule('no SQL file uses what a higher module creates', @violations);

# Tests.
my %output = map { s{^expected/}{}r => 1 } glob 'expected/*.out';
my @scripts = map { m{([^/]+)\.(?:sql|spec)$} ? "$1.out" : () } glob 'test/sql/*.sql test/specs/*.spec';
my %script = map { $_ => 1 } @scripts;
rule('every script has its expected output, and every output its script',
	(map { "expected/$_ is missing" } grep { !$output{$_} } @scripts),
	(map { "expected/$_ belongs to no script" } grep { !$script{$_} } sort keys %output));
rule('no two scripts share a name', grep { my $name = $_; (grep { $_ eq $name } @scripts) > 1 } sort keys %script);
rule('roles of regression scripts are named regress_...',
	matches(qr/^\s*(CREATE (?:ROLE|USER) (?!"?regress_)\S+)/m, glob 'test/sql/*.sql test/specs/*.spec'));
rule('each document of a module bears its name',
	grep { !-f "doc/$_.md" } grep { glob "sql/[0-9][0-9]_$_*" } @modules);

# Documents.
@violations = ();
for my $file (glob '*.md */*.md')
{
	my ($folder) = $file =~ m{^(.*/)};
	my $document = slurp($file);
	while ($document =~ /\]\((?!\w+:|#)([^)#]+)/g)
	{
		push @violations, "$file: $1" if !-e ($folder // '') . $1;
	}
}
rule('every link in a document leads somewhere', @violations);
rule('doc/README.md lists every document',
	grep { m{([^/]+)$} && $1 ne 'README.md' && slurp('doc/README.md') !~ /\(\Q$1\E\)/ } glob 'doc/*.md');

# The library.
my ($status, $symbols) = RM::Cluster::capture(undef, 'nm', '-D', '--defined-only',
	"build/stage" . RM::Cluster::pg_config('pkglibdir') . '/release_mgmt.so');
is($status, 0, 'the library is staged');
rule('exported symbols bear the prefix rm_',
	grep { !/^(?:rm_|pg_finfo_rm_|Pg_magic_func$|_PG_init$|_init$|_fini$)/ } map { (split ' ')[2] // () } split /\n/, $symbols);

done_testing;

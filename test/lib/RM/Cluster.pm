# A throwaway PostgreSQL server: a directory under TMPDIR, a Unix socket in it, nothing else.
#
#   my $base    = RM::Cluster->base;                      # stage and template, once per run
#   my $cluster = RM::Cluster->new(settings => { wal_level => 'logical' });
#   $cluster->start;
#   my ($status, $out, $err) = $cluster->psql('postgres', 'SELECT 1');
#
# A base directory holds the staged build and an initialized data directory that clusters are copied from. The first
# process makes it and names it in RM_BASE; processes below it reuse it. Whoever made a directory removes it, on exit,
# on failure and on SIGINT, SIGTERM, SIGHUP alike. Run as root, the server runs as the user postgres (or nobody), and
# everything it must read is copied to where that user can.
#
# Uses only what perl-base brings.
package RM::Cluster;

use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use IO::Handle;
use POSIX ();

our $top = abs_path(dirname(__FILE__) . '/../../..');
my @undo;        # what this process must undo, last first
my $owner = $$;
my $child;       # the program that capture_separately waits for

# The user that runs the server, or undef when we are not root and run it ourselves.
sub server_user
{
	return if $> != 0;
	for my $user (qw(postgres nobody))
	{
		return $user if defined getpwnam($user);
	}
	die "no unprivileged user (postgres, nobody) to run the server as\n";
}

# The command as the server's user runs it, from a directory that this user can read.
sub as_server_user
{
	my @command = ('env', '-C', '/', @_);
	my $user = server_user();
	return @command if !defined $user;
	my ($uid, $gid) = (getpwnam $user)[ 2, 3 ];
	return ('setpriv', "--reuid=$uid", "--regid=$gid", '--clear-groups', '--', @command);
}

# Run a command silently; die with its output when it fails.
sub run_quietly
{
	my @command = @_;
	my ($status, $output) = capture(undef, @command);
	die "@command failed:\n$output" if $status != 0;
	return $output;
}

# Run a command with the given standard input; return its exit status and its output, errors included.
sub capture
{
	my ($input, @command) = @_;
	my ($status, $out, $err) = capture_separately($input, @command);
	return ($status, $out . $err);
}

# The same with standard output and standard error apart.
sub capture_separately
{
	my ($input, @command) = @_;
	open my $in, '+>', undef or die "temporary file: $!";
	open my $out, '+>', undef or die "temporary file: $!";
	open my $err, '+>', undef or die "temporary file: $!";
	print $in $input if defined $input;
	$in->flush;
	seek $in, 0, 0;
	my $pid = fork // die "fork: $!";
	if ($pid == 0)
	{
		$SIG{$_} = 'DEFAULT' for qw(INT TERM HUP);
		open STDIN, '<&', $in;
		open STDOUT, '>&', $out;
		open STDERR, '>&', $err;
		exec { $command[0] } @command or POSIX::_exit(127);
	}
	$child = $pid;
	waitpid $pid, 0;
	undef $child;
	my $status = $?;
	my @text = map { seek $_, 0, 0; local $/; scalar <$_> // '' } $out, $err;
	return ($status & 127 ? 128 + ($status & 127) : $status >> 8, @text);
}

sub pg_config
{
	my ($option) = @_;
	my $program = $ENV{PG_CONFIG} || 'pg_config';
	my $value = `$program --$option`;
	die "$program --$option failed\n" if $? != 0;
	chomp $value;
	return $value;
}

# The path of a file that lies beside the project (RM_SHARED names another place), or undef where it is not.
sub shared
{
	my ($name) = @_;
	my $path = ($ENV{RM_SHARED} || "$top/../shared") . "/$name";
	return -e $path ? $path : undef;
}

# A reason to skip what compares with a program that "tools/setup --oracles" installs; no reason where these were asked for.
sub excuse
{
	my ($reason) = @_;
	die "ORACLES=yes, but $reason\n" if $ENV{ORACLES};
	return $reason;
}

# The first block of commands or code in a document behind a line that begins so.
sub documented
{
	my ($document, $beginning) = @_;
	open my $file, '<', "$top/doc/$document" or die "doc/$document: $!";
	local $/;
	my ($block) = <$file> =~ /^\Q$beginning\E.*?^```\w+\n(.*?)^```$/ms or die "doc/$document has no block behind \"$beginning\"";
	return $block;
}

# Where temporary directories go: TMPDIR when the server's user reaches it and a socket's path fits, otherwise /tmp.
sub temporary_root
{
	my $dir = $ENV{TMPDIR} || '/tmp';
	return $dir
	  if $dir ne '/tmp'
	  && length($dir) < 60
	  && (capture(undef, as_server_user('test', '-x', $dir)))[0] == 0;
	return '/tmp';
}

# Make a directory that only the server's user (and root) can enter, removed at the end.
sub temporary_directory
{
	my ($name) = @_;
	my $dir = run_quietly('mktemp', '-d', temporary_root() . "/release_mgmt_$name.XXXXXX");
	chomp $dir;
	push @undo, sub { system 'rm', '-rf', $dir };
	my $user = server_user();
	chown +(getpwnam $user)[ 2, 3 ], $dir if defined $user;
	return $dir;
}

# The base directory: stage/ holds the installed build, template/ a data directory.
sub base
{
	return $ENV{RM_BASE} if $ENV{RM_BASE};
	my $stage = "$top/build/stage";
	die "nothing is staged; run \"make stage\" first\n" if !-d $stage;

	my $base = temporary_directory('base');
	run_quietly('cp', '-R', $stage, "$base/stage");
	run_quietly('chmod', '-R', 'a+rX', "$base/stage");
	my $user = server_user();
	run_quietly('chown', '-R', $user, "$base/stage") if defined $user;
	my $bin = pg_config('bindir');
	die "$bin/initdb is missing; tools/setup installs the server\n" if !-x "$bin/initdb";
	run_quietly(as_server_user("$bin/initdb", '--pgdata', "$base/template", '--username', 'postgres', '--auth', 'trust',
		'--encoding', 'UTF8', '--no-locale', '--no-sync', '--wal-segsize', '4'));
	open my $conf, '>>', "$base/template/postgresql.conf" or die "postgresql.conf: $!";
	print $conf map { "$_\n" } template_settings($base, $bin);
	close $conf;
	$ENV{RM_BASE} = $base;
	return $base;
}

# Settings of every throwaway cluster, among them how the server finds the stage.
sub template_settings
{
	my ($base, $bin) = @_;
	my @settings = (
		"listen_addresses = ''", 'fsync = off', 'shared_buffers = 32MB', 'max_wal_size = 256MB', 'max_connections = 60',
		'max_prepared_transactions = 10', "log_line_prefix = '%m [%p] %d %q%a '", "timezone = 'UTC'", "log_timezone = 'UTC'");
	my ($share, $lib) = (pg_config('sharedir'), pg_config('pkglibdir'));
	my $knows = sub {
		(capture(undef, as_server_user("$bin/postgres", '-C', $_[0], '-D', "$base/template")))[0] == 0;
	};
	if ($knows->('extension_control_path'))
	{
		push @settings, "extension_control_path = '$base/stage$share:\$system'",
		  "dynamic_library_path = '$base/stage$lib:\$libdir'";
	}
	elsif ($knows->('extension_destdir'))
	{
		push @settings, "extension_destdir = '$base/stage'", "dynamic_library_path = '$base/stage$lib:\$libdir'";
	}
	else
	{
		die "this server can not load an extension from a stage (neither extension_control_path nor Debian's "
		  . "extension_destdir);\nuse \"make install\" and \"make installcheck\" with it\n";
	}
	return @settings;
}

# A cluster of its own, copied from the template; not started. from => a directory to copy instead (a base backup).
sub new
{
	my ($class, %option) = @_;
	my $base = base();
	my $dir = temporary_directory('cluster');
	my $self = bless { dir => $dir, data => "$dir/data", port => 5432, bin => pg_config('bindir') }, $class;
	run_quietly(as_server_user('cp', '-R', $option{from} // "$base/template", $self->{data}));
	chmod 0700, $self->{data};
	$self->set(unix_socket_directories => $dir, %{ $option{settings} // {} });
	return $self;
}

# Make an Ed25519 key in that file, which the server alone reads, and have it sign checkpoints.
sub sign_with
{
	my ($self, $file) = @_;
	run_quietly('openssl', 'genpkey', '-algorithm', 'ed25519', '-out', $file);
	run_quietly('chown', server_user(), $file) if defined server_user();
	chmod 0600, $file or die "$file: $!";
	$self->set('release_mgmt.signing_key_file' => $file);
	return;
}

# A streaming standby of this cluster, started.
sub standby
{
	my ($self) = @_;
	my $copy = temporary_directory('standby') . '/data';
	run_quietly(as_server_user("$self->{bin}/pg_basebackup", '-h', $self->{dir}, '-U', 'postgres', '-D', $copy, '-X', 'stream',
		'--no-sync', '-c', 'fast'));
	my $standby = ref($self)->new(from => $copy);
	$standby->{primary} = $self;
	$standby->set(primary_conninfo => "host=$self->{dir} user=postgres", hot_standby => 'on');
	run_quietly(as_server_user('touch', "$standby->{data}/standby.signal"));
	return $standby->start;
}

# Wait until a standby shows what its primary has committed by now.
sub catch_up
{
	my ($self) = @_;
	my $position = $self->{primary}->value('postgres', 'SELECT pg_current_wal_lsn()');
	for (1 .. 300)
	{
		return if $self->value('postgres', "SELECT pg_last_wal_replay_lsn() >= '$position'") eq 't';
		select undef, undef, undef, 0.1;
	}
	die "the standby does not follow\n";
}

# Append settings to postgresql.conf; the last one counts.
sub set
{
	my ($self, %setting) = @_;
	open my $conf, '>>', "$self->{data}/postgresql.conf" or die "postgresql.conf: $!";
	for my $name (sort keys %setting)
	{
		(my $value = $setting{$name}) =~ s/'/''/g;
		print $conf "$name = '$value'\n";
	}
	close $conf;
	return;
}

sub start
{
	my ($self) = @_;
	push @undo, sub { $self->stop('immediate') if $self->{running} };
	$self->{running} = 1;
	my ($status, $output) = capture(undef,
		as_server_user("$self->{bin}/pg_ctl", 'start', '-w', '-s', '-D', $self->{data}, '-l', "$self->{dir}/log"));
	die "the server did not start:\n$output" . $self->log if $status != 0;
	return $self;
}

# Stop; 'immediate' is a crash.
sub stop
{
	my ($self, $mode) = @_;
	capture(undef, as_server_user("$self->{bin}/pg_ctl", 'stop', '-w', '-s', '-D', $self->{data}, '-m', $mode // 'fast'));
	$self->{running} = 0;
	return;
}

sub restart
{
	my ($self) = @_;
	$self->stop;
	return $self->start;
}

# What the server wrote to its log.
sub log
{
	my ($self) = @_;
	open my $log, '<', "$self->{dir}/log" or return '';
	local $/;
	return <$log>;
}

# Environment by which libpq programs reach this cluster.
sub environment
{
	my ($self) = @_;
	return (
		PGHOST => $self->{dir}, PGPORT => $self->{port}, PGUSER => 'postgres', PGDATABASE => 'postgres',
		PATH => "$self->{bin}:$ENV{PATH}");
}

# Run a program against this cluster; return exit status, standard output, standard error.
sub run
{
	my ($self, $input, @command) = @_;
	local %ENV = (%ENV, $self->environment);
	return capture_separately($input, @command);
}

# Run SQL with psql, stopping at the first error; the output is unaligned, without headers. user => role to connect as.
sub psql
{
	my ($self, $database, $sql, %option) = @_;
	my ($status, $out, $err) = $self->run($sql, 'psql', '-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-d', $database,
		'-U', $option{user} // 'postgres', '-f', '-');
	chomp $out;
	return ($status, $out, $err);
}

# The output of SQL that must succeed.
sub value
{
	my ($self, $database, $sql, %option) = @_;
	my ($status, $out, $err) = $self->psql($database, $sql, %option);
	die "psql failed in $database:\n$err" if $status != 0;
	return $out;
}

# Undo what this process set up, once.
sub clean_up
{
	return if $$ != $owner;
	local $?;
	if (defined $child)
	{
		kill 'TERM', $child;
		waitpid $child, 0;
		undef $child;
	}
	(pop @undo)->() while @undo;
	return;
}

# Run a command in the foreground and return its status as a shell would. A signal is passed on, and ends us when the
# command is gone. own_group => true puts the command in a process group of its own, so that all of its descendants get
# the signal; a command that may talk to the terminal must stay in ours.
sub supervise
{
	my ($option, @command) = @_;
	my $pid = fork // die "fork: $!";
	if ($pid == 0)
	{
		$SIG{$_} = 'DEFAULT' for qw(INT TERM HUP);
		setpgrp if $option->{own_group};
		exec { $command[0] } @command or do { warn "$command[0]: $!\n"; POSIX::_exit(127) };
	}
	my $target = $option->{own_group} ? -$pid : $pid;
	for my $signal (qw(INT TERM HUP))
	{
		my $leave = $SIG{$signal};
		$SIG{$signal} = sub {
			ignore_signals();
			kill $signal, $target;
			waitpid $pid, 0;
			for (1 .. 150)
			{
				last if !kill 0, $target;
				select undef, undef, undef, 0.1;
			}
			$leave->();
		};
	}
	$SIG{INT} = 'IGNORE' if $option->{interactive};
	waitpid $pid, 0;
	return $? & 127 ? 128 + ($? & 127) : $? >> 8;
}

# A second signal (timeout passes its own on) must not cut the cleaning up short.
sub ignore_signals
{
	$SIG{$_} = 'IGNORE' for qw(INT TERM HUP);
	return;
}

# Leave by the signal's number, cleaning up.
sub install_signal_handlers
{
	for my $signal (qw(INT TERM HUP))
	{
		my $number = { HUP => 1, INT => 2, TERM => 15 }->{$signal};
		$SIG{$signal} = sub {
			ignore_signals();
			exit 128 + $number;
		};
	}
	return;
}

install_signal_handlers();
END { clean_up() }

1;

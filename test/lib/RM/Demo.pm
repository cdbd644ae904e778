# Tell the story of demo/ in a throwaway cluster, whole or with one of its rules switched off.
#
#   my $demo = RM::Demo->new;                       # brings the packages once
#   my ($status, $output) = $demo->tell;            # the story, which must end well
#   ($status, $output) = $demo->tell_in($cluster);  # the same in a running cluster, whose database demo stays
#   $demo->fails_without('rule', $sql, qr/.../);    # SQL switches the rule off; the story must end there, and say so
package RM::Demo;

use strict;
use warnings;
use File::Temp qw(tempdir);
use RM::Cluster;
use Test::More;

# environment => { NAME => value } for the demo, beside the cluster's own
sub new
{
	my ($class, %options) = @_;
	my $packages = tempdir(CLEANUP => 1);
	return bless { environment => { RM_DEMO_PACKAGES => $packages, %{ $options{environment} || {} } } }, $class;
}

sub tell
{
	my ($self, $sabotage) = @_;
	my $cluster = RM::Cluster->new->start;
	my ($status, $output) = $self->tell_in($cluster, $sabotage);
	$cluster->stop('immediate');
	return ($status, $output);
}

sub tell_in
{
	my ($self, $cluster, $sabotage) = @_;
	local %ENV = (%ENV, $cluster->environment, %{ $self->{environment} }, RM_DEMO_SABOTAGE => $sabotage || '');
	return RM::Cluster::capture('', "$RM::Cluster::top/demo/run.sh");
}

sub fails_without
{
	my ($self, $rule, $sabotage, $expected) = @_;
	my ($status, $output) = $self->tell($sabotage);
	my ($end) = $output =~ /^The demo ends here: (.*)/m;
	ok($status != 0 && defined $end && $end =~ $expected, "the demo fails without: $rule")
	  or diag(defined $end ? "it ended with: $end" : "it ended well, or without a word", "\n",
		substr($output, length $output > 1500 ? -1500 : 0));
	return;
}

# SQL that replaces text in a function's body, and fails where the text does not stand there.
sub patch
{
	my ($function, $from, $to) = @_;
	return sprintf q{DO $patch$ DECLARE d text := pg_get_functiondef(%1$s::regprocedure); BEGIN
		IF strpos(d, %2$s) = 0 THEN RAISE 'the rule is not in %%', %1$s; END IF;
		EXECUTE replace(d, %2$s, %3$s); END $patch$;}, map { literal($_) } "release_mgmt$function", $from, $to;
}

# SQL that makes a check of the point gate answer "met", whatever the rows say.
sub always_met
{
	my ($check) = @_;
	return sprintf q{CREATE OR REPLACE FUNCTION release_mgmt_internal.check_%s(release uuid) RETURNS release_mgmt.check_result
		LANGUAGE sql AS $$ SELECT (true, NULL, NULL, NULL)::release_mgmt.check_result $$;}, $check;
}

sub literal
{
	my ($text) = @_;
	$text =~ s/'/''/g;
	$text =~ s/\\/\\\\/g;
	return "E'$text'";
}

1;

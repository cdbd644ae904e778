# What is recorded of a release counts as kept exactly once it is beneath a signed checkpoint, and no sooner.
use strict;
use warnings;
use RM::Cluster;
use Test::More;

my $cluster = RM::Cluster->new;
my $key = "$cluster->{dir}/key.pem";
$cluster->sign_with($key);
$cluster->start;
$cluster->value('postgres', q{
	SET client_min_messages = error;
	CREATE EXTENSION release_mgmt CASCADE;
	SELECT release_mgmt.activate('record.example.org');
	CREATE ROLE manager LOGIN;
	CALL release_mgmt.grant_duty('manager', 'release manager', 'Provider')});
sub as_manager { my ($sql) = @_; return $cluster->value('postgres', "SET ROLE manager; SET search_path = release_mgmt; $sql"); }
sub answer
{
	return $cluster->value('postgres', q{SELECT c.met, c.missing, c.evidence ->> 'ledger_checkpoint'
		FROM release_mgmt_internal.check_record_proved(release_mgmt.release_id('REL-1')) AS c});
}

as_manager(q{SELECT create_release('REL-1', 'minor')});
is(answer(), 'f|of 1 transactions that concern the release 1 are beneath no signed checkpoint yet|', 'pending is not proved');
$cluster->value('postgres', 'CALL release_mgmt.sequence_ledger()');
is(answer(), 'f|of 1 transactions that concern the release 1 are beneath no signed checkpoint yet|', 'sequenced is not proved');
$cluster->value('postgres', 'SELECT release_mgmt.sign_checkpoint()');
my $size = $cluster->value('postgres', 'SELECT size FROM release_mgmt.ledger_status');
is(answer(), "t||$size", 'signed is');

as_manager(q{INSERT INTO risk (code, release_id, description) VALUES ('RSK-1', release_id('REL-1'), 'rain')});
is(answer(), "f|of 2 transactions that concern the release 1 are beneath no signed checkpoint yet|$size",
	'what is written beneath the release later is not');
$cluster->value('postgres', $_) for 'CALL release_mgmt.sequence_ledger()', 'SELECT release_mgmt.sign_checkpoint()';
like(answer(), qr/^t/, 'until that is signed too');
done_testing;

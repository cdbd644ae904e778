# Each criterion that the story meets is unmet before: where its check always says "met", the story fails.
# timeout: 1500
use strict;
use warnings;
use RM::Demo;
use Test::More;

my $demo = RM::Demo->new;
my %criterion = (
	tests_passed => 'tests passed',
	no_blocking_risk => 'no blocking risk',
	stakeholders_notified => 'stakeholders notified',
	knowledge_users => 'knowledge transferred to users',
	support_requests_done => 'support requests done',
	remediation_planned => 'remediation planned',
	changes_approved => 'changes approved',
);
$demo->fails_without($criterion{$_}, RM::Demo::always_met($_), qr/^criterion $criterion{$_}: got "met", wanted "unmet"/) for sort keys %criterion;
$demo->fails_without('the order of support requests',
	RM::Demo::patch('_internal.keep_support_request()', 'IF NEW.done_at IS NOT NULL AND OLD.acknowledged_at IS NULL THEN', 'IF false THEN')
	  . ' ALTER TABLE release_mgmt.support_request DROP CONSTRAINT support_request_order_check',
	qr/^this should have been refused with RM015$/);
done_testing;

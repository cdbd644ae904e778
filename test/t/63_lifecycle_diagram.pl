# The diagram of a model has its states and transitions, whatever they are called, and Graphviz reads it; that of the document
# is the shipped model's.
use strict;
use warnings;
use JSON::PP;
use RM::Cluster;
use Test::More;

my $cluster = RM::Cluster->new->start;
sub sql { return $cluster->value('postgres', "SET client_min_messages = error; SET search_path = public, release_mgmt; $_[0]") }

sql(q{CREATE EXTENSION release_mgmt CASCADE;
	INSERT INTO release_model (code, description) VALUES ('odd "\\ names', 'States that a diagram can not take as they are.');
	INSERT INTO model_state (model_id, state, ordinal, kind) SELECT m.id, s, n, k FROM release_model AS m,
		(VALUES ('draft', 1, 'planning'), ('end', 2, 'planning'), ('two words', 3, 'planning'), ('say "no" \\', 4, 'halted'), ('über', 5, 'ended')) AS v(s, n, k) WHERE m.code LIKE 'odd%';
	INSERT INTO model_transition (model_id, from_state, to_state, forward) SELECT m.id, f, t, w FROM release_model AS m,
		(VALUES ('draft', 'end', true), ('end', 'two words', true), ('two words', 'say "no" \\', false), ('say "no" \\', 'draft', false), ('two words', 'über', true)) AS v(f, t, w) WHERE m.code LIKE 'odd%';
	INSERT INTO gate_criterion (model_id, to_state, ordinal, name, check_name) SELECT m.id, 'end', 1, 'policy', 'policy_named' FROM release_model AS m WHERE m.code LIKE 'odd%'});

is(sql("SELECT model_diagram('standard')"), RM::Cluster::documented('lifecycle.md', 'A release is in one state'), 'the diagram in doc/lifecycle.md is the one of the model "standard"');

sub sorted { return join "\n", sort @_ }
my $of = q{FROM model_transition AS t JOIN release_model AS m ON m.id = t.model_id};
for my $model (split /\n/, sql('SELECT code FROM release_model ORDER BY code'))
{
	my $quoted = $model =~ s/'/''/gr;
	my @states = split /\n/, sql("SELECT s.state FROM model_state AS s JOIN release_model AS m ON m.id = s.model_id WHERE m.code = '$quoted'");
	my $edges = sorted(split /\n/, sql("SELECT t.from_state || ' -> ' || t.to_state || CASE WHEN t.forward THEN '' ELSE ' (back)' END $of WHERE m.code = '$quoted'"));

	# Mermaid: names stand for themselves, or for the text that they were given.
	my %text = map { $_ => $_ } @states;
	my $mermaid = sql("SELECT model_diagram('$quoted')");
	$text{$2} = $1 while $mermaid =~ /^    state "([^"]*)" as (s\d+)$/mg;
	my %label = map { s/[^\w .,()+\/-]//gr => $_ } @states;
	my @drawn = $mermaid =~ /^    (?!\[)(\S+ --> (?!\[)\S+)/mg;
	is(sorted(map { my ($from, $to) = /(\S+) --> (\S+)/; join ' -> ', map { $label{ $text{$_} } // $text{$_} } $from, $to } @drawn), sorted(map { s/ \(back\)$//r } split /\n/, $edges),
		"$model: Mermaid draws each transition");
	my $rest = $mermaid =~ s/^    (?:direction LR|state "[^"]*" as s\d+|\S+ --> \S+(?: : \d+ criteri(?:on|a))?)\n?//mgr;
	is($rest, "stateDiagram-v2\n", "$model: and nothing else") or diag($mermaid);

	SKIP:
	{
		skip RM::Cluster::excuse('dot is missing'), 2 if system('command -v dot >/dev/null') != 0;
		my ($status, $plain) = RM::Cluster::capture(sql("SELECT model_diagram('$quoted', 'dot')"), 'dot', '-Tjson');
		is($status, 0, "$model: Graphviz reads it") or diag($plain);
		my $graph = JSON::PP->new->utf8->decode($plain);
		my %name = map { $_->{_gvid} => $_->{name} } @{ $graph->{objects} };
		# In DOT a backslash is doubled in the text that is drawn, not in the name.
		utf8::encode($_), s/\\\\/\\/g for values %name;
		is(sorted(map { "$name{$_->{tail}} -> $name{$_->{head}}" . (($_->{style} // '') eq 'dashed' ? ' (back)' : '') } @{ $graph->{edges} }), $edges, "$model: and finds each transition");
	}
}
done_testing;

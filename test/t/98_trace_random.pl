# Random histories of releases, back-outs, edits by hand and renamed columns: what drift() tells and what a back-out restores, against what
# was noted beside it.  RM_SOAK_HISTORIES names other seeds than the two that are tried.
use strict;
use warnings;
use RM::Cluster;
use Test::More;

my @seeds = split ' ', $ENV{RM_SOAK_HISTORIES} // '1 2';
open my $file, '<', "$RM::Cluster::top/test/lib/plain_model.sql" or die "plain_model.sql: $!";
my $model = do { local $/; <$file> };
my $cluster = RM::Cluster->new->start;
$cluster->value('postgres', 'CREATE ROLE rm; CREATE ROLE op');

my $begin = qq{
	SET client_min_messages = error;
	CREATE EXTENSION release_mgmt CASCADE;
	SET search_path = public, release_mgmt;
	SELECT activate('random.example.org') \\g /dev/null
	CALL grant_duty('rm', 'release manager', 'Provider');
	CALL grant_duty('op', 'operator', 'Provider');
	CREATE TABLE grp (id integer PRIMARY KEY, name text);
	INSERT INTO grp VALUES (1, 'one'), (2, 'two');
	SELECT bind_ci_class('grp', 'grp', '{id}', 'name') \\g /dev/null
	$model
};
my $install = q{
	CALL advance_release(:'release', 'deploying');
	SET ROLE op;
	DO $$ DECLARE step record; BEGIN LOOP
		SELECT * INTO step FROM release_mgmt.claim_step('worker');
		EXIT WHEN NOT FOUND;
		CALL release_mgmt.report_step(step.claim, 'successful', 'done');
	END LOOP; END $$;
	RESET ROLE;
};

sub one_of { return $_[rand @_] }

# A sample of so many of these.
sub some
{
	my ($count, @all) = @_;
	return map { splice @all, rand @all, 1 } 1 .. $count;
}

# Run the script in a database of its own; what it prints is what differs.  Back-outs may be refused, nothing else.
sub differences
{
	my ($name, $script) = @_;
	$cluster->value('postgres', "CREATE DATABASE $name");
	my ($status, $output, $errors) = $cluster->run($script, 'psql', '-XqAt', '-d', $name);
	my @errors = grep { !/can not be backed out/ } $errors =~ /ERROR: .*/g;
	return join "\n", $output =~ /\S/ ? $output : (), @errors;
}

# Attributes that releases and others change: each unauthorized difference is one from what was there at first, or what a release or a
# back-out left; columns get other names, and swap them.
sub changes
{
	my %name = map { $_ => $_ } qw(a b c);
	my %values = (a => [qw(x y z)], b => [1, 2, 3], c => [qw(1.00 2.50 7.25)]);
	my $cells = q{(SELECT id, k, v FROM host AS t (id, a, b, c) CROSS JOIN LATERAL (VALUES ('a', a), ('b', b::text), ('c', c::text)) AS x (k, v))};
	my $script = qq{$begin
		CREATE TABLE host (id integer PRIMARY KEY, a text, b integer, c numeric(6,2));
		INSERT INTO host SELECT i, 'a' || i, i, i FROM generate_series(1, 15) AS i;
		GRANT SELECT ON host TO rm;
		SELECT bind_ci_class('host', 'host', '{id}', 'a') \\g /dev/null
		CREATE TABLE first AS SELECT * FROM $cells AS c;
		CREATE TABLE permitted AS TABLE first;
		CREATE TABLE column_name AS SELECT k, k AS name FROM unnest('{a,b,c}'::text[]) AS k;
		CREATE TABLE plan (release text, id integer, k text, was text);
		GRANT SELECT ON plan TO rm;
		CREATE VIEW wrong AS
		WITH told AS (
			SELECT d.ci, n.k, d.expected, d.present, d.classification
			FROM drift() AS d LEFT JOIN column_name AS n ON n.name = d.attribute WHERE d.ci LIKE 'host/%' AND d.expected IS DISTINCT FROM d.present
		), truth AS (
			SELECT 'host/' || id AS ci, k, CASE WHEN p.v IS DISTINCT FROM c.v THEN p.v ELSE f.v END AS expected, c.v AS present,
			       CASE WHEN p.v IS DISTINCT FROM c.v THEN 'unauthorized' ELSE 'authorized' END AS classification
			FROM $cells AS c JOIN permitted AS p USING (id, k) JOIN first AS f USING (id, k)
			WHERE c.v IS DISTINCT FROM p.v OR c.v IS DISTINCT FROM f.v
		)
		(SELECT 'missed', * FROM truth WHERE classification = 'unauthorized' EXCEPT ALL SELECT 'missed', * FROM told)
		UNION ALL
		(SELECT 'told', * FROM told WHERE classification = 'unauthorized' EXCEPT ALL SELECT 'told', * FROM truth)
		UNION ALL
		(SELECT 'missed', ci, k, NULL, present, classification FROM truth WHERE classification = 'authorized'
		 EXCEPT ALL SELECT 'missed', ci, k, NULL, present, classification FROM told)
		UNION ALL
		(SELECT 'told', ci, k, NULL, present, classification FROM told WHERE classification = 'authorized'
		 EXCEPT ALL SELECT 'told', ci, k, NULL, present, classification FROM truth);
	};
	my @releases;
	for my $round (1 .. 40)
	{
		my $dice = rand;
		if ($dice < 0.25)
		{
			my $release = "R$round";
			push @releases, $release;
			$script .= "\\set release $release\nSET ROLE rm; SELECT create_release('$release', 'minor', model => 'plain') \\g /dev/null\n";
			for my $cell (some(1 + int rand 5, map { my $id = $_; map { [ $id, $_ ] } qw(a b c) } 1 .. 15))
			{
				my ($id, $k) = @$cell;
				my $value = one_of(@{ $values{$k} });
				$script .= qq{
					RESET ROLE;
					INSERT INTO plan SELECT '$release', id, k, v FROM $cells AS c WHERE id = $id AND k = '$k' AND v IS DISTINCT FROM '$value';
					SET ROLE rm;
					INSERT INTO planned_ci_change (release_id, ci, attribute, new_value, target)
					SELECT release_id('$release'), 'host/$id', '$name{$k}', '$value', 'grp/1' FROM plan WHERE release = '$release' AND id = $id AND k = '$k';
				};
			}
			$script .= qq{
				SELECT count(*) > 0 AS any FROM plan WHERE release = '$release' \\gset
				\\if :any
				SELECT add_wave('$release', 'all', '{grp/1}') \\g /dev/null
				$install
				UPDATE permitted AS p SET v = c.v FROM $cells AS c WHERE c.id = p.id AND c.k = p.k
				AND EXISTS (SELECT FROM plan AS l WHERE l.release = '$release' AND l.id = p.id AND l.k = p.k);
				\\endif
				RESET ROLE;
			};
		}
		elsif ($dice < 0.4 && @releases)
		{
			my $release = one_of(@releases);
			$script .= qq{
				SELECT count(*) AS before FROM ci_back_out \\gset
				SET ROLE rm; SELECT back_out_ci_changes('$release') \\g /dev/null
				RESET ROLE;
				SELECT count(*) > :before AS is_restored FROM ci_back_out \\gset
				\\if :is_restored
				SELECT 'not restored', l.*, c.v FROM plan AS l JOIN $cells AS c USING (id, k) WHERE l.release = '$release' AND l.was IS DISTINCT FROM c.v;
				UPDATE permitted AS p SET v = c.v FROM $cells AS c WHERE c.id = p.id AND c.k = p.k
				AND EXISTS (SELECT FROM plan AS l WHERE l.release = '$release' AND l.id = p.id AND l.k = p.k);
				\\endif
			};
		}
		elsif ($dice < 0.45) { $script .= "CALL sequence_ledger();\n" }
		elsif ($dice < 0.55)
		{
			my ($one, $other) = some(2, qw(a b c));
			my ($was, $is) = ($name{$one}, "$one$round");
			$script .= "ALTER TABLE host RENAME $was TO $is;\n";
			$name{$one} = $is;
			if (rand() < 0.3)
			{
				$script .= "ALTER TABLE host RENAME $name{$other} TO $was;\n";
				$name{$other} = $was;
			}
			# A name holds of ids from a millisecond on.
			$script .= "UPDATE column_name SET name = CASE k" . join('', map { " WHEN '$_' THEN '$name{$_}'" } sort keys %name) . " END; SELECT pg_sleep(0.003) \\g /dev/null\n";
		}
		else
		{
			my ($id, $k) = (1 + int rand 15, one_of(qw(a b c)));
			my $value = rand() < 0.25 ? "(SELECT c.v FROM permitted AS c WHERE c.id = $id AND c.k = '$k')" : "'" . one_of(@{ $values{$k} }) . "'";
			my %type = (a => 'text', b => 'integer', c => 'numeric');
			$script .= "UPDATE host SET $name{$k} = $value\::$type{$k} WHERE id = $id;\n";
		}
		$script .= "TABLE wrong;\n" if rand() < 0.3;
	}
	return "$script TABLE wrong; SELECT * FROM verify_ledger();\n";
}

# Items that come, go and change, in a table and in one that inherits from it: a back-out leaves each row as it was before the release, in
# the table where it was.
sub items
{
	my %values = (a => [qw(x y z)], b => [1, 2, 3], c => [qw(1.00 2.50)], d => [qw(p q)], e => [ '{"y": 2}', '[]' ]);
	my $script = qq{$begin
		CREATE TABLE host (id integer PRIMARY KEY, a text, b integer DEFAULT 7, c numeric(6,2));
		CREATE TABLE kid (d text DEFAULT 'dd', e jsonb, PRIMARY KEY (id)) INHERITS (host);
		INSERT INTO host SELECT i, 'a' || i, nullif(i, 3), i FROM generate_series(1, 10) AS i;
		INSERT INTO kid SELECT i, 'k' || i, nullif(i, 13), i, nullif('d' || i, 'd14'), '{"x": 1}' FROM generate_series(11, 20) AS i;
		GRANT SELECT ON host, kid TO rm;
		SELECT bind_ci_class('host', 'host', '{id}', 'a') \\g /dev/null
		CREATE VIEW present AS SELECT id, 'host' AS held, to_jsonb(h) AS row_values FROM ONLY host AS h UNION ALL SELECT id, 'kid', to_jsonb(k) FROM kid AS k;
		CREATE TABLE was (release text, target text, id integer, held text, row_values jsonb);
	};
	my (%touched, @releases);
	for my $round (1 .. 30)
	{
		my $dice = rand;
		if ($dice < 0.4)
		{
			my $release = "R$round";
			push @releases, $release;
			$script .= "\\set release $release\nSET ROLE rm; SELECT create_release('$release', 'minor', model => 'plain') \\g /dev/null\n";
			for my $id (some(1 + int rand 6, 1 .. 25))
			{
				my $target = 'grp/' . one_of(1, 2);
				my $plan = sub { my @values = map { defined ? "'$_'" : 'NULL' } @_; local $" = ', ';
					return "INSERT INTO planned_ci_change (release_id, ci, operation, attribute, new_value, target) VALUES (release_id('$release'), 'host/$id', @values, '$target');\n" };
				my @columns = some(1 + int rand 2, qw(a b c));
				push @{ $touched{$id} }, $release;
				$script .= qq{
					RESET ROLE;
					INSERT INTO was SELECT '$release', '$target', $id, p.held, p.row_values FROM (SELECT) AS o LEFT JOIN present AS p ON p.id = $id;
					SELECT held IS NULL AS is_new, coalesce(held = 'kid', false) AS is_kid FROM was WHERE release = '$release' AND id = $id \\gset
					SET ROLE rm;
					\\if :is_new
				};
				$script .= $plan->('create', 'tableoid', 'public.kid') if rand() < 0.5;
				$script .= $plan->('create', 'a', "n$id") . (rand() < 0.5 ? $plan->('create', 'b', 5) : '') . '\elif ' . (rand() < 0.3 ? 'true' : 'false') . "\n";
				$script .= $plan->('retire', '', undef) . "\\else\n" . join('', map { $plan->('change', $_, one_of(@{ $values{$_} })) } @columns) . "\\if :is_kid\n";
				my $own = one_of(qw(d e));
				$script .= $plan->('change', $own, one_of(@{ $values{$own} })) . "\\endif\n\\endif\n";
			}
			$script .= qq{
				RESET ROLE;
				SELECT array_agg(DISTINCT target) AS targets FROM was WHERE release = '$release' \\gset
				SET ROLE rm;
				SELECT add_wave('$release', 'all', :'targets') \\g /dev/null
				$install
			};
		}
		elsif ($dice < 0.7 && @releases)
		{
			# What a release that came after has touched, or one that went first, is another matter.
			my $release = one_of(@releases);
			my @alone = grep { @{ $touched{$_} } == 1 && $touched{$_}[0] eq $release } sort keys %touched;
			$script .= qq{
				SELECT count(*) AS before FROM ci_back_out \\gset
				SET ROLE rm; SELECT back_out_ci_changes('$release') \\g /dev/null
				RESET ROLE;
				SELECT 'not restored', w.*, p.* FROM was AS w LEFT JOIN present AS p USING (id)
				WHERE w.release = '$release' AND (SELECT count(*) FROM ci_back_out) > :before AND (w.held, w.row_values) IS DISTINCT FROM (p.held, p.row_values)
				AND w.id = ANY ('{@{[ join ',', @alone ]}}'::integer[]);
			};
		}
		elsif ($dice < 0.75) { $script .= "CALL sequence_ledger();\n" }
		else
		{
			my @free = grep { !$touched{$_} } 1 .. 20;
			my $column = one_of(qw(a b c));
			$script .= "UPDATE host SET $column = '" . one_of(@{ $values{$column} }) . "' WHERE id = " . one_of(@free) . ";\n" if @free;
		}
	}
	return "$script SELECT * FROM verify_ledger();\n";
}

for my $seed (@seeds)
{
	srand $seed;
	is(differences("changes_$seed", changes()), '', "history $seed: drift tells what differs, and a back-out restores it");
	is(differences("items_$seed", items()), '', "history $seed: a back-out leaves items as they were");
}

# How much there was to tell.
is($cluster->value("changes_$_", 'SELECT (SELECT count(*) FROM release_mgmt.drift()) > 0 AND (SELECT count(*) FROM release_mgmt.ci_change_permit) > 0'), 't', "history $_ has some")
	for @seeds;
cmp_ok(eval { my $n = 0; $n += $cluster->value("items_$_", 'SELECT count(*) FROM release_mgmt.ci_restoration') for @seeds; $n }, '>', 0, 'items were restored');
done_testing;

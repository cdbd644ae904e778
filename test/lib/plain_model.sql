-- Model 'plain': four states, and gates that ask no more than what is planned, what was done and what was said of it. Tests of what
-- releases do to the CMDB include it. Where gate_check names a check, each gate asks that alone.
INSERT INTO release_model (code, description) VALUES ('plain', 'as few gates as a model may have');
INSERT INTO model_state (model_id, state, ordinal, kind)
SELECT m.id, s.state, s.ordinal, s.kind
FROM release_model AS m, (VALUES ('draft', 1, 'planning'), ('deploying', 2, 'deploying'), ('live', 3, 'deployed'), ('closed', 4, 'ended')) AS s (state, ordinal, kind)
WHERE m.code = 'plain';
INSERT INTO model_transition (model_id, from_state, to_state, forward)
SELECT m.id, t.f, t.t, true FROM release_model AS m, (VALUES ('draft', 'deploying'), ('deploying', 'live'), ('live', 'closed')) AS t (f, t) WHERE m.code = 'plain';
\if :{?gate_check}
\else
\set gate_check ''
\endif
INSERT INTO gate_criterion (model_id, to_state, ordinal, name, check_name)
SELECT m.id, c.s, 1, coalesce(nullif(:'gate_check', ''), c.n), coalesce(nullif(:'gate_check', ''), c.k)
FROM release_model AS m, (VALUES ('deploying', 'items traceable', 'cis_traceable'), ('live', 'verified', 'deployment_verified'), ('closed', 'review held', 'review_held')) AS c (s, n, k)
WHERE m.code = 'plain';
CALL publish_model('plain');

-- Module release: release units.

CREATE TABLE release_mgmt.release_unit (
    id         uuid DEFAULT release_mgmt.new_id(),
    code       text NOT NULL,
    ci_classes text[] NOT NULL,
    extent     text NOT NULL,
    CONSTRAINT release_unit_pkey PRIMARY KEY (id),
    CONSTRAINT release_unit_code_key UNIQUE (code),
    CONSTRAINT release_unit_ci_classes_check CHECK (cardinality(ci_classes) > 0),
    CONSTRAINT release_unit_extent_check CHECK (extent IN ('full', 'delta', 'package'))
);
COMMENT ON TABLE release_mgmt.release_unit IS 'CI classes that are released together, and whether in full, as a delta, or as a package.';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.release_unit', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.release_unit');
SELECT release_mgmt_internal.is_shared('release_mgmt.release_unit', 'rules');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.release_unit');
SELECT release_mgmt_internal.allow('{release manager}', 'INSERT', 'release_mgmt.release_unit');

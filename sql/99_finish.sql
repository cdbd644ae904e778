-- Nothing for PUBLIC: duties bring the grants. Types keep USAGE, which a column of theirs needs and which opens nothing.
REVOKE ALL ON ALL TABLES IN SCHEMA release_mgmt, release_mgmt_internal FROM PUBLIC;
REVOKE ALL ON ALL ROUTINES IN SCHEMA release_mgmt, release_mgmt_internal FROM PUBLIC;

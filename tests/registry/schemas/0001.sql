CREATE TABLE artifacts ( digest VARCHAR(71) NOT NULL, turn INTEGER NOT NULL, name VARCHAR(128) NOT NULL, dtype VARCHAR(32) NOT NULL, target TEXT NOT NULL, fingerprint VARCHAR(128) NOT NULL, manifest TEXT NOT NULL, PRIMARY KEY (digest) );
CREATE INDEX artifacts_by_fingerprint ON artifacts (fingerprint);
CREATE INDEX artifacts_by_name ON artifacts (name);
CREATE TABLE registry ( id VARCHAR(32) NOT NULL, turn INTEGER NOT NULL, PRIMARY KEY (id) );
CREATE TABLE tag_members ( move INTEGER NOT NULL, digest VARCHAR(71) NOT NULL, PRIMARY KEY (move, digest), FOREIGN KEY(move) REFERENCES tag_moves (id) );
CREATE TABLE tag_moves ( id INTEGER NOT NULL, name VARCHAR(128) NOT NULL, tag VARCHAR(128) NOT NULL, why VARCHAR(16) NOT NULL, moved VARCHAR(32) NOT NULL, previous INTEGER, PRIMARY KEY (id), FOREIGN KEY(previous) REFERENCES tag_moves (id) );
CREATE INDEX tag_moves_by_tag ON tag_moves (name, tag);
CREATE TABLE zcc_schema ( version_num VARCHAR(32) NOT NULL, CONSTRAINT zcc_schema_pkc PRIMARY KEY (version_num) );

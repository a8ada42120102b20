-- +goose Up

-- The state of an aggregate after one of its events, so that a long stream is
-- not read from its beginning. A row is a shortcut and never the truth: any of
-- them may be deleted at any time.
CREATE TABLE snapshot (
    aggregate_type TEXT   NOT NULL,
    aggregate_id   TEXT   NOT NULL,
    version        BIGINT NOT NULL,  -- of the last event in the state
    schema_version BIGINT NOT NULL,  -- of the state
    state          TEXT   NOT NULL,  -- JSON
    PRIMARY KEY (aggregate_type, aggregate_id)
);

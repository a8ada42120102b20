-- +goose Up

-- The last rebuild of the read model that was asked for, in one row. Whichever
-- process works at it finds here what to do, and leaves here how it ended.
CREATE TABLE rebuild (
    id         BIGINT PRIMARY KEY CHECK (id = 1),
    state      TEXT   NOT NULL,  -- requested, running, done or failed
    generation BIGINT NOT NULL,  -- that it fills, when it is running; never given twice
    started_at BIGINT NOT NULL,  -- microseconds since 1970
    ended_at   BIGINT NOT NULL,  -- 0 until it has ended
    error      TEXT   NOT NULL   -- why it failed
);

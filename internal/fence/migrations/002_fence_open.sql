-- +goose Up
-- The few fences that are open at any time, the oldest first. An index by state
-- had every row of the table in it, and nobody who asked for them.
DROP INDEX fence_by_state;
CREATE INDEX fence_open ON fence (tried_at, order_id, step, revision) WHERE state = 'tried';

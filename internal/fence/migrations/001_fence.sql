-- +goose Up
CREATE TABLE fence (
    order_id       TEXT   NOT NULL,
    step           TEXT   NOT NULL,
    revision       BIGINT NOT NULL,
    state          TEXT   NOT NULL CHECK (state IN ('tried', 'confirmed', 'compensated')),
    body_hash      TEXT   NOT NULL,
    answer         TEXT   NOT NULL,
    tried_at       BIGINT NOT NULL,
    confirmed_at   BIGINT NOT NULL,
    compensated_at BIGINT NOT NULL,
    PRIMARY KEY (order_id, step, revision)
);
CREATE INDEX fence_by_state ON fence (state, order_id);

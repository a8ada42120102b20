-- +goose Up
-- The outbox: one row a message. due_at is when the next attempt may begin;
-- during an attempt it is when the attempt counts as lost.
CREATE TABLE message (
    order_id        TEXT   NOT NULL,
    step            TEXT   NOT NULL,
    revision        BIGINT NOT NULL,
    customer_id     TEXT   NOT NULL,
    template        TEXT   NOT NULL,
    tracking_number TEXT   NOT NULL,
    reason          TEXT   NOT NULL,
    status          TEXT   NOT NULL CHECK (status IN ('queued', 'delivered')),
    attempts        BIGINT NOT NULL,
    queued_at       BIGINT NOT NULL,
    due_at          BIGINT NOT NULL,
    delivered_at    BIGINT NOT NULL,
    PRIMARY KEY (order_id, step, revision)
);
CREATE INDEX message_due ON message (due_at) WHERE status = 'queued';

-- Every attempt to deliver a message. One that is still started, though the
-- next one has begun, was lost: the message may have been delivered.
CREATE TABLE delivery_attempt (
    order_id   TEXT   NOT NULL,
    step       TEXT   NOT NULL,
    revision   BIGINT NOT NULL,
    attempt    BIGINT NOT NULL,
    outcome    TEXT   NOT NULL CHECK (outcome IN ('started', 'delivered', 'failed')),
    error      TEXT   NOT NULL,
    started_at BIGINT NOT NULL,
    ended_at   BIGINT NOT NULL,
    PRIMARY KEY (order_id, step, revision, attempt),
    FOREIGN KEY (order_id, step, revision) REFERENCES message (order_id, step, revision)
);

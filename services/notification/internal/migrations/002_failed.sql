-- +goose Up
-- A message may now end as failed. SQLite cannot change a CHECK, so both
-- tables are written anew, with every row.
CREATE TABLE message_with_failed (
    order_id        TEXT   NOT NULL,
    step            TEXT   NOT NULL,
    revision        BIGINT NOT NULL,
    customer_id     TEXT   NOT NULL,
    template        TEXT   NOT NULL,
    tracking_number TEXT   NOT NULL,
    reason          TEXT   NOT NULL,
    status          TEXT   NOT NULL CHECK (status IN ('queued', 'delivered', 'failed')),
    attempts        BIGINT NOT NULL,
    queued_at       BIGINT NOT NULL,
    due_at          BIGINT NOT NULL,
    delivered_at    BIGINT NOT NULL,
    PRIMARY KEY (order_id, step, revision)
);
INSERT INTO message_with_failed (order_id, step, revision, customer_id, template, tracking_number, reason, status, attempts,
    queued_at, due_at, delivered_at)
SELECT order_id, step, revision, customer_id, template, tracking_number, reason, status, attempts,
    queued_at, due_at, delivered_at
FROM message;

CREATE TABLE delivery_attempt_of_message (
    order_id   TEXT   NOT NULL,
    step       TEXT   NOT NULL,
    revision   BIGINT NOT NULL,
    attempt    BIGINT NOT NULL,
    outcome    TEXT   NOT NULL CHECK (outcome IN ('started', 'delivered', 'failed')),
    error      TEXT   NOT NULL,
    started_at BIGINT NOT NULL,
    ended_at   BIGINT NOT NULL,
    PRIMARY KEY (order_id, step, revision, attempt),
    FOREIGN KEY (order_id, step, revision) REFERENCES message_with_failed (order_id, step, revision)
);
INSERT INTO delivery_attempt_of_message (order_id, step, revision, attempt, outcome, error, started_at, ended_at)
SELECT order_id, step, revision, attempt, outcome, error, started_at, ended_at
FROM delivery_attempt;

DROP TABLE delivery_attempt;
DROP TABLE message;
ALTER TABLE message_with_failed RENAME TO message;
ALTER TABLE delivery_attempt_of_message RENAME TO delivery_attempt;
CREATE INDEX message_due ON message (due_at) WHERE status = 'queued';

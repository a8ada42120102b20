-- +goose Up
-- One row a key. A voided key was refunded before anything was captured.
CREATE TABLE payment_simulator_charge (
    idempotency_key TEXT   PRIMARY KEY,
    order_id        TEXT   NOT NULL,
    customer_id     TEXT   NOT NULL,
    amount          BIGINT NOT NULL CHECK (amount >= 0),
    currency        TEXT   NOT NULL,
    method          TEXT   NOT NULL,
    state           TEXT   NOT NULL CHECK (state IN ('captured', 'declined', 'refunded', 'voided')),
    reference       TEXT   NOT NULL,
    reason          TEXT   NOT NULL,
    created_at      BIGINT NOT NULL
);

-- Every movement of money, never changed: at most one of each kind a key.
CREATE TABLE payment_simulator_movement (
    idempotency_key TEXT   NOT NULL REFERENCES payment_simulator_charge (idempotency_key),
    kind            TEXT   NOT NULL CHECK (kind IN ('capture', 'refund')),
    order_id        TEXT   NOT NULL,
    amount          BIGINT NOT NULL CHECK (amount >= 0),
    currency        TEXT   NOT NULL,
    moved_at        BIGINT NOT NULL,
    PRIMARY KEY (idempotency_key, kind)
);
CREATE INDEX payment_simulator_movement_by_order ON payment_simulator_movement (order_id);

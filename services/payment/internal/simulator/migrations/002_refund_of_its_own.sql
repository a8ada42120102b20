-- +goose Up
-- One row for each key of a refund. A refused refund moved nothing.
CREATE TABLE payment_simulator_refund (
    idempotency_key TEXT   PRIMARY KEY,
    charge_key      TEXT   NOT NULL REFERENCES payment_simulator_charge (idempotency_key),
    order_id        TEXT   NOT NULL,
    amount          BIGINT NOT NULL CHECK (amount >= 0),
    currency        TEXT   NOT NULL,
    state           TEXT   NOT NULL CHECK (state IN ('settled', 'refused')),
    reference       TEXT   NOT NULL,
    reason          TEXT   NOT NULL,
    created_at      BIGINT NOT NULL
);
CREATE INDEX payment_simulator_refund_by_order ON payment_simulator_refund (order_id);
CREATE INDEX payment_simulator_refund_by_charge ON payment_simulator_refund (charge_key);

-- What somebody has decided about the refunds of one order, against what its
-- payment method says.
CREATE TABLE payment_simulator_refund_switch (
    order_id TEXT   PRIMARY KEY,
    refunds  TEXT   NOT NULL CHECK (refunds IN ('accept', 'refuse')),
    set_at   BIGINT NOT NULL
);

-- Until now a charge had one refund, of all of it, under the charge's own key.
INSERT INTO payment_simulator_refund
SELECT idempotency_key || '/refund', idempotency_key, order_id, amount, currency, 'settled', '', '', moved_at
FROM payment_simulator_movement WHERE kind = 'refund';

CREATE TABLE payment_simulator_movement_before AS SELECT * FROM payment_simulator_movement;
DROP TABLE payment_simulator_movement;

-- Every movement of money, never changed. The key is that of the charge or of
-- the refund; charge_key says whose money it is.
CREATE TABLE payment_simulator_movement (
    idempotency_key TEXT   NOT NULL,
    kind            TEXT   NOT NULL CHECK (kind IN ('capture', 'refund')),
    charge_key      TEXT   NOT NULL REFERENCES payment_simulator_charge (idempotency_key),
    order_id        TEXT   NOT NULL,
    amount          BIGINT NOT NULL CHECK (amount >= 0),
    currency        TEXT   NOT NULL,
    moved_at        BIGINT NOT NULL,
    PRIMARY KEY (idempotency_key, kind)
);
CREATE INDEX payment_simulator_movement_by_order ON payment_simulator_movement (order_id);

INSERT INTO payment_simulator_movement
SELECT CASE kind WHEN 'refund' THEN idempotency_key || '/refund' ELSE idempotency_key END,
       kind, idempotency_key, order_id, amount, currency, moved_at
FROM payment_simulator_movement_before;
DROP TABLE payment_simulator_movement_before;

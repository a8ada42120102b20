-- +goose Up
-- One row for each key under which the provider may have been asked to
-- capture. Pending means that its answer is not known, void that it will never
-- capture under this key.
CREATE TABLE charge (
    order_id    TEXT   NOT NULL,
    step        TEXT   NOT NULL,
    revision    BIGINT NOT NULL,
    customer_id TEXT   NOT NULL,
    amount      BIGINT NOT NULL CHECK (amount >= 0),
    currency    TEXT   NOT NULL,
    method      TEXT   NOT NULL,
    state       TEXT   NOT NULL CHECK (state IN ('pending', 'captured', 'declined', 'refunded', 'void')),
    reference   TEXT   NOT NULL,
    reason      TEXT   NOT NULL,
    updated_at  BIGINT NOT NULL,
    PRIMARY KEY (order_id, step, revision)
);
-- At most one charge of an order can hold the customer's money.
CREATE UNIQUE INDEX charge_live ON charge (order_id) WHERE state IN ('pending', 'captured');

-- A refund is requested before the provider is asked and settled when it has
-- said that the money is back. amount is what went back, 0 until then.
CREATE TABLE refund (
    order_id     TEXT   NOT NULL,
    step         TEXT   NOT NULL,
    revision     BIGINT NOT NULL,
    state        TEXT   NOT NULL CHECK (state IN ('requested', 'settled')),
    amount       BIGINT NOT NULL CHECK (amount >= 0),
    reason       TEXT   NOT NULL,
    requested_at BIGINT NOT NULL,
    settled_at   BIGINT NOT NULL,
    PRIMARY KEY (order_id, step, revision),
    FOREIGN KEY (order_id, step, revision) REFERENCES charge (order_id, step, revision)
);
CREATE INDEX refund_by_state ON refund (state);

-- The double-entry ledger. Rows are added, never changed. The entries of one
-- transaction sum to zero; a debit is positive, a credit negative.
CREATE TABLE ledger_transaction (
    transaction_id TEXT   PRIMARY KEY,
    kind           TEXT   NOT NULL CHECK (kind IN ('capture', 'refund')),
    order_id       TEXT   NOT NULL,
    reference      TEXT   NOT NULL,
    booked_at      BIGINT NOT NULL
);
CREATE INDEX ledger_transaction_by_order ON ledger_transaction (order_id);

CREATE TABLE ledger_entry (
    transaction_id TEXT   NOT NULL REFERENCES ledger_transaction (transaction_id),
    account        TEXT   NOT NULL,
    amount         BIGINT NOT NULL,
    currency       TEXT   NOT NULL,
    PRIMARY KEY (transaction_id, account)
);

-- +goose Up
-- One row for each key under which the carrier may have been asked to ship.
-- Pending means that its answer is not known, void that it will never accept
-- anything under this key. A cancellation is requested before the carrier is
-- asked and settled when it has answered.
CREATE TABLE shipment (
    order_id        TEXT   NOT NULL,
    step            TEXT   NOT NULL,
    revision        BIGINT NOT NULL,
    state           TEXT   NOT NULL CHECK (state IN ('pending', 'accepted', 'refused', 'cancelled', 'void')),
    cancellation    TEXT   NOT NULL CHECK (cancellation IN ('none', 'requested', 'settled')),
    tracking_number TEXT   NOT NULL,
    carrier         TEXT   NOT NULL,
    reason          TEXT   NOT NULL,
    updated_at      BIGINT NOT NULL,
    PRIMARY KEY (order_id, step, revision)
);
-- At most one shipment of an order can be on its way.
CREATE UNIQUE INDEX shipment_live ON shipment (order_id) WHERE state IN ('pending', 'accepted');
CREATE INDEX shipment_by_cancellation ON shipment (cancellation);

-- +goose Up
-- One row a key. A voided key was cancelled before anything was accepted.
-- address and parcels are JSON.
CREATE TABLE carrier_simulator_consignment (
    idempotency_key TEXT   PRIMARY KEY,
    order_id        TEXT   NOT NULL,
    address         TEXT   NOT NULL,
    parcels         TEXT   NOT NULL,
    state           TEXT   NOT NULL CHECK (state IN ('accepted', 'refused', 'cancelled', 'voided')),
    tracking_number TEXT   NOT NULL,
    reason          TEXT   NOT NULL,
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL
);
CREATE INDEX carrier_simulator_consignment_by_order ON carrier_simulator_consignment (order_id);

-- +goose Up
-- What the carrier has accepted, in the order of time, for reconciliation.
CREATE INDEX shipment_accepted ON shipment (updated_at, order_id, step, revision) WHERE state = 'accepted';

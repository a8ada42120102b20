-- +goose Up
-- Charges whose money the shop has, in the order of time, for reconciliation.
CREATE INDEX charge_captured ON charge (updated_at, order_id, step, revision) WHERE state = 'captured';

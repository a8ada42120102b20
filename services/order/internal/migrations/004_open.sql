-- +goose Up
-- The orders that have not come to their end, the oldest first, for
-- reconciliation. They are few at any time.
CREATE INDEX order_summary_open ON order_summary (generation, created_at, order_id) WHERE status IN ('draft', 'confirmed');

-- +goose Up
-- Since when stock is held. Of what was held before, the fence of the step
-- knows it: the reservation and its fence were written at one time.
ALTER TABLE reservation ADD COLUMN held_at BIGINT NOT NULL DEFAULT 0;
UPDATE reservation SET held_at = fence.confirmed_at
FROM fence
WHERE fence.order_id = reservation.order_id AND fence.step = reservation.step AND fence.revision = reservation.revision;

-- What is held at any time, the oldest first, for reconciliation.
CREATE INDEX reservation_held ON reservation (held_at, order_id, step, revision) WHERE state = 'held';

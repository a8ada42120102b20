-- +goose Up

-- Each order gets its ordinal among all orders of its customer: 1, 2, 3 … as
-- they were created. It never changes, so that any page of a customer's list is
-- found at once, and a list up to an ordinal does not grow.
ALTER TABLE order_view ADD COLUMN ordinal BIGINT NOT NULL DEFAULT 0;
ALTER TABLE order_summary ADD COLUMN ordinal BIGINT NOT NULL DEFAULT 0;

UPDATE order_summary SET ordinal = numbered.ordinal
FROM (
    SELECT generation, order_id,
           ROW_NUMBER() OVER (PARTITION BY generation, customer_id ORDER BY created_position) AS ordinal
    FROM order_summary
) AS numbered
WHERE order_summary.generation = numbered.generation AND order_summary.order_id = numbered.order_id;

UPDATE order_view SET ordinal = order_summary.ordinal
FROM order_summary
WHERE order_view.generation = order_summary.generation AND order_view.order_id = order_summary.order_id;

DROP INDEX order_summary_by_customer;
DROP INDEX order_summary_by_status;
ALTER TABLE order_view DROP COLUMN created_position;
ALTER TABLE order_summary DROP COLUMN created_position;
CREATE UNIQUE INDEX order_summary_by_customer ON order_summary (generation, customer_id, ordinal);
CREATE INDEX order_summary_by_status ON order_summary (generation, customer_id, status, ordinal);

-- How many orders of a customer have which status, within each block of span
-- consecutive ordinals: block n holds the ordinals from n * span to
-- (n + 1) * span - 1. An order that changes its status moves from one counter to
-- another. With these, the page of a status is found without walking to it.
CREATE TABLE order_count_block (
    generation  BIGINT NOT NULL,
    customer_id TEXT   NOT NULL,
    span        BIGINT NOT NULL,  -- 128 or 16384
    block       BIGINT NOT NULL,
    draft       BIGINT NOT NULL,
    confirmed   BIGINT NOT NULL,
    shipped     BIGINT NOT NULL,
    cancelled   BIGINT NOT NULL,
    PRIMARY KEY (generation, customer_id, span, block)
);
INSERT INTO order_count_block (generation, customer_id, span, block, draft, confirmed, shipped, cancelled)
SELECT generation, customer_id, span, ordinal / span,
       SUM(CASE WHEN status = 'draft' THEN 1 ELSE 0 END),
       SUM(CASE WHEN status = 'confirmed' THEN 1 ELSE 0 END),
       SUM(CASE WHEN status = 'shipped' THEN 1 ELSE 0 END),
       SUM(CASE WHEN status = 'cancelled' THEN 1 ELSE 0 END)
FROM order_summary, (SELECT 128 AS span UNION ALL SELECT 16384) AS spans
GROUP BY generation, customer_id, span, ordinal / span;

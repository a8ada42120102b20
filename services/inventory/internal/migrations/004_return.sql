-- +goose Up
-- Stock that was committed goes back on the shelf when the order is undone
-- after all. SQLite cannot change a check, so the table is made anew.
CREATE TABLE stock_change_with_return (
    product_id TEXT   NOT NULL,
    version    BIGINT NOT NULL,
    kind       TEXT   NOT NULL CHECK (kind IN ('initial', 'adjustment', 'reserve', 'release', 'commit', 'return')),
    quantity   BIGINT NOT NULL,
    order_id   TEXT   NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (product_id, version)
);
INSERT INTO stock_change_with_return (product_id, version, kind, quantity, order_id, changed_at)
SELECT product_id, version, kind, quantity, order_id, changed_at FROM stock_change;
DROP TABLE stock_change;
ALTER TABLE stock_change_with_return RENAME TO stock_change;
CREATE INDEX stock_change_by_order ON stock_change (order_id, product_id, version);

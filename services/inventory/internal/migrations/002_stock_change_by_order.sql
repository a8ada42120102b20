-- +goose Up
-- The audit reads the changes of stock order by order.
CREATE INDEX stock_change_by_order ON stock_change (order_id, product_id, version);

-- +goose Up
-- One row a product. version counts its changes.
CREATE TABLE stock (
    product_id TEXT   PRIMARY KEY,
    on_hand    BIGINT NOT NULL,
    reserved   BIGINT NOT NULL,
    shipped    BIGINT NOT NULL,
    version    BIGINT NOT NULL,
    CHECK (reserved >= 0),
    CHECK (on_hand >= reserved),
    CHECK (shipped >= 0)
);

-- Every change of stock, numbered within its product, so that the three
-- figures of stock can be derived again from the changes alone.
CREATE TABLE stock_change (
    product_id TEXT   NOT NULL,
    version    BIGINT NOT NULL,
    kind       TEXT   NOT NULL CHECK (kind IN ('initial', 'adjustment', 'reserve', 'release', 'commit')),
    quantity   BIGINT NOT NULL,
    order_id   TEXT   NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (product_id, version)
);

CREATE TABLE reservation (
    order_id   TEXT   NOT NULL,
    step       TEXT   NOT NULL,
    revision   BIGINT NOT NULL,
    product_id TEXT   NOT NULL,
    quantity   BIGINT NOT NULL CHECK (quantity > 0),
    state      TEXT   NOT NULL CHECK (state IN ('held', 'released', 'committed')),
    PRIMARY KEY (order_id, step, revision, product_id)
);

-- +goose Up

-- The event store. Rows are appended and never changed.
CREATE TABLE event (
    position       BIGINT PRIMARY KEY,  -- global: 1, 2, 3 … in the order of commits, without holes
    event_id       TEXT   NOT NULL UNIQUE,
    aggregate_type TEXT   NOT NULL,
    aggregate_id   TEXT   NOT NULL,
    version        BIGINT NOT NULL,     -- within the stream: 1, 2, 3 …
    event_type     TEXT   NOT NULL,
    schema_version BIGINT NOT NULL,     -- of the payload
    payload        TEXT   NOT NULL,     -- JSON
    metadata       TEXT   NOT NULL,     -- JSON
    occurred_at    BIGINT NOT NULL,     -- microseconds since 1970, never falling from one position to the next
    UNIQUE (aggregate_type, aggregate_id, version),
    CHECK (version >= 1)
);

-- The position and the time of the last event. One row, locked by whoever
-- appends until its transaction ends: positions become visible in order.
CREATE TABLE event_head (
    id          BIGINT PRIMARY KEY CHECK (id = 1),
    position    BIGINT NOT NULL,
    occurred_at BIGINT NOT NULL
);
INSERT INTO event_head (id, position, occurred_at) VALUES (1, 0, 0);

-- The read model. Every row belongs to a generation; readers see the live one,
-- and a rebuild fills the next one beside it.
CREATE TABLE projection (
    generation BIGINT PRIMARY KEY,
    live       BIGINT NOT NULL,         -- 1 for exactly one generation, else 0
    position   BIGINT NOT NULL          -- checkpoint: the last event in the rows
);
INSERT INTO projection (generation, live, position) VALUES (1, 1, 0);

CREATE TABLE order_view (
    generation       BIGINT NOT NULL,
    order_id         TEXT   NOT NULL,
    version          BIGINT NOT NULL,
    created_position BIGINT NOT NULL,   -- of the first event
    view             TEXT   NOT NULL,   -- JSON
    PRIMARY KEY (generation, order_id)
);

CREATE TABLE order_summary (
    generation       BIGINT NOT NULL,
    order_id         TEXT   NOT NULL,
    customer_id      TEXT   NOT NULL,
    customer_name    TEXT   NOT NULL,
    status           TEXT   NOT NULL,
    item_count       BIGINT NOT NULL,
    total_amount     BIGINT NOT NULL,   -- minor units
    currency         TEXT   NOT NULL,
    created_at       BIGINT NOT NULL,
    created_position BIGINT NOT NULL,   -- of the first event: a unique order, newest last
    version          BIGINT NOT NULL,
    PRIMARY KEY (generation, order_id)
);
CREATE INDEX order_summary_by_customer ON order_summary (generation, customer_id, created_position DESC);
CREATE INDEX order_summary_by_status ON order_summary (generation, customer_id, status, created_position DESC);

-- How many orders a customer has in each status, so that the total of a page
-- is read and not counted.
CREATE TABLE order_count (
    generation  BIGINT NOT NULL,
    customer_id TEXT   NOT NULL,
    draft       BIGINT NOT NULL,
    confirmed   BIGINT NOT NULL,
    shipped     BIGINT NOT NULL,
    cancelled   BIGINT NOT NULL,
    PRIMARY KEY (generation, customer_id)
);

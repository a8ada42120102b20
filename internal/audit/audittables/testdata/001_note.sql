-- +goose Up
CREATE TABLE note (
    order_id TEXT   NOT NULL,
    number   BIGINT NOT NULL,
    body     TEXT   NOT NULL,
    at       BIGINT NOT NULL,
    PRIMARY KEY (order_id, number)
);

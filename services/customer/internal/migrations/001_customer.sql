-- +goose Up
-- One row a customer, as it is now. version counts its changes; address is
-- JSON, empty without one.
CREATE TABLE customer (
    customer_id TEXT   PRIMARY KEY,
    name        TEXT   NOT NULL,
    contact     TEXT   NOT NULL,
    phone       TEXT   NOT NULL,
    address     TEXT   NOT NULL,
    version     BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL
);

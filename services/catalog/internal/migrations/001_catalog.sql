-- +goose Up
-- One row a product, as it is now. version counts its changes.
CREATE TABLE product (
    product_id   TEXT   PRIMARY KEY,
    name         TEXT   NOT NULL,
    description  TEXT   NOT NULL,
    amount       BIGINT NOT NULL CHECK (amount >= 0),
    currency     TEXT   NOT NULL,
    discontinued BIGINT NOT NULL CHECK (discontinued IN (0, 1)),
    version      BIGINT NOT NULL,
    updated_at   BIGINT NOT NULL
);

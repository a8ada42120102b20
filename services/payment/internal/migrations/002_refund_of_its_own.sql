-- +goose Up
-- A charge that the saga's compensation has closed admits no other refund, and
-- waits until all of its money is back. closed_at is 0 for every other one.
ALTER TABLE charge ADD COLUMN closed_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE charge ADD COLUMN closing_reason TEXT NOT NULL DEFAULT '';
UPDATE charge SET closed_at = refund.requested_at, closing_reason = refund.reason
FROM refund
WHERE refund.order_id = charge.order_id AND refund.step = charge.step AND refund.revision = charge.revision;

CREATE TABLE refund_before AS SELECT * FROM refund;
DROP TABLE refund;

-- One row for each amount that goes back, or went back, of a charge. step and
-- revision are those of the request: of a compensation the charge's, of an
-- agreed refund its own. A refund is requested before the provider is asked;
-- it is settled, or has failed, when the provider has said so.
CREATE TABLE refund (
    refund_id       TEXT   PRIMARY KEY,
    order_id        TEXT   NOT NULL,
    step            TEXT   NOT NULL,
    revision        BIGINT NOT NULL,
    charge_step     TEXT   NOT NULL,
    charge_revision BIGINT NOT NULL,
    kind            TEXT   NOT NULL CHECK (kind IN ('compensation', 'agreed')),
    state           TEXT   NOT NULL CHECK (state IN ('requested', 'settled', 'failed')),
    amount          BIGINT NOT NULL CHECK (amount >= 0),
    currency        TEXT   NOT NULL,
    reason          TEXT   NOT NULL,
    reference       TEXT   NOT NULL,
    failure         TEXT   NOT NULL,
    requested_at    BIGINT NOT NULL,
    settled_at      BIGINT NOT NULL,
    failed_at       BIGINT NOT NULL,
    FOREIGN KEY (order_id, charge_step, charge_revision) REFERENCES charge (order_id, step, revision)
);
CREATE UNIQUE INDEX refund_by_order ON refund (order_id, refund_id);
CREATE INDEX refund_by_state ON refund (state);

-- Until now a charge had one refund, of all of it. The amount stood there only
-- when it was settled, and the provider named no refunds. A refund of a charge
-- that turned out to have captured nothing was settled with nothing: it is none
-- any more. Of one whose charge is still pending, it is first to be found out
-- what there is to give back; that the charge is closed is enough to know.
INSERT INTO refund
SELECT b.order_id || '/' || b.step || '/' || CAST(b.revision AS TEXT) || '/refund',
       b.order_id, b.step, b.revision, b.step, b.revision,
       'compensation', b.state, c.amount, c.currency, b.reason, '', '', b.requested_at, b.settled_at, 0
FROM refund_before b
JOIN charge c ON c.order_id = b.order_id AND c.step = b.step AND c.revision = b.revision
WHERE c.state IN ('captured', 'refunded');
DROP TABLE refund_before;

-- The tables hold the same either way; only the index comes back.
CREATE INDEX nonces_until ON nonces (until_us);

CREATE INDEX nonces_until ON nonces (until_us);

-- Where a partner's events are sent. The url is what the log says; the rest is how far the sending
-- has come, and is worked out again from the events if it is lost.
CREATE TABLE webhooks (
  partner TEXT PRIMARY KEY REFERENCES partners (id),
  url TEXT NOT NULL,
  idx BIGINT NOT NULL,
  sent BIGINT NOT NULL,
  attempts BIGINT NOT NULL,
  next_us BIGINT NOT NULL,
  error TEXT
);
CREATE INDEX webhooks_next ON webhooks (next_us);

-- Events that could not be delivered in all their attempts: they can still be pulled.
CREATE TABLE dead_letters (
  partner TEXT NOT NULL REFERENCES partners (id),
  first_event BIGINT NOT NULL,
  last_event BIGINT NOT NULL,
  error TEXT NOT NULL,
  at_us BIGINT NOT NULL,
  PRIMARY KEY (partner, first_event)
);

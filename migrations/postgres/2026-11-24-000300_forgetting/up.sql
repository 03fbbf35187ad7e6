-- A person who was forgotten: the row stays, so that entries and evidence still have a place, with an
-- empty vault; by which entry, and when. And whether a legal hold stops that.
ALTER TABLE persons ADD COLUMN erased_idx BIGINT;
ALTER TABLE persons ADD COLUMN erased_us BIGINT;
ALTER TABLE persons ADD COLUMN held_idx BIGINT;
CREATE INDEX persons_erased ON persons (erased_us) WHERE erased_us IS NOT NULL;

-- The entries of the period by the coarse kind that the public log shows, and the rows of the
-- tables that are made from them. The last row is what the log's indices say.
WITH counts AS (
  SELECT 1 AS place, 'entries: ' || public_kind AS measure, CAST(COUNT(*) AS BIGINT) AS found,
    MIN("index") AS first_entry, MAX("index") AS last_entry
  FROM entries GROUP BY public_kind
  UNION ALL
  SELECT 2, 'entries: all', CAST(COUNT(*) AS BIGINT), MIN("index"), MAX("index") FROM entries
  UNION ALL
  SELECT 3, 'log: end - start', end_index - first_index, first_index, end_index - 1 FROM scope
)
SELECT measure, found, CASE WHEN found = 0 THEN CAST(NULL AS BIGINT) ELSE first_entry END
  AS first_entry, CASE WHEN found = 0 THEN CAST(NULL AS BIGINT) ELSE last_entry END AS last_entry
FROM counts
ORDER BY place, measure

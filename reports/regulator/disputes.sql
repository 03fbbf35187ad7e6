-- Disputes: what was received, how items ended, how long it took, and what came late. Days are
-- whole days from the demand to the answer that closed it.
WITH own AS (
  SELECT rights.* FROM rights CROSS JOIN scope
  WHERE coalesce(rights.jurisdiction, scope.home) = scope.jurisdiction
), ended AS (
  SELECT unnest(outcomes) AS outcome, unnest(outcome_counts) AS items FROM own
  WHERE kind IN ('dispute_answered', 'dispute_reinserted', 'dispute_withdrawn')
), closed AS (
  SELECT days, coalesce(in_time, true) AS in_time,
    CAST(row_number() OVER (ORDER BY days, "index") AS BIGINT) AS place,
    CAST(COUNT(*) OVER () AS BIGINT) AS n
  FROM own WHERE kind IN ('dispute_answered', 'dispute_reinserted') AND state = 'closed'
)
SELECT 'received' AS measure, coalesce(ground, 'unstated') AS about,
  CAST(COUNT(*) AS BIGINT) AS disputes, CAST(SUM(coalesce(items, 0)) AS BIGINT) AS items,
  CAST(NULL AS BIGINT) AS days_p50, CAST(NULL AS BIGINT) AS days_p95,
  CAST(NULL AS BIGINT) AS days_max
FROM own WHERE kind = 'dispute_opened' GROUP BY coalesce(ground, 'unstated')
UNION ALL
SELECT 'items answered', outcome, CAST(NULL AS BIGINT), CAST(SUM(items) AS BIGINT),
  CAST(NULL AS BIGINT), CAST(NULL AS BIGINT), CAST(NULL AS BIGINT)
FROM ended GROUP BY outcome
UNION ALL
SELECT 'closed', CASE WHEN in_time THEN 'in time' ELSE 'over deadline' END,
  CAST(COUNT(*) AS BIGINT), CAST(NULL AS BIGINT), CAST(NULL AS BIGINT), CAST(NULL AS BIGINT),
  CAST(NULL AS BIGINT)
FROM closed GROUP BY in_time
UNION ALL
SELECT 'days to close', 'all', CAST(COUNT(*) AS BIGINT), CAST(NULL AS BIGINT),
  MIN(CASE WHEN 2 * place >= n THEN days END), MIN(CASE WHEN 20 * place >= 19 * n THEN days END),
  MAX(days)
FROM closed HAVING COUNT(*) > 0
UNION ALL
SELECT 'taken back by the person', 'all', CAST(COUNT(*) AS BIGINT), CAST(NULL AS BIGINT),
  CAST(NULL AS BIGINT), CAST(NULL AS BIGINT), CAST(NULL AS BIGINT)
FROM own WHERE kind = 'dispute_withdrawn' HAVING COUNT(*) > 0
UNION ALL
SELECT 'reinserted after deletion', 'all', CAST(COUNT(*) AS BIGINT), CAST(NULL AS BIGINT),
  CAST(NULL AS BIGINT), CAST(NULL AS BIGINT), CAST(NULL AS BIGINT)
FROM own WHERE kind = 'dispute_reinserted' HAVING COUNT(*) > 0
UNION ALL
SELECT 'open past deadline at the end (counted)', 'all', value, CAST(NULL AS BIGINT),
  CAST(NULL AS BIGINT), CAST(NULL AS BIGINT), CAST(NULL AS BIGINT)
FROM counted WHERE measure = 'disputes_overdue'
ORDER BY 1, 2

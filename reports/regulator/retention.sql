-- What was forgotten because its time was over or the person asked, what is held, what is overdue.
-- Each act carries a certificate in its entry.
WITH wanted AS (
  SELECT * FROM (VALUES (1, 'purged at the end of its time'), (2, 'file erased'),
    (3, 'hold placed'), (4, 'hold lifted')) AS w(place, measure)
), found AS (
  SELECT CASE kind WHEN 'purged' THEN 'purged at the end of its time' WHEN 'erased' THEN
      'file erased' WHEN 'hold_placed' THEN 'hold placed' ELSE 'hold lifted' END AS measure,
    CAST(COUNT(*) AS BIGINT) AS files, CAST(SUM(bars) AS BIGINT) AS items
  FROM rights CROSS JOIN scope
  WHERE kind IN ('purged', 'erased', 'hold_placed', 'hold_lifted')
    AND coalesce(rights.jurisdiction, scope.home) = scope.jurisdiction
  GROUP BY kind
)
SELECT w.measure AS measure, coalesce(f.files, 0) AS files, f.items AS items
FROM wanted AS w LEFT JOIN found AS f ON f.measure = w.measure
UNION ALL
SELECT 'overdue for purge at the end (counted)', value, CAST(NULL AS BIGINT) FROM counted
WHERE measure = 'files_overdue'
ORDER BY 1

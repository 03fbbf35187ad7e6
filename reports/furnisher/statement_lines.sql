-- What was received in the period, and what became of it. The data-quality index is
-- (accepted + duplicates) / received.
SELECT 'all files' AS measure, CAST(COUNT(*) AS BIGINT) AS files,
  CAST(SUM(coalesce(accepted, 0) + coalesce(duplicates, 0) + coalesce(rejected, 0)) AS BIGINT)
    AS received,
  CAST(SUM(coalesce(accepted, 0)) AS BIGINT) AS accepted,
  CAST(SUM(coalesce(duplicates, 0)) AS BIGINT) AS duplicates,
  CAST(SUM(coalesce(rejected, 0)) AS BIGINT) AS rejected
FROM batches CROSS JOIN scope
WHERE furnisher = scope.partner
HAVING COUNT(*) > 0
ORDER BY 1

-- Quality of what was sent, by furnisher and rule. A file is counted under the bureau's home: one
-- file may speak of persons under several laws. The index is (accepted + duplicates) / received.
WITH files AS (
  SELECT coalesce(furnisher, 'unstated') AS furnisher, coalesce(accepted, 0) AS accepted,
    coalesce(duplicates, 0) AS duplicates, coalesce(rejected, 0) AS rejected,
    error_codes, error_counts
  FROM batches CROSS JOIN scope
  WHERE coalesce(batches.jurisdiction, scope.home) = scope.jurisdiction
), rules AS (
  SELECT furnisher, unnest(error_codes) AS "rule", unnest(error_counts) AS found FROM files
)
SELECT furnisher, '(all lines)' AS "rule", CAST(COUNT(*) AS BIGINT) AS files,
  CAST(SUM(accepted + duplicates + rejected) AS BIGINT) AS received,
  CAST(SUM(accepted) AS BIGINT) AS accepted, CAST(SUM(duplicates) AS BIGINT) AS duplicates,
  CAST(SUM(rejected) AS BIGINT) AS rejected,
  CAST(SUM(accepted + duplicates) AS BIGINT) AS index_numerator,
  CAST(SUM(accepted + duplicates + rejected) AS BIGINT) AS index_denominator
FROM files GROUP BY furnisher
UNION ALL
SELECT furnisher, "rule", CAST(NULL AS BIGINT), CAST(NULL AS BIGINT), CAST(NULL AS BIGINT),
  CAST(NULL AS BIGINT), CAST(SUM(found) AS BIGINT), CAST(NULL AS BIGINT), CAST(NULL AS BIGINT)
FROM rules GROUP BY furnisher, "rule"
ORDER BY 1, 2

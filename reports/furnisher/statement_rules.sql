-- Why lines were rejected: every error that was found, so that one line can count under several.
WITH rules AS (
  SELECT unnest(error_codes) AS "rule", unnest(error_counts) AS found
  FROM batches CROSS JOIN scope
  WHERE furnisher = scope.partner
)
SELECT "rule", CAST(SUM(found) AS BIGINT) AS errors
FROM rules GROUP BY "rule"
ORDER BY errors DESC, "rule"

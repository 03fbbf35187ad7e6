-- How long after the day that it speaks of an observation came in. In time is within 40 days.
-- Where a contract says by when lines are due, it is counted beside that how many came after it.
WITH timed AS (
  SELECT coalesce("type", 'unstated') AS "type", lag_days, days_after_due, "index"
  FROM observations CROSS JOIN scope
  WHERE furnisher = scope.partner AND lag_days IS NOT NULL
), ranked AS (
  SELECT "type", lag_days, days_after_due,
    CAST(row_number() OVER (PARTITION BY "type" ORDER BY lag_days, "index") AS BIGINT) AS place,
    CAST(COUNT(*) OVER (PARTITION BY "type") AS BIGINT) AS n
  FROM timed
)
SELECT "type", CAST(COUNT(*) AS BIGINT) AS timed,
  CAST(SUM(CASE WHEN lag_days <= 40 THEN 1 ELSE 0 END) AS BIGINT) AS in_time,
  CAST(SUM(CASE WHEN lag_days > 40 THEN 1 ELSE 0 END) AS BIGINT) AS late,
  MIN(CASE WHEN 2 * place >= n THEN lag_days END) AS days_p50,
  MIN(CASE WHEN 20 * place >= 19 * n THEN lag_days END) AS days_p95,
  MAX(lag_days) AS days_max,
  CAST(SUM(CASE WHEN days_after_due IS NOT NULL THEN 1 ELSE 0 END) AS BIGINT) AS contracted,
  CAST(SUM(CASE WHEN days_after_due > 0 THEN 1 ELSE 0 END) AS BIGINT) AS after_due,
  MAX(days_after_due) AS days_after_max
FROM ranked
GROUP BY "type"
ORDER BY "type"

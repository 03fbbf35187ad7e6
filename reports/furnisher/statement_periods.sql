-- What came about each month: files and lines, how many lines came after the contracted window
-- closed, and how many accounts lacked the month when the newest file was in.
WITH files AS (
  SELECT coalesce(batches.period, 'unstated') AS month, "index", late_lines, late_days,
    missing_accounts,
    coalesce(accepted, 0) + coalesce(duplicates, 0) + coalesce(rejected, 0) AS received,
    CAST(row_number() OVER (
      PARTITION BY coalesce(batches.period, 'unstated') ORDER BY "index" DESC) AS BIGINT) AS newest
  FROM batches CROSS JOIN scope
  WHERE furnisher = scope.partner
)
SELECT month AS period, CAST(COUNT(*) AS BIGINT) AS files,
  CAST(SUM(received) AS BIGINT) AS received,
  CAST(SUM(coalesce(late_lines, 0)) AS BIGINT) AS late_lines,
  MAX(late_days) AS days_after_max,
  MAX(CASE WHEN newest = 1 THEN missing_accounts END) AS missing_accounts
FROM files
GROUP BY month
ORDER BY month

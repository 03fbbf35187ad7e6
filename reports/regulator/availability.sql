-- Interruptions of the service, as staff recorded them. Availability is
-- (seconds_of_period - seconds_down) / seconds_of_period.
SELECT 'outage' AS measure, CAST(COUNT(*) AS BIGINT) AS outages,
  CAST(SUM(seconds_down) AS BIGINT) AS seconds_down, MAX(seconds_down) AS longest_seconds,
  MAX(scope.until_seconds - scope.from_seconds) AS seconds_of_period
FROM records CROSS JOIN scope
WHERE kind = 'recorded_incident' AND "class" = 'outage'
  AND coalesce(records.jurisdiction, scope.home) = scope.jurisdiction
HAVING COUNT(*) > 0
ORDER BY 1

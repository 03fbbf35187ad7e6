-- Complaints made through the bureau, and those that came another way and were recorded by staff.
WITH found AS (
  SELECT CASE kind WHEN 'complaint_made' THEN 'made' ELSE 'answered' END AS measure,
    CASE kind WHEN 'complaint_made' THEN 'through the bureau'
      ELSE coalesce(outcome, 'unstated') END AS about,
    1 AS complaints, CASE WHEN in_time = false THEN 1 ELSE 0 END AS late
  FROM rights CROSS JOIN scope
  WHERE kind IN ('complaint_made', 'complaint_answered')
    AND coalesce(rights.jurisdiction, scope.home) = scope.jurisdiction
  UNION ALL
  SELECT 'recorded by staff', coalesce("class", 'unstated') || ', ' || coalesce(outcome, 'open'), 1,
    0
  FROM records CROSS JOIN scope
  WHERE kind = 'recorded_complaint'
    AND coalesce(records.jurisdiction, scope.home) = scope.jurisdiction
)
SELECT measure, about, CAST(SUM(complaints) AS BIGINT) AS complaints,
  CAST(SUM(late) AS BIGINT) AS late
FROM found GROUP BY measure, about
ORDER BY measure, about

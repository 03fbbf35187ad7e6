-- Adverse items need notice before they are sent, and are rejected without it (accepted ones are in
-- the table of supply); a decision against a person that a score weighed in needs one after.
WITH seen AS (
  SELECT 'adverse-action notices made' AS measure, coalesce(scenario, 'unstated') AS about,
    CAST(COUNT(*) AS BIGINT) AS items
  FROM rights CROSS JOIN scope
  WHERE kind = 'notice_made' AND coalesce(rights.jurisdiction, scope.home) = scope.jurisdiction
  GROUP BY coalesce(scenario, 'unstated')
  UNION ALL
  SELECT 'decisions reported, ' || coalesce(decision, 'unstated'), coalesce(scenario, 'unstated'),
    CAST(COUNT(*) AS BIGINT)
  FROM followups CROSS JOIN scope
  WHERE kind = 'inquiry_outcome'
    AND coalesce(followups.jurisdiction, scope.home) = scope.jurisdiction
  GROUP BY 'decisions reported, ' || coalesce(decision, 'unstated'),
    coalesce(scenario, 'unstated')
), bounced AS (
  SELECT unnest(error_codes) AS code, unnest(error_counts) AS found
  FROM batches CROSS JOIN scope
  WHERE coalesce(batches.jurisdiction, scope.home) = scope.jurisdiction
)
SELECT measure, about, items FROM seen
UNION ALL
SELECT 'adverse items rejected for want of notice', 'any', CAST(SUM(found) AS BIGINT)
FROM bounced WHERE code = 'adverse_notice_missing' GROUP BY code
ORDER BY 1, 2

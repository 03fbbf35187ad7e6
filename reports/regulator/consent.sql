-- Consents given, revoked and run out. What was asked without one is in the table of refusals.
WITH own AS (
  SELECT consents.* FROM consents CROSS JOIN scope
  WHERE coalesce(consents.jurisdiction, scope.home) = scope.jurisdiction
), each AS (
  SELECT CASE WHEN kind = 'consent_given' THEN 'given' ELSE 'revoked' END AS measure,
    coalesce(purpose, 'unstated') AS purpose, coalesce(scenario, 'any') AS scenario,
    coalesce("method", 'none') AS "method"
  FROM own WHERE NOT (kind = 'consent_given' AND coalesce(purpose, 'unstated') = 'restricted')
  UNION ALL
  SELECT 'given, restricted category', 'restricted', category, evidence FROM (
    SELECT unnest(categories) AS category, coalesce("method", 'none') AS evidence FROM own
    WHERE kind = 'consent_given' AND purpose = 'restricted'
  ) AS r
)
SELECT measure, purpose, scenario, "method", CAST(COUNT(*) AS BIGINT) AS consents
FROM each GROUP BY measure, purpose, scenario, "method"
UNION ALL
SELECT 'run out (counted)', 'any', 'any', 'none', value FROM counted
WHERE measure = 'consents_expired'
ORDER BY 1, 2, 3, 4

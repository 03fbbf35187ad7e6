-- Scores that were computed for answers, by scorecard and band; exclusions by their true code.
-- The mean of a band is score_sum / answers.
WITH own AS (
  SELECT inquiries.* FROM inquiries CROSS JOIN scope
  WHERE kind = 'inquiry' AND (score IS NOT NULL OR form = 'not_assessable')
    AND coalesce(inquiries.jurisdiction, scope.home) = scope.jurisdiction
)
SELECT CASE WHEN score IS NULL THEN 'excluded' ELSE 'scored' END AS measure,
  coalesce(model_id, 'none') AS model, coalesce(model_version, 'none') AS "version",
  CASE WHEN score IS NULL THEN coalesce(true_code, code, form, 'unstated')
    ELSE coalesce(band, 'unstated') END AS band,
  CAST(COUNT(*) AS BIGINT) AS answers,
  CAST(SUM(score) AS BIGINT) AS score_sum, MIN(score) AS score_min, MAX(score) AS score_max
FROM own
GROUP BY 1, 2, 3, 4
ORDER BY 1, 2, 3, 4

-- What was put right afterwards: corrections and deletions by furnishers, answers corrected or
-- withdrawn by the bureau.
SELECT 'observation corrected or deleted' AS measure, coalesce(furnisher, 'unstated') AS partner,
  coalesce("type", 'unstated') || ', ' || op AS about, CAST(COUNT(*) AS BIGINT) AS restated
FROM observations CROSS JOIN scope
WHERE op <> 'report' AND coalesce(observations.jurisdiction, scope.home) = scope.jurisdiction
GROUP BY coalesce(furnisher, 'unstated'), coalesce("type", 'unstated') || ', ' || op
UNION ALL
SELECT CASE kind WHEN 'answer_corrected' THEN 'answer corrected' ELSE 'answer withdrawn' END,
  coalesce(asker, 'unstated'), coalesce(scenario, 'unstated'), CAST(COUNT(*) AS BIGINT)
FROM followups CROSS JOIN scope
WHERE kind IN ('answer_corrected', 'answer_withdrawn')
  AND coalesce(followups.jurisdiction, scope.home) = scope.jurisdiction
GROUP BY kind, coalesce(asker, 'unstated'), coalesce(scenario, 'unstated')
ORDER BY 1, 2, 3

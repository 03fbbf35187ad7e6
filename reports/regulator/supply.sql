-- What each furnisher supplied, by type of observation: accepted lines, which are the entries.
SELECT coalesce(furnisher, 'unstated') AS furnisher, coalesce(sector, 'unstated') AS sector,
  coalesce(dimension, 'unstated') AS dimension, coalesce("type", 'unstated') AS "type",
  CAST(COUNT(*) AS BIGINT) AS accepted,
  CAST(SUM(CASE WHEN op = 'correct' THEN 1 ELSE 0 END) AS BIGINT) AS corrections,
  CAST(SUM(CASE WHEN op = 'delete' THEN 1 ELSE 0 END) AS BIGINT) AS deletions,
  CAST(SUM(CASE WHEN adverse THEN 1 ELSE 0 END) AS BIGINT) AS adverse,
  CAST(SUM(CASE WHEN synthetic THEN 1 ELSE 0 END) AS BIGINT) AS synthetic
FROM observations CROSS JOIN scope
WHERE coalesce(observations.jurisdiction, scope.home) = scope.jurisdiction
GROUP BY 1, 2, 3, 4
ORDER BY 1, 2, 3, 4

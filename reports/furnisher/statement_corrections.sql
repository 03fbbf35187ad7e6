-- What was accepted, by type, and how much of it put something right that was sent before.
SELECT coalesce("type", 'unstated') AS "type", CAST(COUNT(*) AS BIGINT) AS accepted,
  CAST(SUM(CASE WHEN op = 'correct' THEN 1 ELSE 0 END) AS BIGINT) AS corrections,
  CAST(SUM(CASE WHEN op = 'delete' THEN 1 ELSE 0 END) AS BIGINT) AS deletions,
  CAST(SUM(CASE WHEN adverse THEN 1 ELSE 0 END) AS BIGINT) AS adverse
FROM observations CROSS JOIN scope
WHERE furnisher = scope.partner
GROUP BY coalesce("type", 'unstated')
ORDER BY 1

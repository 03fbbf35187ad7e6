-- How far the bureau leans on few partners. Affiliates are not registered: each partner stands for
-- itself. The Herfindahl index is the sum of entries * entries over of_all * of_all.
WITH each AS (
  SELECT 'furnisher' AS "role", coalesce(furnisher, 'unstated') AS partner
  FROM observations CROSS JOIN scope
  WHERE coalesce(observations.jurisdiction, scope.home) = scope.jurisdiction
  UNION ALL
  SELECT 'asker', coalesce(asker, 'unstated') FROM inquiries CROSS JOIN scope
  WHERE coalesce(inquiries.jurisdiction, scope.home) = scope.jurisdiction
), sums AS (
  SELECT "role", partner, CAST(COUNT(*) AS BIGINT) AS entries FROM each GROUP BY "role", partner
)
SELECT "role",
  CAST(row_number() OVER (PARTITION BY "role" ORDER BY entries DESC, partner) AS BIGINT) AS place,
  partner, entries, CAST(SUM(entries) OVER (PARTITION BY "role") AS BIGINT) AS of_all
FROM sums
ORDER BY 1, 2

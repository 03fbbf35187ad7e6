-- Answers under a further law beside the person's own, bases for partners abroad, and requests of
-- foreign authorities, which staff records.
WITH packs AS (
  SELECT unnest(rule_packs) AS pack, scope.jurisdiction AS own
  FROM inquiries CROSS JOIN scope
  WHERE coalesce(inquiries.jurisdiction, scope.home) = scope.jurisdiction
), found AS (
  SELECT 1 AS place, 'answers under a further pack' AS measure, pack AS about,
    CAST(COUNT(*) AS BIGINT) AS events
  FROM packs WHERE pack <> own GROUP BY pack
  UNION ALL
  SELECT 2, 'export basis registered', coalesce(export_basis, 'withdrawn'),
    CAST(COUNT(*) AS BIGINT)
  FROM partners CROSS JOIN scope
  WHERE kind = 'partner_export_basis'
    AND coalesce(partners.jurisdiction, scope.home) = scope.jurisdiction
  GROUP BY coalesce(export_basis, 'withdrawn')
  UNION ALL
  SELECT 3, 'request of a foreign authority', coalesce(outcome, 'unstated'),
    CAST(COUNT(*) AS BIGINT)
  FROM records CROSS JOIN scope
  WHERE kind = 'recorded_filing' AND "class" = 'foreign_request'
    AND coalesce(records.jurisdiction, scope.home) = scope.jurisdiction
  GROUP BY coalesce(outcome, 'unstated')
), wanted AS (
  SELECT * FROM (VALUES (1, 'answers under a further pack'), (2, 'export basis registered'),
    (3, 'request of a foreign authority')) AS w(place, measure)
)
SELECT w.measure AS measure, coalesce(f.about, 'all') AS about,
  CASE WHEN w.place = 3 THEN f.events ELSE coalesce(f.events, 0) END AS events
FROM wanted AS w LEFT JOIN found AS f ON f.place = w.place
ORDER BY w.place, 2

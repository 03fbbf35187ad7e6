-- Look-ups by staff, bulk exports, partners stopped, keys retired; incidents are what staff
-- recorded.
WITH wanted AS (
  SELECT * FROM (VALUES (1, 'incident'), (2, 'look-up by staff'), (3, 'bulk export'),
    (4, 'partner suspended'), (5, 'partner key retired')) AS w(place, measure)
), found AS (
  SELECT 'incident' AS measure, coalesce("class", 'unstated') AS about,
    CAST(COUNT(*) AS BIGINT) AS events, CAST(SUM(persons) AS BIGINT) AS persons,
    MAX(seconds_to_contain) AS contain, MAX(seconds_to_notify) AS notify
  FROM records CROSS JOIN scope
  WHERE kind = 'recorded_incident'
    AND coalesce(records.jurisdiction, scope.home) = scope.jurisdiction
  GROUP BY coalesce("class", 'unstated')
  UNION ALL
  SELECT 'look-up by staff', coalesce(what, 'a file'), CAST(COUNT(*) AS BIGINT),
    CAST(NULL AS BIGINT), CAST(NULL AS BIGINT), CAST(NULL AS BIGINT)
  FROM rights CROSS JOIN scope
  WHERE kind = 'looked_up' AND coalesce(rights.jurisdiction, scope.home) = scope.jurisdiction
  GROUP BY coalesce(what, 'a file')
  UNION ALL
  SELECT 'bulk export', coalesce(what, 'extract of a period'), CAST(COUNT(*) AS BIGINT),
    CAST(NULL AS BIGINT), CAST(NULL AS BIGINT), CAST(NULL AS BIGINT)
  FROM exports CROSS JOIN scope
  WHERE kind = 'exported' AND coalesce(exports.jurisdiction, scope.home) = scope.jurisdiction
  GROUP BY coalesce(what, 'extract of a period')
  UNION ALL
  SELECT CASE kind WHEN 'partner_suspended' THEN 'partner suspended'
      ELSE 'partner key retired' END, 'all',
    CAST(COUNT(*) AS BIGINT), CAST(NULL AS BIGINT), CAST(NULL AS BIGINT), CAST(NULL AS BIGINT)
  FROM partners CROSS JOIN scope
  WHERE kind IN ('partner_suspended', 'partner_key_retired')
    AND coalesce(partners.jurisdiction, scope.home) = scope.jurisdiction
  GROUP BY kind
)
SELECT w.measure AS measure, coalesce(f.about, 'all') AS about,
  CASE WHEN w.measure = 'incident' THEN f.events ELSE coalesce(f.events, 0) END AS events,
  f.persons AS persons, f.contain AS seconds_to_contain, f.notify AS seconds_to_notify
FROM wanted AS w LEFT JOIN found AS f ON f.measure = w.measure
ORDER BY w.place, 2

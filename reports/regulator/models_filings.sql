-- Rule packs and scorecards that came into force, and what was filed with an authority.
SELECT 'in force' AS measure, coalesce(what, 'unstated') AS "class",
  coalesce(name, 'unstated') AS name, coalesce(digest, 'none') AS reference,
  'not applicable' AS materiality, 'not applicable' AS filed, "index" AS entry
FROM governance CROSS JOIN scope
WHERE kind = 'in_force'
UNION ALL
SELECT 'filed', coalesce("class", 'unstated'), coalesce("version", 'unstated'),
  coalesce(reference, 'none'), coalesce(materiality, 'unstated'), coalesce("date", 'unstated'),
  "index"
FROM records CROSS JOIN scope
WHERE kind = 'recorded_filing' AND coalesce(records.jurisdiction, scope.home) = scope.jurisdiction
ORDER BY 1, 7

-- Every question about a person, answered or refused. A hit is an answer with a value; no hit is
-- not_assessable, whatever the reason; a refusal names no scenario in its record.
SELECT coalesce(scenario, '(refused)') AS scenario, coalesce(sector, 'unstated') AS sector,
  coalesce(pull, 'none') AS pull, coalesce(form, 'refused') AS product,
  CAST(COUNT(*) AS BIGINT) AS inquiries,
  CAST(SUM(CASE WHEN kind = 'inquiry' AND form <> 'not_assessable' THEN 1 ELSE 0 END) AS BIGINT)
    AS hit,
  CAST(SUM(CASE WHEN kind = 'inquiry' AND form = 'not_assessable' THEN 1 ELSE 0 END) AS BIGINT)
    AS no_hit,
  CAST(SUM(CASE WHEN kind = 'refused' THEN 1 ELSE 0 END) AS BIGINT) AS refused
FROM inquiries CROSS JOIN scope
WHERE coalesce(inquiries.jurisdiction, scope.home) = scope.jurisdiction
GROUP BY 1, 2, 3, 4
ORDER BY 1, 2, 3, 4

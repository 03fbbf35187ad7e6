-- Fees charged to persons, as staff recorded them. A statutory item must be free.
SELECT coalesce("class", 'unstated') AS item,
  CASE WHEN coalesce(statutory, false) THEN 'yes' ELSE 'no' END AS statutory,
  coalesce(currency, 'unstated') AS currency, CAST(SUM("count") AS BIGINT) AS charges,
  CAST(SUM(amount_minor) AS BIGINT) AS amount_minor
FROM records CROSS JOIN scope
WHERE kind = 'recorded_fee' AND coalesce(records.jurisdiction, scope.home) = scope.jurisdiction
GROUP BY 1, 2, 3
ORDER BY 1, 2, 3

-- Persons on file and how completely, and the population they are part of. Distinct persons cannot
-- be told from records: the bureau counts them, and the entry that says so is named beside each.
WITH wanted AS (
  SELECT * FROM (VALUES
    (1, 'persons_enrolled', 'counted'), (2, 'persons_with_file', 'counted'),
    (3, 'persons_scorable', 'counted'), (4, 'persons_of_all_dimensions', 'counted'),
    (5, 'enrolments', 'entries'), (6, 'enrolments_mismatched', 'entries'),
    (7, 'adult_population', 'reference')
  ) AS w(place, measure, basis)
), latest AS (
  SELECT "class" AS measure, value, "index" AS entry,
    CAST(row_number() OVER (PARTITION BY "class" ORDER BY "index" DESC) AS BIGINT) AS newest
  FROM records CROSS JOIN scope
  WHERE kind = 'recorded_reference'
    AND coalesce(records.jurisdiction, scope.home) = scope.jurisdiction
), found AS (
  SELECT measure, value, entry FROM counted
  UNION ALL
  SELECT measure, value, entry FROM latest WHERE newest = 1
  UNION ALL
  SELECT CASE WHEN coalesce(mismatch, false) THEN 'enrolments_mismatched' ELSE 'enrolments' END,
    CAST(COUNT(*) AS BIGINT), CAST(NULL AS BIGINT)
  FROM subjects CROSS JOIN scope
  WHERE coalesce(subjects.jurisdiction, scope.home) = scope.jurisdiction
  GROUP BY CASE WHEN coalesce(mismatch, false) THEN 'enrolments_mismatched' ELSE 'enrolments' END
)
SELECT w.measure AS measure, w.basis AS basis,
  CASE WHEN w.basis = 'entries' THEN coalesce(f.value, 0) ELSE f.value END AS value,
  f.entry AS entry
FROM wanted AS w LEFT JOIN found AS f ON f.measure = w.measure
ORDER BY w.place

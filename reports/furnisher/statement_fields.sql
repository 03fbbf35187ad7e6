-- How far the optional fields of accepted lines are filled: lines of the type, and those that fill it.
WITH counted AS (
  SELECT unnest(field_names) AS name, unnest(field_counts) AS n
  FROM batches CROSS JOIN scope
  WHERE furnisher = scope.partner
), summed AS (
  SELECT name, CAST(SUM(n) AS BIGINT) AS n FROM counted GROUP BY name
)
SELECT f.name AS field, CAST(coalesce(t.n, 0) AS BIGINT) AS lines, f.n AS filled
FROM summed AS f LEFT JOIN summed AS t ON t.name = split_part(f.name, '.', 1)
WHERE split_part(f.name, '.', 2) <> ''
ORDER BY f.name

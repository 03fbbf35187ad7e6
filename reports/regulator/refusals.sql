-- Why questions were refused: every code that held, so that one refusal can count under several.
WITH each AS (
  SELECT unnest(codes) AS code
  FROM inquiries CROSS JOIN scope
  WHERE kind = 'refused' AND coalesce(inquiries.jurisdiction, scope.home) = scope.jurisdiction
)
SELECT code, CAST(COUNT(*) AS BIGINT) AS refused
FROM each GROUP BY code
ORDER BY code

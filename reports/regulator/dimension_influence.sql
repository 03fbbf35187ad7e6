-- How much each dimension moves the score, over the answers that showed all dimensions. Its share
-- of the variance is (answers * cross - points * score) /
-- (answers * score_squared - score * score).
WITH own AS (
  SELECT scores.* FROM scores CROSS JOIN scope
  WHERE score IS NOT NULL AND coalesce(scores.jurisdiction, scope.home) = scope.jurisdiction
), each AS (
  SELECT 1 AS place, 'credit_history' AS dimension, credit_history_points AS points,
    credit_history_of AS of_points,
    score
  FROM own WHERE credit_history_points IS NOT NULL
  UNION ALL
  SELECT 2, 'behavior', behavior_points, behavior_of, score FROM own
  WHERE behavior_points IS NOT NULL
  UNION ALL
  SELECT 3, 'performance', performance_points, performance_of, score FROM own
  WHERE performance_points IS NOT NULL
  UNION ALL
  SELECT 4, 'identity', identity_points, identity_of, score FROM own
  WHERE identity_points IS NOT NULL
  UNION ALL
  SELECT 5, 'relationships', relationships_points, relationships_of, score FROM own
  WHERE relationships_points IS NOT NULL
)
SELECT dimension, CAST(COUNT(*) AS BIGINT) AS answers, CAST(SUM(points) AS BIGINT) AS points,
  CAST(SUM(of_points) AS BIGINT) AS of_points, CAST(SUM(points * score) AS BIGINT) AS "cross",
  CAST(SUM(score) AS BIGINT) AS score, CAST(SUM(score * score) AS BIGINT) AS score_squared
FROM each GROUP BY place, dimension
ORDER BY place

-- Rights that persons used, and through whom. Disputes and complaints have tables of their own.
SELECT CASE kind
    WHEN 'file_seen' THEN 'file seen' WHEN 'statement_added' THEN 'statement added'
    WHEN 'review_asked' THEN 'human review asked'
    WHEN 'review_answered' THEN 'human review answered, ' || coalesce(outcome, 'unstated')
    WHEN 'freeze_placed' THEN 'freeze placed' WHEN 'freeze_lifted' THEN 'freeze lifted'
    WHEN 'mandate_given' THEN 'mandate given' WHEN 'erased' THEN 'file erased'
    ELSE kind END AS "right",
  CASE WHEN "by" = 'person' OR "by" IS NULL THEN 'the person' WHEN "by" LIKE 'staff:%' THEN 'staff'
    ELSE 'an agent' END AS through,
  CAST(COUNT(*) AS BIGINT) AS acts,
  CAST(SUM(CASE WHEN in_time = false THEN 1 ELSE 0 END) AS BIGINT) AS late
FROM rights CROSS JOIN scope
WHERE coalesce(rights.jurisdiction, scope.home) = scope.jurisdiction
  AND kind IN ('file_seen', 'statement_added', 'review_asked', 'review_answered', 'freeze_placed',
    'freeze_lifted', 'mandate_given', 'erased')
GROUP BY 1, 2
ORDER BY 1, 2

-- What is written in Metro 2 stays: the wider constraint holds every row of before.
SELECT 1;

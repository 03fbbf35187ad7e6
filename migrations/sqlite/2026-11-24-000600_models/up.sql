-- How every registered scorecard stands: a projection of the entries about it. One of them at most
-- gives the scores.
CREATE TABLE models (
    digest TEXT NOT NULL PRIMARY KEY,
    role TEXT NOT NULL CHECK (role IN ('none', 'champion', 'challenger')),
    standing TEXT NOT NULL,
    idx INTEGER NOT NULL
);
CREATE UNIQUE INDEX models_champion ON models (role) WHERE role = 'champion';

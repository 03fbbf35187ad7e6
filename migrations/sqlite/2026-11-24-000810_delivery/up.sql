-- By when a furnisher's lines are due, where its contract says so: JSON.
ALTER TABLE partners ADD COLUMN delivery TEXT;

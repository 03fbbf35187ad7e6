-- Nonces live for a minute; the sweep that forgets them can look at all.
DROP INDEX nonces_until;

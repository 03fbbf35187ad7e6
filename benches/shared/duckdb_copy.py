"""DuckDB's COPY of the tables of an extract, on one thread: duckdb_copy.py DIR OUT TABLE…

Prints the seconds that writing took, reading not counted.
"""

import pathlib
import sys
import time

import duckdb

folder, out, *tables = sys.argv[1:]
with duckdb.connect() as connection:
    connection.execute("SET threads = 1")
    for table in tables:
        path = pathlib.Path(folder) / f"{table}.parquet"
        connection.execute(f"CREATE TABLE {table} AS SELECT * FROM read_parquet('{path}')")
    begun = time.perf_counter()
    for table in tables:
        target = pathlib.Path(out) / f"{table}.parquet"
        connection.execute(f"COPY {table} TO '{target}' (FORMAT parquet, COMPRESSION zstd)")
    print(time.perf_counter() - begun)

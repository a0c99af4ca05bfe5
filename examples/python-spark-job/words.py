"""What both jobs share: how words are counted, and the database of the counts. `python words.py` prints them as JSON."""

import json
import os
import sqlite3
from contextlib import closing, contextmanager


@contextmanager
def transaction():
    """A connection to the database: committed at the end of the block, rolled back after an exception."""
    with closing(sqlite3.connect(os.environ.get("DATABASE", "words.db"), timeout=30)) as database, database:
        database.execute("CREATE TABLE IF NOT EXISTS words (word TEXT PRIMARY KEY, count INTEGER NOT NULL)")
        yield database


def add_counts(df, database):
    """Count the words of all values in the DataFrame and add the counts to those of the database."""
    words = df.selectExpr("explode(split(CAST(value AS STRING), ' ')) AS word")
    counts = words.groupBy("word").count().collect()
    database.executemany(
        "INSERT INTO words VALUES (?, ?) ON CONFLICT (word) DO UPDATE SET count = count + excluded.count", counts
    )


if __name__ == "__main__":
    with transaction() as database:
        print(json.dumps(dict(database.execute("SELECT word, count FROM words ORDER BY word")), ensure_ascii=False))

#!/bin/sh
# Bring both of Temporal's databases to the schema of this image; harmless to repeat.
set -eu

for pair in temporal:temporal temporal_visibility:visibility; do
  database=${pair%%:*}
  folder=${pair##*:}
  tool="temporal-sql-tool --plugin postgres12 --ep temporal-postgres -p 5432 -u temporal --db $database"
  $tool setup-schema -v 0.0
  $tool update-schema -d "/etc/temporal/schema/postgresql/v12/$folder/versioned"
done

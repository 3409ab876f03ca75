#!/bin/sh
# PostgreSQL's image runs this once, on an empty volume: roles, databases, doors.
set -eu
psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" \
    --dbname postgres --file /run/secrets/roles_sql

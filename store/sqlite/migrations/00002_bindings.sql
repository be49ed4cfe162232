-- +goose Up

-- Where endpoints are registered: one row per endpoint, all its contacts in its JSON. Times in microseconds since 1970;
-- expires is that of the contact that stays longest.
CREATE TABLE binding (
    user    TEXT NOT NULL PRIMARY KEY,
    expires INTEGER NOT NULL,
    body    TEXT NOT NULL
) WITHOUT ROWID;

-- +goose Down
DROP TABLE binding;

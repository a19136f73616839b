-- SPDX-License-Identifier: GPL-2.0-or-later
-- For separate database users: "www-data" serves the pages, "nobody" takes the mail in (rename
-- them below if yours differ). Run it as the owner of the tables, after every `migrate`:
--
--     psql -f lib/sql/grant-all.postgres.sql patchwork
--
-- Both write: an account, a session and a state change come from the pages, and a mail touches
-- nearly every table of Patchwork. Neither may create, alter or drop anything; of Django's own
-- tables the mail user gets only those where it looks up accounts and the site's name, to read,
-- and what goes with an account that is forgotten.

\set ON_ERROR_STOP on

BEGIN;

GRANT USAGE ON SCHEMA public TO "www-data", nobody;

GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO "www-data";
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO "www-data";
REVOKE INSERT, UPDATE, DELETE ON django_migrations FROM "www-data";

DO $grant$
DECLARE
    name text;
BEGIN
    FOR name IN
        SELECT tablename FROM pg_tables
        WHERE schemaname = 'public' AND tablename LIKE 'patchwork\_%'
    LOOP
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO nobody', name);
    END LOOP;
    FOR name IN
        SELECT sequencename FROM pg_sequences
        WHERE schemaname = 'public' AND sequencename LIKE 'patchwork\_%'
    LOOP
        EXECUTE format('GRANT USAGE, SELECT ON SEQUENCE %I TO nobody', name);
    END LOOP;
END
$grant$;

GRANT SELECT ON auth_user, django_site, django_content_type, django_migrations TO nobody;

-- The worker, which runs as "nobody" as well, forgets accounts that were never confirmed.
GRANT DELETE ON auth_user TO nobody;
GRANT SELECT, DELETE ON auth_user_groups, auth_user_user_permissions, django_admin_log TO nobody;

COMMIT;

-- SPDX-License-Identifier: GPL-2.0-or-later
-- For separate database users: 'www-data'@'localhost' serves the pages, 'nobody'@'localhost' takes
-- the mail in (rename them below if yours differ). Run it as an administrator of the server, in
-- the database, after every `migrate`:
--
--     mariadb patchwork < lib/sql/grant-all.mysql.sql
--
-- Both write: an account, a session and a state change come from the pages, and a mail touches
-- nearly every table of Patchwork. Neither may create, alter or drop anything; of Django's own
-- tables the mail user gets only those where it looks up accounts and the site's name, to read.

DELIMITER //

CREATE OR REPLACE PROCEDURE patchwork_grant_all()
BEGIN
    DECLARE table_name_here VARCHAR(64);
    DECLARE done BOOLEAN DEFAULT FALSE;
    DECLARE every_table CURSOR FOR
        SELECT table_name FROM information_schema.tables
        WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE';
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET done = TRUE;

    OPEN every_table;
    each_table: LOOP
        FETCH every_table INTO table_name_here;
        IF done THEN
            LEAVE each_table;
        END IF;

        SET @on_it = CONCAT(' ON `', DATABASE(), '`.`', table_name_here, '` TO ');
        IF table_name_here = 'django_migrations' THEN
            SET @web = CONCAT('GRANT SELECT', @on_it, "'www-data'@'localhost'");
        ELSE
            SET @web = CONCAT(
                'GRANT SELECT, INSERT, UPDATE, DELETE', @on_it, "'www-data'@'localhost'");
        END IF;
        EXECUTE IMMEDIATE @web;

        IF table_name_here LIKE 'patchwork\_%' THEN
            SET @mail = CONCAT(
                'GRANT SELECT, INSERT, UPDATE, DELETE', @on_it, "'nobody'@'localhost'");
            EXECUTE IMMEDIATE @mail;
        ELSEIF table_name_here IN
            ('auth_user', 'django_site', 'django_content_type', 'django_migrations')
        THEN
            SET @mail = CONCAT('GRANT SELECT', @on_it, "'nobody'@'localhost'");
            EXECUTE IMMEDIATE @mail;
        END IF;
        -- The worker, which runs as nobody as well, forgets accounts that were never confirmed.
        IF table_name_here IN
            ('auth_user', 'auth_user_groups', 'auth_user_user_permissions', 'django_admin_log')
        THEN
            SET @mail = CONCAT('GRANT SELECT, DELETE', @on_it, "'nobody'@'localhost'");
            EXECUTE IMMEDIATE @mail;
        END IF;
    END LOOP;
    CLOSE every_table;
END //

DELIMITER ;

CALL patchwork_grant_all();
DROP PROCEDURE patchwork_grant_all;

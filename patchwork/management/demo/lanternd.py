# SPDX-License-Identifier: GPL-2.0-or-later
"""What went over the list of lanternd, an invented daemon that keeps the lamps of a house in step.

The code in the diffs is made up, too, but it hangs together: each posting applies to the tree
that it was made for.
"""

from __future__ import annotations

from patchwork.management.demo.cast import BJORK, IGOR, LIN, MAREN, NIAMH, OTTO, SANA, YAW
from patchwork.management.demo.decisions import Decisions
from patchwork.management.demo.lists import MailingList
from patchwork.management.demo.trees import (
    Create,
    Delete,
    Edit,
    Rename,
    Tree,
    apply_all,
    commit,
)

BASE: Tree = {
    "Makefile": """\
CFLAGS += -std=c11 -Wall -Wextra -O2
OBJECTS = src/main.o src/config.o src/net.o src/log.o

lanternd: $(OBJECTS)
	$(CC) $(LDFLAGS) -o $@ $(OBJECTS)

clean:
	rm -f lanternd $(OBJECTS)

.PHONY: clean
""",
    "README": """\
lanternd keeps the lamps of a house in step. Each lamp asks once a second what
it should look like; lanternd answers from its configuration.

Build it with "make" and run it with "lanternd /etc/lanternd.conf".

Patches go to the mailing list.
""",
    "src/log.h": """\
#ifndef LANTERND_LOG_H
#define LANTERND_LOG_H

void log_info(const char *format, ...);
void log_error(const char *format, ...);

#endif
""",
    "src/log.c": """\
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "log.h"

static void write_line(const char *level, const char *format, va_list args)
{
	time_t now = time(NULL);
	char stamp[32];

	strftime(stamp, sizeof(stamp), "%d/%m/%y %H:%M:%S", localtime(&now));
	fprintf(stderr, "%s %s: ", stamp, level);
	vfprintf(stderr, format, args);
	fputc('\\n', stderr);
}

void log_info(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	write_line("info", format, args);
	va_end(args);
}

void log_error(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	write_line("error", format, args);
	va_end(args);
}
""",
    "src/config.h": """\
#ifndef LANTERND_CONFIG_H
#define LANTERND_CONFIG_H

#define MAX_LAMPS 64

struct lamp {
	char name[32];
	unsigned int colour;
	unsigned int brightness;
};

struct config {
	unsigned short port;
	unsigned int n_lamps;
	struct lamp lamps[MAX_LAMPS];
};

int config_read(struct config *config, const char *path);
const struct lamp *config_find(const struct config *config, const char *name);

#endif
""",
    "src/config.c": """\
#include <stdio.h>
#include <string.h>

#include "config.h"
#include "log.h"

#define DEFAULT_PORT 4640

static int read_lamp(struct config *config, const char *line)
{
	struct lamp *lamp = &config->lamps[config->n_lamps];

	if (sscanf(line, "lamp %31s %x %u", lamp->name, &lamp->colour,
			&lamp->brightness) != 3)
		return -1;
	config->n_lamps++;
	return 0;
}

int config_read(struct config *config, const char *path)
{
	char line[256];
	FILE *file = fopen(path, "r");

	if (!file) {
		log_error("cannot open %s", path);
		return -1;
	}
	memset(config, 0, sizeof(*config));
	config->port = DEFAULT_PORT;
	while (fgets(line, sizeof(line), file)) {
		if (line[0] == '#' || line[0] == '\\n')
			continue;
		if (sscanf(line, "port %hu", &config->port) == 1)
			continue;
		if (read_lamp(config, line) < 0)
			log_error("%s: what does this mean? %s", path, line);
	}
	fclose(file);
	return 0;
}

const struct lamp *config_find(const struct config *config, const char *name)
{
	unsigned int i;

	for (i = 0; i < config->n_lamps; i++)
		if (strcmp(config->lamps[i].name, name) == 0)
			return &config->lamps[i];
	return NULL;
}
""",
    "src/net.h": """\
#ifndef LANTERND_NET_H
#define LANTERND_NET_H

#include "config.h"

int net_open(unsigned short port);
int net_answer(int sock, const struct config *config);

#endif
""",
    "src/net.c": """\
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "log.h"
#include "net.h"

int net_open(unsigned short port)
{
	struct sockaddr_in address;
	int sock = socket(AF_INET, SOCK_DGRAM, 0);

	if (sock < 0)
		return -1;
	memset(&address, 0, sizeof(address));
	address.sin_family = AF_INET;
	address.sin_port = htons(port);
	address.sin_addr.s_addr = htonl(INADDR_ANY);
	if (bind(sock, (struct sockaddr *)&address, sizeof(address)) < 0) {
		close(sock);
		return -1;
	}
	return sock;
}

int net_answer(int sock, const struct config *config)
{
	struct sockaddr_in peer;
	socklen_t size = sizeof(peer);
	char name[32], reply[32];
	const struct lamp *lamp;
	ssize_t length;

	length = recvfrom(sock, name, sizeof(name) - 1, 0,
				(struct sockaddr *)&peer, &size);
	if (length < 0)
		return -1;
	name[length] = '\\0';
	lamp = config_find(config, name);
	if (!lamp) {
		log_info("nobody knows the lamp %s", name);
		return 0;
	}
	length = snprintf(reply, sizeof(reply), "%06x %u", lamp->colour,
				lamp->brightness);
	return sendto(sock, reply, length, 0, (struct sockaddr *)&peer, size);
}
""",
    "src/main.c": """\
#include <stdio.h>

#include "config.h"
#include "log.h"
#include "net.h"

int main(int argc, char **argv)
{
	struct config config;
	int sock;

	if (argc != 2) {
		fprintf(stderr, "usage: lanternd FILE\\n");
		return 2;
	}
	if (config_read(&config, argv[1]) < 0)
		return 1;
	sock = net_open(config.port);
	if (sock < 0) {
		log_error("cannot listen on port %u", config.port);
		return 1;
	}
	log_info("listening on port %u for %u lamps", config.port, config.n_lamps);
	while (net_answer(sock, &config) >= 0)
		;
	log_error("cannot read from the network any more");
	return 1;
}
""",
}

ISO_DATES = commit(
    "log: write dates that sort",
    """
Log files of several houses are put together with sort(1) now and then, and
day/month/year goes to pieces in that. Write ISO 8601 in UTC.
""",
    Edit(
        "src/log.c",
        '"%d/%m/%y %H:%M:%S", localtime(&now)',
        '"%Y-%m-%dT%H:%M:%SZ", gmtime(&now)',
    ),
)

TOO_MANY_LAMPS = commit(
    "config: do not write past the last lamp",
    """
The 65th lamp of a file went into whatever stood behind the table. Count before
writing, and say which lamp is left out.

Fixes: 3c1f0a9d2b44 ("config: read lamps")
""",
    Edit(
        "src/config.c",
        """\
	struct lamp *lamp = &config->lamps[config->n_lamps];

	if (sscanf""",
        """\
	struct lamp *lamp = &config->lamps[config->n_lamps];

	if (config->n_lamps == MAX_LAMPS) {
		log_error("too many lamps, leaving out: %s", line);
		return 0;
	}
	if (sscanf""",
    ),
)

CONFIG_SWAP = commit(
    "config: read into a copy before replacing what is in use",
    """
A file with a mistake must not leave the house half dark. Read all of it first;
the caller swaps it in when nothing was wrong.
""",
    Edit(
        "src/config.h",
        "int config_read(struct config *config, const char *path);\n",
        "int config_read(struct config *config, const char *path);\n"
        "int config_replace(struct config *config, const char *path);\n",
    ),
    Edit(
        "src/config.c",
        "const struct lamp *config_find(",
        """\
int config_replace(struct config *config, const char *path)
{
	static struct config fresh;

	if (config_read(&fresh, path) < 0)
		return -1;
	*config = fresh;
	return 0;
}

const struct lamp *config_find(""",
    ),
)

_RELOAD_OLD = """\
	while (net_answer(sock, &config) >= 0)
		;
"""
RELOAD_FIRST = commit(
    "main: read the configuration again on SIGHUP",
    """
Until now a new lamp meant a restart, and with it a second of darkness.
""",
    Edit(
        "src/main.c",
        "#include <stdio.h>\n",
        "#include <signal.h>\n#include <stdio.h>\n",
    ),
    Edit(
        "src/main.c",
        "int main(int argc, char **argv)\n",
        """\
static int reload;

static void on_hangup(int number)
{
	reload = 1;
}

int main(int argc, char **argv)
""",
    ),
    Edit(
        "src/main.c",
        _RELOAD_OLD,
        """\
	signal(SIGHUP, on_hangup);
	while (net_answer(sock, &config) >= 0) {
		if (reload) {
			reload = 0;
			config_replace(&config, argv[1]);
		}
	}
""",
    ),
)
RELOAD_SECOND = commit(
    "main: read the configuration again on SIGHUP",
    """
Until now a new lamp meant a restart, and with it a second of darkness.

sigaction() without SA_RESTART makes recvfrom() return with EINTR, so that the
signal is seen at once and not when the next lamp asks.
""",
    Edit(
        "src/main.c",
        "#include <stdio.h>\n",
        "#include <errno.h>\n#include <signal.h>\n#include <stdio.h>\n",
    ),
    Edit(
        "src/main.c",
        "int main(int argc, char **argv)\n",
        """\
static volatile sig_atomic_t reload;

static void on_hangup(int number)
{
	(void)number;
	reload = 1;
}

int main(int argc, char **argv)
""",
    ),
    Edit(
        "src/main.c",
        "	struct config config;\n",
        "	struct sigaction hangup = { .sa_handler = on_hangup };\n	struct config config;\n",
    ),
    Edit(
        "src/main.c",
        _RELOAD_OLD,
        """\
	sigaction(SIGHUP, &hangup, NULL);
	while (net_answer(sock, &config) >= 0 || errno == EINTR) {
		if (!reload)
			continue;
		reload = 0;
		if (config_replace(&config, argv[1]) < 0)
			log_error("keeping the old configuration");
		else
			log_info("read %s again", argv[1]);
	}
""",
    ),
    notes="""
v2: sigaction() instead of signal(), volatile sig_atomic_t, and a word in the
    log when a new file is no good (Maren)
""",
)
RELOAD_README = commit(
    "README: say how to reload",
    "",
    Edit(
        "README",
        "\nPatches go to",
        '\nSend it SIGHUP to have the file read again ("pkill -HUP lanternd").\n\nPatches go to',
    ),
)

V6_PEER = commit(
    "net: keep peers in a sockaddr_storage",
    """
It holds addresses of any family; nothing changes for IPv4.
""",
    Edit("src/net.c", "	struct sockaddr_in peer;\n", "	struct sockaddr_storage peer;\n"),
)
_OPEN_OLD = """\
	struct sockaddr_in address;
	int sock = socket(AF_INET, SOCK_DGRAM, 0);

	if (sock < 0)
		return -1;
	memset(&address, 0, sizeof(address));
	address.sin_family = AF_INET;
	address.sin_port = htons(port);
	address.sin_addr.s_addr = htonl(INADDR_ANY);
"""
V6_OPEN_FIRST = commit(
    "net: listen on IPv6",
    """
Newer lamps have nothing else.
""",
    Edit(
        "src/net.c",
        _OPEN_OLD,
        """\
	struct sockaddr_in6 address;
	int sock = socket(AF_INET6, SOCK_DGRAM, 0);

	if (sock < 0)
		return -1;
	memset(&address, 0, sizeof(address));
	address.sin6_family = AF_INET6;
	address.sin6_port = htons(port);
	address.sin6_addr = in6addr_any;
""",
    ),
)
V6_OPEN_SECOND = commit(
    "net: listen on IPv6",
    """
Newer lamps have nothing else. IPV6_V6ONLY is switched off by hand: where
net.ipv6.bindv6only is set, old lamps would get no answer any more.
""",
    Edit(
        "src/net.c",
        _OPEN_OLD,
        """\
	struct sockaddr_in6 address;
	int only_v6 = 0;
	int sock = socket(AF_INET6, SOCK_DGRAM, 0);

	if (sock < 0)
		return -1;
	if (setsockopt(sock, IPPROTO_IPV6, IPV6_V6ONLY, &only_v6,
			sizeof(only_v6)) < 0)
		log_error("lamps with IPv4 will get no answer");
	memset(&address, 0, sizeof(address));
	address.sin6_family = AF_INET6;
	address.sin6_port = htons(port);
	address.sin6_addr = in6addr_any;
""",
    ),
    notes="""
v2: switch IPV6_V6ONLY off (Sana)
""",
)
V6_LOG = commit(
    "net: say who asked for a lamp that nobody knows",
    "",
    Edit(
        "src/net.c",
        """\
		log_info("nobody knows the lamp %s", name);
		return 0;
""",
        """\
		char host[NI_MAXHOST];

		if (getnameinfo((struct sockaddr *)&peer, size, host,
				sizeof(host), NULL, 0, NI_NUMERICHOST))
			strcpy(host, "somebody");
		log_info("nobody knows the lamp %s of %s", name, host);
		return 0;
""",
    ),
    Edit("src/net.c", "#include <stdio.h>\n", "#include <netdb.h>\n#include <stdio.h>\n"),
)
V6_MAIN_FIRST = commit(
    "main: tell what we listen on",
    "",
    Edit(
        "src/main.c",
        '"listening on port %u for %u lamps"',
        '"listening on [::]:%u for %u lamps"',
    ),
)
V6_MAIN_SECOND = commit(
    "main: tell what we listen on",
    """
One socket answers both families; say so, or people look for a second one.
""",
    Edit(
        "src/main.c",
        '"listening on port %u for %u lamps"',
        '"listening on port %u (IPv4 and IPv6) for %u lamps"',
    ),
)
V6_README = commit(
    "README: name the protocols",
    "",
    Edit(
        "README",
        "lanternd answers from its configuration.\n",
        "lanternd answers from its configuration, over IPv4 and IPv6.\n",
    ),
)

LIMIT_RFC = commit(
    "net: answer each lamp at most ten times a second",
    """
A lamp with a broken clock asked 4,000 times a second and nobody else got a word in.
""",
    Edit(
        "src/config.h",
        "	unsigned int brightness;\n",
        "	unsigned int brightness;\n	unsigned int asked;\n",
    ),
    Edit(
        "src/net.c",
        "	length = snprintf(reply",
        "	if (++((struct lamp *)lamp)->asked > 10)\n		return 0;\n	length = snprintf(reply",
    ),
)
LIMIT_TABLE = commit(
    "limit: count answers in a token bucket",
    """
A bucket for each lamp: ten tokens, refilled at ten a second. The clock is
CLOCK_MONOTONIC, so that setting the time neither floods nor starves anybody.
""",
    Create(
        "src/limit.h",
        """\
#ifndef LANTERND_LIMIT_H
#define LANTERND_LIMIT_H

#include <time.h>

#define LIMIT_PER_SECOND 10

struct bucket {
	struct timespec filled;
	double tokens;
};

int bucket_take(struct bucket *bucket);

#endif
""",
    ),
    Create(
        "src/limit.c",
        """\
#include "limit.h"

static double seconds_between(const struct timespec *from, const struct timespec *to)
{
	return to->tv_sec - from->tv_sec + (to->tv_nsec - from->tv_nsec) / 1e9;
}

int bucket_take(struct bucket *bucket)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	bucket->tokens += LIMIT_PER_SECOND * seconds_between(&bucket->filled, &now);
	if (bucket->tokens > LIMIT_PER_SECOND)
		bucket->tokens = LIMIT_PER_SECOND;
	bucket->filled = now;
	if (bucket->tokens < 1)
		return 0;
	bucket->tokens -= 1;
	return 1;
}
""",
    ),
    Edit("Makefile", "src/net.o src/log.o", "src/net.o src/log.o src/limit.o"),
)
LIMIT_USE = commit(
    "net: let no lamp ask more than ten times a second",
    """
A lamp with a broken clock asked 4,000 times a second and nobody else got a
word in. What is too much gets no answer; lamps ask again on their own.
""",
    Edit(
        "src/net.c",
        "	length = snprintf(reply",
        "	if (!bucket_take(&buckets[lamp - config->lamps]))\n"
        "		return 0;\n	length = snprintf(reply",
    ),
    Edit(
        "src/net.c",
        '#include "log.h"\n#include "net.h"\n',
        '#include "limit.h"\n#include "log.h"\n#include "net.h"\n\n'
        "static struct bucket buckets[MAX_LAMPS];\n",
    ),
)

SPLIT_TYPES = commit(
    "config: name the type of colours",
    "",
    Edit("src/config.h", "struct lamp {\n", "typedef unsigned int colour_t;\n\nstruct lamp {\n"),
    Edit("src/config.h", "	unsigned int colour;\n", "	colour_t colour;\n"),
)
SPLIT_PARSE = commit(
    "config: take colours by name",
    """
"lamp hall amber 80" reads better than "lamp hall ffbf00 80".
""",
    Edit(
        "src/config.c",
        "static int read_lamp(",
        """\
static const struct {
	const char *name;
	colour_t colour;
} colours[] = {
	{ "amber", 0xffbf00 },
	{ "red", 0xff0000 },
	{ "white", 0xffffff },
};

static int read_colour(const char *word, colour_t *colour)
{
	unsigned int i;

	for (i = 0; i < sizeof(colours) / sizeof(colours[0]); i++) {
		if (strcmp(colours[i].name, word) == 0) {
			*colour = colours[i].colour;
			return 1;
		}
	}
	return sscanf(word, "%x", colour);
}

static int read_lamp(""",
    ),
)

DAEMON_PID = commit(
    "main: write a pid file",
    "",
    Edit("src/main.c", "#include <stdio.h>\n", "#include <stdio.h>\n#include <unistd.h>\n"),
    Edit(
        "src/main.c",
        "int main(int argc, char **argv)\n",
        """\
static void write_pid(const char *path)
{
	FILE *file = fopen(path, "w");

	if (!file)
		return;
	fprintf(file, "%d\\n", getpid());
	fclose(file);
}

int main(int argc, char **argv)
""",
    ),
)
DAEMON_FORK = commit(
    "main: go into the background with -d",
    "",
    Edit(
        "src/main.c",
        "	if (argc != 2) {\n",
        """\
	if (argc == 3 && argv[1][0] == '-' && argv[1][1] == 'd') {
		if (daemon(0, 0) < 0)
			return 1;
		write_pid("/run/lanternd.pid");
		argv++;
		argc--;
	}
	if (argc != 2) {
""",
    ),
)
DAEMON_UNIT = commit(
    "contrib: add a unit for systemd",
    "",
    Create("contrib/lanternd.service", "[Service]\nExecStart=/usr/bin/lanternd -d\n"),
)

MOVE_README = commit(
    "README: call it README.md",
    """
The forge shows it then. Nothing in it changes.
""",
    Rename("README", "README.md"),
)

DROP_HANDMADE = commit(
    "config: replace the parser by a generated one",
    """
lex and yacc have been around for a while.
""",
    Delete("src/config.c"),
    Create("src/config.l", "%%\nlamp	return LAMP;\nport	return PORT;\n%%\n"),
)

STRTOK = [
    commit(
        "config: allow blanks before a line",
        why,
        Edit(
            "src/config.c", "		if (line[0] == '#' ||", skip + "		if (line[0] == '#' ||"
        ),
        notes=notes,
    )
    for why, skip, notes in (
        (
            "People indent the lamps of a room.",
            "		while (line[0] == ' ')\n			memmove(line, line + 1, 255);\n",
            "",
        ),
        (
            "People indent the lamps of a room.",
            '		memmove(line, line + strspn(line, " "), sizeof(line));\n',
            "v2: no quadratic memmove (Maren)",
        ),
        (
            "People indent the lamps of a room, some with tabs.",
            '		size_t blanks = strspn(line, " \\t");\n\n'
            "		memmove(line, line + blanks, strlen(line + blanks) + 1);\n",
            "v3: tabs as well, and never read behind the end (Maren)",
        ),
    )
]


def tell(ml: MailingList, decisions: Decisions) -> None:
    """Everything that went over the list, oldest first."""
    tree = _dates_and_lamps(ml, decisions)
    tree = _reload(ml, decisions, tree)
    _ipv6(ml, decisions, tree)
    _rate_limit(ml, decisions, tree)
    _blanks(ml, decisions, tree)
    _odds_and_ends(ml, decisions, tree)
    _pull_request(ml, decisions)


def _dates_and_lamps(ml: MailingList, decisions: Decisions) -> Tree:
    """Two patches that were easy."""
    dates = ml.post(OTTO, 33.2, "iso-dates", BASE, [ISO_DATES])
    ml.reply(
        dates.first,
        MAREN,
        32.9,
        "iso-dates-r1",
        f"""
> +	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%SZ", gmtime(&now));

About time. Applied, thanks!

{MAREN.signs("Reviewed-by")}
""",
    )
    decisions.state("Accepted", dates)
    decisions.commit("5f0c7d1e9a3b8c2d4e6f7a8b9c0d1e2f3a4b5c6d", dates)
    decisions.archive(dates)

    lamps = ml.post(IGOR, 27.4, "too-many-lamps", apply_all(BASE, [ISO_DATES]), [TOO_MANY_LAMPS])
    ml.reply(
        lamps.first,
        SANA,
        27.1,
        "too-many-lamps-t1",
        f"""
> The 65th lamp of a file went into whatever stood behind the table.

In our case a neighbour's hall. With this patch it stays dark, and the log says why.

{SANA.signs("Tested-by")}
""",
    )
    ml.reply(
        lamps.first,
        MAREN,
        26.8,
        "too-many-lamps-r1",
        f"""
Good catch.

{MAREN.signs("Reviewed-by")}
""",
    )
    decisions.state("Accepted", lamps)
    decisions.delegate("maren", lamps)
    decisions.result("build", "success", lamps, summary="gcc 12 and clang 16, no warnings")
    return apply_all(BASE, [ISO_DATES, TOO_MANY_LAMPS])


def _reload(ml: MailingList, decisions: Decisions, base: Tree) -> Tree:
    """A series that took two rounds, each a thread of its own."""
    title = "Read the configuration again without a restart"
    first = ml.post(
        BJORK,
        24.3,
        "reload.v1",
        base,
        [CONFIG_SWAP, RELOAD_FIRST, RELOAD_README],
        title=title,
        letter="""
Whoever buys a lamp has to restart lanternd, and for a second all lamps go
dark. This reads the file again on SIGHUP.

The first patch makes sure that a broken file changes nothing.
""",
    )
    ml.reply(
        first.patches[2],
        MAREN,
        23.8,
        "reload.v1-r1",
        """
> +static int reload;

A signal handler may only touch a volatile sig_atomic_t.

> +	signal(SIGHUP, on_hangup);

signal() restarts recvfrom() here, so the file is read when the next lamp asks, not when you
tell it to. Please use sigaction() and look at EINTR.

The idea is fine, and patches 1 and 3 are good as they are.
""",
    )
    ml.reply(first.patches[1], MAREN, 23.7, "reload.v1-r2", MAREN.signs("Reviewed-by"))
    second = ml.post(
        BJORK,
        20.1,
        "reload.v2",
        base,
        [CONFIG_SWAP, RELOAD_SECOND, RELOAD_README],
        title=title,
        letter="""
Whoever buys a lamp has to restart lanternd, and for a second all lamps go
dark. This reads the file again on SIGHUP.

v2: patch 2 uses sigaction(), see there; the others are unchanged
""",
        prefix="PATCH v2",
    )
    thanks = ml.reply(
        second.cover or second.first,
        MAREN,
        19.6,
        "reload.v2-r1",
        f"""
Þórdís, this is very nice, thank you. I tried all the broken files I have.

{MAREN.signs("Reviewed-by")}
{MAREN.signs("Tested-by")}
""",
    )
    ml.reply(
        thanks,
        BJORK,
        19.4,
        "reload.v2-r2",
        """
> I tried all the broken files I have.

Would you put them into a tests/ directory one day?

Þórdís
""",
    )
    for number, patch in second.patches.items():
        ml.reply(patch, MAREN, 19.5, f"reload.v2-r3-{number}", MAREN.signs("Reviewed-by"))
    decisions.state("Accepted", second)
    decisions.delegate("maren", second)
    decisions.review("maren", second)
    decisions.result("build", "success", second, summary="gcc 12 and clang 16, no warnings")
    decisions.result(
        "style",
        "warning",
        second,
        url="https://ci.lamps.example.com/lanternd/118/style.txt",
        summary="src/main.c:21: line of 81 characters",
    )
    return apply_all(base, [CONFIG_SWAP, RELOAD_SECOND, RELOAD_README])


def _ipv6(ml: MailingList, decisions: Decisions, base: Tree) -> None:
    """Two of five patches are sent again, each in answer to its reviewer."""
    commits = [V6_PEER, V6_OPEN_FIRST, V6_LOG, V6_MAIN_FIRST, V6_README]
    posted = ml.post(
        NIAMH,
        11.7,
        "ipv6.v1",
        base,
        commits,
        title="Answer lamps over IPv6",
        letter="""
The lamps that are sold now speak IPv6 only. One socket can serve both; this
gets there in five small steps, and nothing changes for the old ones.

Tested with two lamps of each kind and a radio that sends nonsense.
""",
    )
    for number in (1, 3):
        ml.reply(posted.patches[number], SANA, 11.2, f"ipv6.v1-a{number}", SANA.signs("Acked-by"))
    review = ml.reply(
        posted.patches[2],
        SANA,
        10.9,
        "ipv6.v1-r2",
        """
> +	int sock = socket(AF_INET6, SOCK_DGRAM, 0);

Mind net.ipv6.bindv6only. It is 1 on our gateways, and then this socket takes IPv6 alone: all
old lamps would go dark. Switch IPV6_V6ONLY off for this socket, please.
""",
    )
    ml.reply(
        review,
        NIAMH,
        10.8,
        "ipv6.v1-r3",
        """
> Switch IPV6_V6ONLY off for this socket, please.

I had never heard of it. Will do!
""",
    )
    second = [V6_PEER, V6_OPEN_SECOND, V6_LOG, V6_MAIN_SECOND, V6_README]
    ml.post(NIAMH, 9.8, "ipv6.v2", base, second, prefix="PATCH v2", answers=review, only=(2,))
    wish = ml.reply(
        posted.patches[4],
        MAREN,
        9.1,
        "ipv6.v1-r4",
        """
> +	log_info("listening on [::]:%u for %u lamps", config.port, config.n_lamps);

This will have people ask where the IPv4 socket has gone. Could it say both?
""",
    )
    again = ml.post(NIAMH, 8.6, "ipv6.v2", base, second, prefix="PATCH v2", answers=wish, only=(4,))
    ml.reply(again.first, MAREN, 8.2, "ipv6.v2-r4", MAREN.signs("Reviewed-by"))
    decisions.state("Under Review", posted, (1, 3, 5))
    decisions.state("Under Review", again)
    decisions.delegate("maren", posted)
    decisions.review("maren", posted)
    decisions.result("build", "success", again)
    decisions.result(
        "lamps-on-the-desk",
        "failure",
        again,
        url="https://ci.lamps.example.com/lanternd/131/desk.log",
        summary="4 of 5 lamps answered\nlamp 3 (firmware 1.0.2): no answer within 5 s",
    )
    ml.post(
        LIN,
        6.4,
        "colours.v1",
        base,
        [SPLIT_TYPES, SPLIT_PARSE],
    )
    ml.send(
        YAW,
        6.1,
        "discovery.v1-0",
        "[PATCH 0/2] Let lamps find the daemon by themselves",
        f"""
This answers a multicast question with our address, so that a new lamp needs no
configuration at all. It needs the IPv6 series.

The patches follow as soon as my mail server lets them through.

Depends-on: {posted.first.msgid}

Yaw Mensah (2):
  net: join the group of the lamps
  net: answer who asks for us
""",
    )


def _rate_limit(ml: MailingList, decisions: Decisions, base: Tree) -> None:
    """An RFC that became a patch series, and got stuck half-way through review."""
    rfc = ml.post(
        YAW,
        16.5,
        "rate-limit.rfc",
        base,
        [LIMIT_RFC],
        title="Limit how often a lamp may ask",
        letter="""
One broken lamp can keep lanternd busy. This is the shortest thing that helps.
It is ugly: the counter is never set back, and I cast a const away. What would
you like to see instead?
""",
        prefix="RFC PATCH",
    )
    idea = ml.reply(
        rfc.cover or rfc.first,
        MAREN,
        16.1,
        "rate-limit.rfc-r1",
        """
> What would you like to see instead?

A token bucket, in a file of its own, with its own table: the configuration should stay const.
""",
    )
    ml.reply(
        idea,
        OTTO,
        15.9,
        "rate-limit.rfc-r2",
        """
> A token bucket, in a file of its own

And with CLOCK_MONOTONIC, please. Houses without network time set their clock by hand.
""",
    )
    second = ml.post(
        YAW,
        7.3,
        "rate-limit.v2",
        base,
        [LIMIT_TABLE, LIMIT_USE],
        title="Limit how often a lamp may ask",
        letter="""
One broken lamp can keep lanternd busy. Give each lamp a token bucket.

Changes since the RFC:
- token bucket in limit.c (Maren)
- CLOCK_MONOTONIC (Otto)
- the configuration stays const
""",
        prefix="PATCH v2",
    )
    ml.reply(
        second.patches[1],
        OTTO,
        6.8,
        "rate-limit.v2-r1",
        f"""
> +	bucket->tokens += LIMIT_PER_SECOND * seconds_between(&bucket->filled, &now);

I first thought that the very first question would find an empty bucket, but `filled` is zero
then and a lot of time has passed. A comment would help the next reader. Anyway:

{OTTO.signs("Reviewed-by")}
""",
    )
    ml.reply(
        second.patches[2],
        MAREN,
        5.6,
        "rate-limit.v2-r2",
        """
> +static struct bucket buckets[MAX_LAMPS];

After SIGHUP the lamps may stand in another order, and each gets the bucket of another one. That
is harmless, but please reset the table in config_replace() or say in a comment why not.
""",
    )
    decisions.state("Changes Requested", second, (2,))
    decisions.state("Under Review", second, (1,))
    decisions.review("admin", second)
    decisions.result("build", "success", second)
    decisions.result("lamps-on-the-desk", "pending", second)


def _blanks(ml: MailingList, decisions: Decisions, base: Tree) -> None:
    """One patch, three attempts, all in one thread."""
    first = ml.post(LIN, 13.6, "blanks.v1", base, [STRTOK[0]])
    asked = ml.reply(
        first.first,
        MAREN,
        13.2,
        "blanks.v1-r1",
        """
> +			memmove(line, line + 1, 255);

255 bytes for each blank. strspn() tells how many there are; then move once.
""",
    )
    second = ml.post(LIN, 12.4, "blanks.v2", base, [STRTOK[1]], prefix="PATCH v2", answers=asked)
    asked = ml.reply(
        second.first,
        MAREN,
        12.0,
        "blanks.v2-r1",
        """
> +		memmove(line, line + strspn(line, " "), sizeof(line));

This reads behind the end of line[]. And what about tabs?
""",
    )
    third = ml.post(LIN, 10.2, "blanks.v3", base, [STRTOK[2]], prefix="PATCH v3", answers=asked)
    ml.reply(
        third.first,
        MAREN,
        3.1,
        "blanks.v3-r1",
        f"""
Now it is right. I will take it after the release.

{MAREN.signs("Reviewed-by")}
""",
    )
    decisions.state("Awaiting Upstream", third)
    decisions.delegate("maren", third)
    decisions.result("build", "success", third)
    decisions.check("checkline", "warning", third, summary="declaration in the middle of a block")


def _odds_and_ends(ml: MailingList, decisions: Decisions, base: Tree) -> None:
    """What is not there in full, what nobody wanted, what nobody has looked at."""
    ml.post(
        YAW,
        4.8,
        "daemon.v1",
        base,
        [DAEMON_PID, DAEMON_FORK, DAEMON_UNIT],
        only=(1, 3),
    )
    generated = ml.post(OTTO, 14.9, "lex", base, [DROP_HANDMADE])
    ml.reply(
        generated.first,
        MAREN,
        14.7,
        "lex-r1",
        """
> lex and yacc have been around for a while.

So have forty lines of C that everybody here can read. I do not want to add two tools to the
build for that, sorry.
""",
    )
    decisions.state("Rejected", generated)
    decisions.archive(generated)
    ml.post(SANA, 0.9, "readme-md", base, [MOVE_README])


def _pull_request(ml: MailingList, decisions: Decisions) -> None:
    """Somebody else's branch, as ``git request-pull`` describes it."""
    request = ml.send(
        SANA,
        2.2,
        "pull-firmware",
        "[GIT PULL] lanternd: firmware quirks for 0.9",
        """
Hi Maren,

three small quirks for lamps of last winter, all of them in use here.

The following changes since commit 5f0c7d1e9a3b8c2d4e6f7a8b9c0d1e2f3a4b5c6d:

  log: write dates that sort

are available in the Git repository at:

  https://git.lamps.example.com/lanternd.git tags/quirks-0.9

for you to fetch changes up to 8d7c6b5a4f3e2d1c0b9a8f7e6d5c4b3a2f1e0d9c:

  quirks: lamps of series W forget their name

----------------------------------------------------------------
Sana Qureshi (3):
      quirks: lamps of series U ask twice
      quirks: lamps of series V cannot do amber
      quirks: lamps of series W forget their name

 src/quirks.c | 71 ++++++++++++++++++++++++++++++++++++++++++++++++++++++++
 src/quirks.h |  9 +++++++
 2 files changed, 80 insertions(+)
""",
    )
    ml.reply(
        request,
        MAREN,
        1.4,
        "pull-firmware-r1",
        """
> three small quirks for lamps of last winter, all of them in use here.

Pulled into next, thanks. Lamps of series V will have to do without amber, then.
""",
    )
    decisions.state_of_mail("Under Review", request)

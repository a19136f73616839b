# SPDX-License-Identifier: GPL-2.0-or-later
"""The house keeps its own rules: what is written about it is true, and tools do what they say."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from patchwork.settings import base
from patchwork.tests.runner import PytestRunner, node_id

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"

NOTES = DOCS / "release-notes" / "fragments"
LICENSED_SUFFIXES = {
    *(".py", ".sh", ".sql", ".toml", ".ini", ".conf", ".service", ".lock", ".rst", ".css", ".js"),
}
# What would tie the project to the machine or the mirror that somebody worked with. Taken apart,
# so that this file does not find itself.
TIES = re.compile(
    r"(?<![\w.~-])/(?:work|opt/pypi)[\w-]*/|pypi\.o"
    + "rg|pythonhosted|npmjs|--(?:extra-)?index-url"
)


def tracked() -> list[Path]:
    """The files of the repository that are here, without recorded mails and foreign code."""
    listing = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listing.returncode != 0:
        pytest.skip("not a git checkout")
    paths = (ROOT / name for name in listing.stdout.split("\0") if name)
    return [
        path
        for path in paths
        if path.is_file() and not {"corpus", "vendor"} & set(path.relative_to(ROOT).parts)
    ]


def pyproject() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def requirement_name(line: str) -> str:
    return re.split(r"[\[<>=!~; ]", line, maxsplit=1)[0].lower().replace(".", "-")


class TestDocumentation:
    def test_every_room_is_on_the_map(self):
        page = (DOCS / "development" / "architecture.rst").read_text(encoding="utf-8")
        package = ROOT / "patchwork"
        rooms = {
            f"{init.parent.relative_to(package)}/"
            for init in package.rglob("__init__.py")
            if init.parent != package and "tests" not in init.relative_to(package).parts[:-2]
        }
        assert rooms >= {"mail/", "tracking/"}
        assert {room for room in rooms if f"``{room}``" not in page} == set()

    def test_every_room_on_the_map_is_there(self):
        page = (DOCS / "development" / "architecture.rst").read_text(encoding="utf-8")
        named = set(re.findall(r"^``([\w/]+/)``", page, flags=re.MULTILINE))
        assert {room for room in named if not (ROOT / "patchwork" / room).is_dir()} == set()

    def test_every_setting_is_documented_and_every_documented_one_exists(self):
        page = (DOCS / "deployment" / "configuration.rst").read_text(encoding="utf-8")
        documented = re.findall(r"^\.\. confval:: (\w+)$", page, flags=re.MULTILINE)
        # Only Django can give this one its default; the example file sets it.
        settings = {name for name in vars(base) if name.isupper()} | {"DATABASES"}
        assert sorted(documented) == sorted(settings)

    def test_variables_of_the_development_settings_are_documented(self):
        page = (DOCS / "development" / "start.rst").read_text(encoding="utf-8")
        read = set()
        for path in (ROOT / "patchwork" / "settings").glob("*.py"):
            source = path.read_text(encoding="utf-8")
            read |= set(re.findall(r"\"((?:PW|PATCHWORK)_[A-Z_]+|DATABASE_URL)\"", source))
        assert {name for name in read if f"``{name}``" not in page} == set()

    def test_release_notes_have_a_known_kind_and_say_something(self):
        kinds = "|".join(kind["directory"] for kind in pyproject()["tool"]["towncrier"]["type"])
        fragments = [path for path in NOTES.iterdir() if not path.name.startswith(".")]
        for path in fragments:
            assert re.fullmatch(rf"(\d+|\+[a-z0-9-]+)\.({kinds})(\.\d+)?\.rst", path.name), path
            text = path.read_text(encoding="utf-8")
            assert text.endswith(".\n"), f"{path}: sentences, and a newline at the end"
            assert text.count("\n") == 1, f"{path}: on one line"


class TestSources:
    def test_sources_name_their_licence_first(self):
        unlicensed = []
        for path in tracked():
            if path.suffix not in LICENSED_SUFFIXES or path.parent == NOTES:
                continue
            lines = path.read_text(encoding="utf-8").splitlines()[:2]
            first = lines[1:] if lines and lines[0].startswith("#!") else lines[:1]
            if not any("SPDX-License-Identifier: GPL-2.0-or-later" in line for line in first):
                unlicensed.append(str(path.relative_to(ROOT)))
        assert unlicensed == []

    def test_nothing_is_tied_to_a_machine_or_a_mirror(self):
        tied = []
        for path in tracked():
            if path == Path(__file__):
                continue
            try:
                text = path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue
            tied += [f"{path.relative_to(ROOT)}: {hit.group()}" for hit in TIES.finditer(text)]
        assert tied == []

    def test_the_licence_is_the_whole_text(self):
        text = (ROOT / "COPYING").read_text(encoding="utf-8")
        assert "GNU GENERAL PUBLIC LICENSE\n                       Version 2, June 1991" in text
        assert "END OF TERMS AND CONDITIONS" in text

    def test_migrations_are_a_single_line(self):
        directory = ROOT / "patchwork" / "migrations"
        names = sorted(path.stem for path in directory.glob("[0-9]*.py"))
        numbers = [name.split("_")[0] for name in names]
        assert numbers == [f"{number:04}" for number in range(1, len(names) + 1)]
        newest = (directory / "max_migration.txt").read_text(encoding="utf-8").strip()
        assert newest == names[-1]


class TestDependencies:
    def test_plain_pip_gets_the_same_tools_as_the_group(self):
        listed = (DOCS / "requirements-dev.txt").read_text(encoding="utf-8").splitlines()
        tools = [line for line in listed if line and not line.startswith("#")]
        assert tools == pyproject()["dependency-groups"]["dev"]

    @pytest.mark.parametrize("extra", ["mysql", "postgresql"])
    def test_an_extra_for_each_server(self, extra):
        assert extra in pyproject()["project"]["optional-dependencies"]
        text = (DOCS / f"requirements-dev-{extra}.txt").read_text(encoding="utf-8")
        assert f"\n-e .[{extra}]\n" in text

    @pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
    def test_locks_name_what_is_asked_for_and_check_every_file(self, lock):
        declared = pyproject()
        project = declared["project"]
        asked = project["dependencies"] + [
            requirement
            for extra in ("celery", "metrics", "mysql", "postgresql")
            for requirement in project["optional-dependencies"][extra]
        ]
        if lock == "requirements-dev.lock":
            asked += declared["dependency-groups"]["dev"]
        text = (ROOT / lock).read_text(encoding="utf-8").replace("\\\n", " ")
        pins = [line for line in text.splitlines() if line and not line.startswith("#")]
        assert {requirement_name(line) for line in asked} <= {
            requirement_name(line) for line in pins
        }
        for pin in pins:
            assert re.match(r"[a-z0-9-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", pin), pin

    def test_both_locks_agree(self):
        def pins(lock: str) -> set[str]:
            text = (ROOT / lock).read_text(encoding="utf-8")
            return set(re.findall(r"^[a-z0-9-]+==\S+", text, flags=re.MULTILINE))

        assert pins("requirements.lock") <= pins("requirements-dev.lock")


class TestTools:
    TOOLS = (
        *("tools/setup-devel.sh", "tools/run-devel.sh", "tools/run-tests.sh", "tools/lock.sh"),
        ".ci/run",
    )

    @pytest.mark.parametrize("tool", TOOLS)
    def test_tools_say_how_they_are_used(self, tool):
        answer = subprocess.run(
            [ROOT / tool, "--help"], cwd="/", capture_output=True, text=True, timeout=20
        )
        assert answer.returncode == 0
        assert answer.stdout.startswith(f"Usage: {tool}")

    @pytest.mark.parametrize("tool", ["tools/setup-devel.sh", "tools/run-devel.sh"])
    def test_an_unknown_option_is_refused(self, tool):
        answer = subprocess.run(
            [ROOT / tool, "--nonsense"], capture_output=True, text=True, timeout=20
        )
        assert answer.returncode == 2
        assert "--nonsense" in answer.stderr

    @pytest.fixture
    def checkout(self, tmp_path):
        """A checkout with a Python that only notes what it is asked to do."""
        for name in ("tools", "patchwork/migrations", "patchwork/fixtures"):
            shutil.copytree(ROOT / name, tmp_path / name)
        for name in ("pyproject.toml", "requirements-dev.lock"):
            shutil.copy(ROOT / name, tmp_path)
        python = tmp_path / "venv" / "bin" / "python"
        python.parent.mkdir(parents=True)
        python.write_text(
            "#!/bin/sh\n"
            'echo "$*" >> asked\n'
            'case "$*" in\n'
            "*migrate*) echo rows > patchwork.sqlite3 ;;\n"
            "*shell*) echo False False ;;\n"
            "esac\n"
        )
        python.chmod(0o755)
        return tmp_path

    def asked_by_setup(self, checkout, *arguments):
        """What the Python of venv/ was asked to do."""
        asked = checkout / "asked"
        asked.write_text("")
        environment = {
            name: value
            for name, value in os.environ.items()
            if name != "DATABASE_URL" and not name.startswith("PW_")
        }
        subprocess.run(
            [checkout / "tools" / "setup-devel.sh", *arguments],
            env=environment,
            check=True,
            capture_output=True,
            timeout=60,
        )
        return asked.read_text()

    def test_setting_up_does_everything_once(self, checkout):
        first = self.asked_by_setup(checkout)
        assert "--require-hashes --requirement requirements-dev.lock" in first
        assert "manage.py migrate" in first
        assert "manage.py loaddata default_tags default_states" in first
        assert "manage.py demo" in first
        assert self.asked_by_setup(checkout) == ""

    def test_a_changed_dependency_is_installed(self, checkout):
        self.asked_by_setup(checkout)
        (checkout / "requirements-dev.lock").write_text("other==1\n")
        again = self.asked_by_setup(checkout)
        assert "pip install" in again
        assert "manage.py" not in again

    def test_a_new_migration_is_applied_and_a_lost_database_made_again(self, checkout):
        self.asked_by_setup(checkout)
        (checkout / "patchwork" / "migrations" / "9999_more.py").write_text("# more\n")
        assert "manage.py migrate" in self.asked_by_setup(checkout)
        assert self.asked_by_setup(checkout) == ""
        (checkout / "patchwork.sqlite3").unlink()
        assert "manage.py migrate" in self.asked_by_setup(checkout)

    def test_the_tests_need_no_database(self, checkout):
        assert "manage.py" not in self.asked_by_setup(checkout, "--venv-only")

    @pytest.mark.parametrize(
        ("name", "node"),
        [
            ("patchwork.tests", "patchwork/tests"),
            ("patchwork.tests.mail", "patchwork/tests/mail"),
            ("patchwork.tests.test_house", "patchwork/tests/test_house.py"),
            (
                "patchwork.tests.test_house.TestTools",
                "patchwork/tests/test_house.py::TestTools",
            ),
            (
                "patchwork.tests.test_house.TestTools.test_dotted_names",
                "patchwork/tests/test_house.py::TestTools::test_dotted_names",
            ),
            ("patchwork/tests/mail", "patchwork/tests/mail"),
            ("patchwork/tests/test_house.py", "patchwork/tests/test_house.py"),
            ("--numprocesses=2", "--numprocesses=2"),
            ("not browser", "not browser"),
            ("nothing.of.ours", "nothing.of.ours"),
        ],
    )
    def test_dotted_names(self, name, node):
        assert node_id(name) == node

    def test_manage_test_passes_its_options_on(self):
        runner = PytestRunner(verbosity=2, failfast=True, keepdb=True, parallel=2)
        assert runner.arguments(["patchwork.tests.mail"]) == [
            *("patchwork/tests/mail", "-v", "--exitfirst", "--reuse-db", "--numprocesses=2")
        ]
        assert PytestRunner().arguments([]) == []

    def test_manage_test_runs_the_named_test(self):
        answer = subprocess.run(
            [
                *(sys.executable, ROOT / "manage.py", "test"),
                "patchwork.tests.test_house.TestSources.test_the_licence_is_the_whole_text",
            ],
            cwd="/",
            env={**os.environ, "DJANGO_SETTINGS_MODULE": "patchwork.settings.dev"},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert answer.returncode == 0, answer.stdout + answer.stderr
        assert "1 passed" in answer.stdout


class TestStarting:
    """What happens before there are settings, and before there is Django."""

    @pytest.fixture
    def bare(self, tmp_path):
        """A checkout without production.py, and an environment that says nothing."""
        shutil.copy(ROOT / "manage.py", tmp_path)
        shutil.copytree(
            ROOT / "patchwork",
            tmp_path / "patchwork",
            ignore=shutil.ignore_patterns("tests", "production.py", "__pycache__"),
        )
        return tmp_path

    def run(self, directory, *command, **kwargs):
        return subprocess.run(
            [sys.executable, *command],
            cwd=directory,
            env={"PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            timeout=60,
            **kwargs,
        )

    def test_missing_settings_are_a_message_that_helps(self, bare):
        answer = self.run(bare, "manage.py", "migrate")
        assert answer.returncode == 1
        assert "cp patchwork/settings/production.example.py" in answer.stderr
        assert "export DJANGO_SETTINGS_MODULE=patchwork.settings.dev" in answer.stderr
        assert "Traceback" not in answer.stderr

    @pytest.mark.parametrize("module", ["patchwork.wsgi", "patchwork.asgi"])
    def test_servers_say_the_same(self, bare, module):
        answer = self.run(bare, "-c", f"import {module}")
        assert answer.returncode == 3
        assert "cp patchwork/settings/production.example.py" in answer.stderr
        assert "Traceback" not in answer.stderr

    def test_a_mail_is_to_be_tried_again(self, bare):
        answer = self.run(bare, "manage.py", "parsemail", input="Subject: kept by the MTA\n\n")
        assert answer.returncode == 75
        assert "production.example.py" in answer.stderr

    def test_the_example_makes_a_working_installation(self, bare):
        settings = bare / "patchwork" / "settings"
        shutil.copy(settings / "production.example.py", settings / "production.py")
        (settings / "production.py").open("a").write(
            f'SECRET_KEY = "{"x1" * 30}"\n'
            f'DATABASES = {{"default": from_url("sqlite:///{bare}/a.sqlite3")}}\n'
        )
        answer = self.run(bare, "manage.py", "check", "--deploy", "--database", "default")
        assert answer.returncode == 0, answer.stderr

    def test_handing_over_does_not_load_django(self):
        loaded = self.run(
            ROOT,
            "-c",
            "import sys, patchwork.ingest.handover\n"
            "print([name for name in sys.modules if name.partition('.')[0] == 'django'])",
        )
        assert loaded.stdout.strip() == "[]", loaded.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built from a copy of what is tracked, so that the checkout stays as it is."""
    source = tmp_path_factory.mktemp("source")
    for path in tracked():
        copy = source / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    target = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"),
            *("--no-build-isolation", "--wheel-dir", target, source),
        ],
        check=True,
        timeout=120,
    )
    (built,) = target.glob("*.whl")
    return built


@pytest.mark.slow
class TestWheel:
    def test_the_wheel_ships_everything_that_is_not_python(self, wheel):
        shipped = set(zipfile.ZipFile(wheel).namelist())
        package = ROOT / "patchwork"
        wanted = {
            str(path.relative_to(ROOT))
            for path in tracked()
            if package in path.parents
            and path.relative_to(package).parts[0]
            in ("bin", "fixtures", "migrations", "settings", "static", "templates")
        }
        assert any(name.startswith("patchwork/fixtures/") for name in wanted)
        assert wanted - shipped == set()
        assert any(name.endswith("licenses/COPYING") for name in shipped)

    def test_an_installed_wheel_works(self, wheel, tmp_path):
        zipfile.ZipFile(wheel).extractall(tmp_path)
        answer = subprocess.run(
            [sys.executable, "-m", "django", "check", "--settings=patchwork.settings.dev"],
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert answer.returncode == 0, answer.stderr

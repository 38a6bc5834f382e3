"""Translations: collected from the sources, checked, converted and compiled.

People translate `locale/zh_Hans` alone. Traditional Chinese is converted from it, and neither the conversion nor the
compiled catalogs are kept in the repository.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polib
from opencc import OpenCC

ROOT = Path(__file__).resolve().parents[2]
LOCALE = ROOT / "locale"
DOMAINS = {"django": "html,py,txt", "djangojs": "js"}
IGNORED = ("node_modules", "var", ".venv", "tests", "bench", "build")
_METADATA = {
    "Project-Id-Version": "Tideline",
    "Language": "zh_Hans",
    "MIME-Version": "1.0",
    "Content-Type": "text/plain; charset=UTF-8",
    "Content-Transfer-Encoding": "8bit",
    "Plural-Forms": "nplurals=1; plural=0;",
}
_PLACEHOLDER = re.compile(r"%(?:\(\w+\))?[sdf]|\{\w*\}")
# makemessages reads the settings but opens no connection.
_SETTINGS = {
    "SECRET_KEY": "unused",
    "ENCRYPTION_KEYS": "unused",
    "DATABASE_URL": "postgresql://unused/unused",
    "REDIS_URL": "redis://unused/0",
}


def compile_all() -> None:
    """Write the catalogs that Django reads, for simplified and traditional Chinese."""
    convert = OpenCC("s2twp").convert
    for source in sorted((LOCALE / "zh_Hans" / "LC_MESSAGES").glob("*.po")):
        catalog = polib.pofile(str(source))
        catalog.save_as_mofile(str(source.with_suffix(".mo")))
        for entry in catalog:
            entry.msgstr = convert(entry.msgstr)
            entry.msgstr_plural = {index: convert(text) for index, text in entry.msgstr_plural.items()}
        catalog.metadata["Language"] = "zh_Hant"
        target = LOCALE / "zh_Hant" / "LC_MESSAGES" / source.name
        target.parent.mkdir(parents=True, exist_ok=True)
        catalog.save(str(target))
        catalog.save_as_mofile(str(target.with_suffix(".mo")))


def extract() -> None:
    """Bring `locale/zh_Hans` up to date with the texts in the sources. Needs GNU gettext."""
    LOCALE.mkdir(exist_ok=True)
    for domain, extensions in DOMAINS.items():
        command = [
            sys.executable,
            "manage.py",
            "makemessages",
            "-l",
            "zh_Hans",
            "-d",
            domain,
            "-e",
            extensions,
        ]
        command += ["--no-obsolete", "--no-wrap", "--add-location", "file", "-v", "0"]
        command += [argument for folder in IGNORED for argument in ("-i", folder)]
        subprocess.run(command, cwd=ROOT, check=True, env={**_SETTINGS, **os.environ})
        path = _catalog(domain)
        if path.exists():
            catalog = polib.pofile(str(path), wrapwidth=0)
            # No dates: they alone would make every run a change.
            catalog.header = ""
            catalog.metadata = _METADATA
            catalog.metadata_is_fuzzy = False
            catalog.save(str(path))


def problems(*, complete: bool = False) -> list[str]:
    """What keeps the Simplified Chinese catalog from being right and up to date.

    Texts without a translation show in English: how many there are is printed, or with `complete` each is a problem.
    """
    found = []
    missing = 0
    for domain in DOMAINS:
        path = _catalog(domain)
        catalog = polib.pofile(str(path)) if path.exists() else polib.POFile()
        for entry in catalog:
            if not entry.translated():
                missing += 1
                found += [f"{path.name}: no translation of {entry.msgid!r}"] if complete else []
            elif not entry.msgid_plural and _placeholders(entry.msgid) != _placeholders(entry.msgstr):
                found.append(f"{path.name}: other placeholders than in {entry.msgid!r}")
            elif domain == "django" and not all(
                map(is_filled, (entry.msgstr, *entry.msgstr_plural.values()))
            ):
                found.append(f"{path.name}: a per cent sign that must be doubled, for {entry.msgid!r}")
    if missing:
        print(f"{missing} texts have no Chinese translation yet")
    if not shutil.which("xgettext"):
        # A person without gettext can still run the tests; continuous integration has to notice.
        note = "GNU gettext is not installed: not checked whether the catalogs are up to date"
        if os.environ.get("CI"):
            found.append(note)
        else:
            print(note)
        return found
    kept = {domain: _texts(domain) for domain in DOMAINS}
    with _undone():
        extract()
        for domain, before in kept.items():
            for _, text in sorted(_texts(domain) ^ before):
                found.append(f"{domain}.po is out of date for {text!r}; run script/messages")
    return found


def _catalog(domain: str) -> Path:
    return LOCALE / "zh_Hans" / "LC_MESSAGES" / f"{domain}.po"


def _texts(domain: str) -> set[tuple[str, str]]:
    path = _catalog(domain)
    return (
        {(entry.msgctxt or "", entry.msgid) for entry in polib.pofile(str(path))} if path.exists() else set()
    )


def is_filled(text: str) -> bool:
    """Whether a text with named placeholders can be filled in: a single per cent sign in it is an error."""
    if "%(" not in text:
        return True
    try:
        text % dict.fromkeys(re.findall(r"%\((\w+)\)", text), 0)
    except (TypeError, ValueError):
        return False
    return True


def _placeholders(text: str) -> list[str]:
    return sorted(_PLACEHOLDER.findall(text))


@contextmanager
def _undone() -> Iterator[None]:
    """Put the catalogs back as they were when the block ends: a check changes nothing."""
    kept = {path: (path.read_bytes(), path.stat()) for path in map(_catalog, DOMAINS) if path.exists()}
    try:
        yield
    finally:
        for path in map(_catalog, DOMAINS):
            if path in kept:
                content, before = kept[path]
                path.write_bytes(content)
                os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
            else:
                path.unlink(missing_ok=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m cdp.runtime.translations")
    parser.add_argument("action", choices=("compile", "extract", "check"))
    parser.add_argument(
        "--complete", action="store_true", help="check: a missing translation is a problem, too"
    )
    arguments = parser.parse_args()
    action = arguments.action
    if action == "check":
        found = problems(complete=arguments.complete)
        print("\n".join(found))
        return 1 if found else 0
    {"compile": compile_all, "extract": extract}[action]()
    return 0


if __name__ == "__main__":
    sys.exit(main())

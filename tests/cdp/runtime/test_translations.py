"""Catalogs are converted and compiled, and gaps in them are found."""

from __future__ import annotations

import gettext
import re
from pathlib import Path

import polib
import pytest

from cdp.runtime import translations


@pytest.fixture
def catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(translations, "LOCALE", tmp_path)
    monkeypatch.setattr(translations.shutil, "which", lambda name: name)
    path = tmp_path / "zh_Hans" / "LC_MESSAGES" / "django.po"
    path.parent.mkdir(parents=True)
    entries = polib.POFile()
    entries.metadata = {"Content-Type": "text/plain; charset=UTF-8", "Language": "zh_Hans"}
    entries.append(polib.POEntry(msgid="%(count)s audiences", msgstr="%(count)s 个人群"))
    entries.save(str(path))
    return path


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("占比 %(share)s（%）", False),
        ("占比 %(share)s（%%）", True),
        ("%(a)d 与 %(b)s", True),
        ("100 %", True),
    ],
)
def test_a_single_per_cent_sign_beside_a_placeholder_is_found(text: str, filled: bool) -> None:
    assert translations.is_filled(text) is filled


def test_traditional_chinese_is_made_of_simplified(catalog: Path, tmp_path: Path) -> None:
    translations.compile_all()
    with (tmp_path / "zh_Hant" / "LC_MESSAGES" / "django.mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    assert compiled.gettext("%(count)s audiences") == "%(count)s 個人群"


def test_a_missing_translation_is_counted_and_named_when_all_are_asked_for(
    catalog: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(translations, "extract", lambda: None)
    entries = polib.pofile(str(catalog))
    entries.append(polib.POEntry(msgid="Audience", msgstr=""))
    entries.save()
    assert translations.problems() == []
    assert "1 texts have no Chinese" in capsys.readouterr().out
    assert translations.problems(complete=True) == ["django.po: no translation of 'Audience'"]


def test_a_lost_placeholder_is_found(catalog: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(translations, "extract", lambda: None)
    entries = polib.pofile(str(catalog))
    entries[0].msgstr = "个人群"
    entries.save()
    assert translations.problems() == ["django.po: other placeholders than in '%(count)s audiences'"]


def test_a_text_that_was_not_collected_is_found(catalog: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def collect() -> None:
        entries = polib.pofile(str(catalog))
        entries.append(polib.POEntry(msgid="Send-out", msgstr=""))
        entries.save()

    monkeypatch.setattr(translations, "extract", collect)
    before = catalog.read_bytes()
    assert translations.problems() == ["django.po is out of date for 'Send-out'; run script/messages"]
    assert catalog.read_bytes() == before


def test_texts_are_marked_by_names_that_are_collected() -> None:
    alias = re.compile(r"\bn?p?gettext(?:_lazy|_noop)? as (?!_\b)\w+")
    folders = ("admin_center", "cdp", "insight", "marketing")
    sources = [path for name in folders for path in (translations.ROOT / name).rglob("*.py")]
    assert len(sources) > 100
    assert [str(path) for path in sources if alias.search(path.read_text("utf-8"))] == []

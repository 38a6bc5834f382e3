"""Codes of links and of people."""

from __future__ import annotations

import random
from itertools import pairwise

from marketing.links import codes

KEY = codes.new_key()
CHANCE = random.Random(7)


def mobiles(count: int) -> list[str]:
    return [f"1{number:010d}" for number in CHANCE.sample(range(10**10), count)]


def test_codes_of_numbers_never_collide_and_lead_back_to_them() -> None:
    chosen = [*mobiles(50_000), "10000000000", "19999999999"]
    made = [codes.person_code(KEY, mobile) for mobile in chosen]
    assert len(set(made)) == len(chosen)
    assert {len(code or "") for code in made} == {codes.PERSON_LENGTH}
    assert [codes.mobile_of(KEY, code or "") for code in made] == chosen


def test_neighbours_have_codes_that_have_nothing_in_common() -> None:
    first, second = (codes.person_code(KEY, f"1380013800{digit}") or "" for digit in (0, 1))
    assert sum(a == b for a, b in zip(first, second, strict=True)) <= 4


def test_a_code_says_nothing_under_another_key() -> None:
    for mobile in mobiles(1000):
        code = codes.person_code(KEY, mobile)
        assert codes.mobile_of(codes.new_key(), code or "") != mobile


def test_made_up_codes_name_nobody() -> None:
    made_up = ("".join(CHANCE.choices(codes.ALPHABET, k=codes.PERSON_LENGTH)) for _try in range(20_000))
    assert not [code for code in made_up if codes.mobile_of(KEY, code)]


def test_a_code_with_one_other_character_names_nobody() -> None:
    code = codes.person_code(KEY, "13800138000") or ""
    for place in range(len(code)):
        for other in codes.ALPHABET.replace(code[place], ""):
            assert codes.mobile_of(KEY, code[:place] + other + code[place + 1 :]) is None


def test_what_is_no_code_names_nobody() -> None:
    for code in ("", "abc", "a" * 11, "äääääääääa", "0000 00000", "٣٣٣٣٣٣٣٣٣٣"):
        assert codes.mobile_of(KEY, code) is None


def test_numbers_are_normalised_and_others_have_no_code() -> None:
    assert codes.person_code(KEY, "+86 138-0013-8000") == codes.person_code(KEY, "13800138000")
    assert codes.person_code(KEY, "23800138000") is None
    assert codes.person_code(KEY, "") is None


def test_codes_of_links_are_six_letters_and_digits_without_order() -> None:
    made = {codes.new_code() for _code in range(10_000)}
    assert len(made) == 10_000
    assert all(len(code) == 6 and set(code) <= set(codes.ALPHABET) for code in made)
    assert {character for code in made for character in code} == set(codes.ALPHABET)


def short(key: str, mobile: str) -> str:
    return codes.person_code(key, mobile, codes.PARAMETER_LENGTH) or ""


def test_short_codes_of_a_million_numbers_never_collide_and_lead_back() -> None:
    chosen = ["10000000000", "19999999999", *mobiles(1_000_000)]
    made = [short(KEY, mobile) for mobile in chosen]
    assert len(set(made)) == len(chosen)
    assert all(len(code) == 6 and set(code) <= set(codes.ALPHABET) for code in made)
    assert [codes.mobile_of(KEY, code, codes.PARAMETER_LENGTH) for code in made[:50_000]] == chosen[:50_000]


def test_every_neighbourhood_of_numbers_has_short_codes_without_order() -> None:
    made = [short(KEY, f"1380013{number:04d}") for number in range(10_000)]
    assert len(set(made)) == 10_000 and made != sorted(made)
    same = [sum(a == b for a, b in zip(one, two, strict=True)) for one, two in pairwise(made)]
    assert sum(same) / len(same) < 0.3


def test_a_short_code_says_nothing_under_another_key() -> None:
    other = codes.new_key()
    wrong = [codes.mobile_of(other, short(KEY, mobile), 6) == mobile for mobile in mobiles(5_000)]
    assert not any(wrong)


def test_a_short_code_is_no_long_one() -> None:
    assert codes.mobile_of(KEY, short(KEY, "13800138000")) is None

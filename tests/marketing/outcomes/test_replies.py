"""Replies are events of the people who wrote them."""

from __future__ import annotations

from collections import Counter

from marketing.delivery.models import SendOut
from marketing.outcomes import writing
from marketing.replies import services
from marketing.replies.models import InboundMessage
from tests.marketing.delivery.shop import Shop
from tests.marketing.outcomes.recount import ids_in_lake, in_lake, of_ledger
from tests.marketing.replies.test_replies import ANN, again, reply, sent


def test_a_reply_that_unsubscribes_is_both(sms_shop: Shop) -> None:
    send_out = sent(sms_shop)
    reply(send_out, "T")
    reply(send_out, "Thanks", number=2)
    reply(send_out, "Thanks", number=2)
    writing.write_all(sms_shop.workspace)
    assert in_lake(sms_shop.workspace) == of_ledger(send_out)
    of_ann = Counter(row[1] for row in in_lake(sms_shop.workspace) if row[0] == "u000000")
    assert (of_ann["replied"], of_ann["unsubscribed"]) == (2, 1)


def test_a_reply_to_nothing_is_an_event_of_the_number_once(sms_shop: Shop) -> None:
    send_out = sent(sms_shop)
    reply(send_out, "Who are you?", "13900139000")
    for _run in range(2):
        writing.write_all(sms_shop.workspace, whole=True)
    found = in_lake(sms_shop.workspace, id_type="mobile")
    assert [(row[0], row[1]) for row in found] == [("13900139000", "replied")]


def test_a_reply_stays_one_event_where_its_send_out_is_removed(sms_shop: Shop) -> None:
    send_out = sent(sms_shop)
    reply(send_out, "Thanks")
    writing.write_all(sms_shop.workspace)
    before = ids_in_lake(sms_shop.workspace)
    send_out.delete()
    assert InboundMessage.objects.get().send_out is None
    writing.write_all(sms_shop.workspace, whole=True)
    assert ids_in_lake(sms_shop.workspace) == before


def test_people_who_are_answered_are_known_as_in_what_they_replied_to(sms_shop: Shop) -> None:
    first = sent(sms_shop)
    message = reply(first, "Where?", ANN)
    answer = again(sms_shop, first, "Thanks").template
    [made] = services.answer(sms_shop.access, [message], answer)
    sms_shop.run_jobs()
    writing.write_all(sms_shop.workspace)
    made = SendOut.objects.get(pk=made.pk)
    found = [row for row in in_lake(sms_shop.workspace, id_type="one_id") if row[3] == made.pk]
    assert found == of_ledger(made) and {row[0] for row in found} == {"u000000"}

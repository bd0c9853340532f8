"""The scenes of the demo, in order."""

from __future__ import annotations

import asyncio
import html
import re
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import quote

from knockapi import APIConnectionError, APIStatusError, AsyncKnock
from knockapi.types import Message, MessageDeliveryLog
from knockapi.types.users import FeedListItemsResponse

from commands.demo.mail import find_mail, mails_to, text_of
from commands.demo.screen import Screen, clock_time
from commands.demo.stage import PATIENCE_SECONDS, DemoFailed, Stage, until
from commands.demo.story import ENVIRONMENT, WORKFLOW, RunStory, find_run, seconds_left
from commands.dev.client import DevStack

_DOMAIN = "example.com"
# How long after its instant the cancelled e-mail is still looked for.
_SILENCE_SECONDS = 1.0
_TAG = re.compile(r"<[^>]+>")


async def play(stack: DevStack) -> None:
    """Play the demo against a running stack.

    Raises:
        DemoFailed: something did not happen; the message says what.
    """
    keys = stack.environments[ENVIRONMENT]
    if not (keys.secret_key and keys.public_key):
        raise DemoFailed(f"The demo needs the seeded keys. {' '.join(stack.warnings)}")
    try:
        async with (
            AsyncKnock(api_key=keys.secret_key, base_url=stack.api_url) as server,
            AsyncKnock(api_key=keys.public_key, base_url=stack.api_url) as browser,
        ):
            await _scenes(Stage(stack, Screen(), server, browser))
    except APIConnectionError as error:
        raise DemoFailed(f"The API at {stack.api_url} does not answer ({error}).") from error
    except APIStatusError as error:
        request = f"{error.request.method} {error.request.url.path}"
        raise DemoFailed(f"{request} was answered {error.status_code}: {error.message}") from error


async def _scenes(stage: Stage) -> None:
    stage.screen.aside(f"API {stage.stack.api_url}, environment {ENVIRONMENT}; times are UTC")
    await _identify(stage)
    welcome = await _trigger(stage)
    # On a machine that is very busy the delay may be over before anybody looks.
    run = await welcome.follow("paused", "completed")
    due, left = seconds_left(run)
    stage.screen.say(f"The run is {run.status}: resumes at {clock_time(due)}, in {left:.1f} s")
    await _look_at_feed(stage)
    cancelled = await _cancel(stage)
    stage.screen.title(f"5. The story of {stage.ada} goes on")
    await welcome.follow("completed")
    await _show_email(stage, welcome)
    await _show_silence(stage, cancelled)
    _show_temporal(stage, welcome)


async def _identify(stage: Stage) -> None:
    stage.screen.title("1. Identify two users")
    for user_id, name in ((stage.ada, "Ada Lovelace"), (stage.grace, "Grace Hopper")):
        address = f"{user_id}@{_DOMAIN}"
        user = await stage.server.users.update(user_id, name=name, email=address)
        stage.screen.say(f"{user.id:<14} {user.name}, {user.email}")


async def _trigger(stage: Stage) -> RunStory:
    stage.screen.title(f"2. Trigger the workflow `{WORKFLOW}`: in the app, a delay, an e-mail")
    answer = await stage.server.workflows.trigger(
        WORKFLOW, recipients=[stage.ada], data={"workspace": "Analytical Engine"}
    )
    stage.screen.say(f"Accepted as workflow run {answer.workflow_run_id}")
    return await find_run(stage, answer.workflow_run_id, stage.ada)


async def _look_at_feed(stage: Stage) -> None:
    stage.screen.title(f"3. What the browser of {stage.ada} gets, with the public key")
    item = await until(lambda: _only_item(stage), what="The message did not reach the feed")
    for block in item.blocks:
        rendered = getattr(block, "rendered", "")
        stage.screen.fact(getattr(block, "name", ""), html.unescape(_TAG.sub("", rendered)).strip())
    await _expect_badge(stage, "at first", unseen=1, unread=1)
    await stage.browser.messages.mark_as_seen(item.id)
    await _expect_badge(stage, "after seen", unseen=0, unread=1)
    await stage.browser.messages.mark_as_read(item.id)
    await _expect_badge(stage, "after read", unseen=0, unread=0)


async def _only_item(stage: Stage) -> FeedListItemsResponse | None:
    channel = stage.stack.channels["in_app_feed"].id
    feed = await stage.browser.users.feeds.list_items(stage.ada, channel)
    return feed.entries[0] if feed.entries else None


async def _expect_badge(stage: Stage, when: str, *, unseen: int, unread: int) -> None:
    channel = stage.stack.channels["in_app_feed"].id
    feed = await stage.browser.users.feeds.list_items(stage.ada, channel)
    # The SDK's page keeps what it does not name.
    meta = (feed.model_extra or {}).get("meta", {})
    stage.screen.fact(
        f"badge {when}", "unseen {unseen_count}, unread {unread_count}".format(**meta)
    )
    if (meta["unseen_count"], meta["unread_count"]) != (unseen, unread):
        raise DemoFailed(f"The badge should show {unseen} unseen and {unread} unread {when}.")


async def _cancel(stage: Stage) -> RunStory:
    stage.screen.title(f"4. Trigger it for {stage.grace} too, and change your mind")
    key = f"welcome-{stage.grace}"
    answer = await stage.server.workflows.trigger(
        WORKFLOW, recipients=[stage.grace], cancellation_key=key
    )
    run = await find_run(stage, answer.workflow_run_id, stage.grace)
    await run.follow("paused")
    await stage.server.workflows.cancel(WORKFLOW, cancellation_key=key)
    cancelled = await run.follow("cancelled")
    stage.screen.say(f"The run is {cancelled.status}; its e-mail must not come")
    return run


async def _show_email(stage: Stage, story: RunStory) -> None:
    message = await until(
        lambda: _message_with(stage, story, ("sent", "delivered")), what="The e-mail was not sent"
    )
    logs = await stage.server.messages.list_delivery_logs(message.id)
    if not logs.items:
        raise DemoFailed(f"The message {message.id} has no delivery log.")
    stage.screen.title("6. The e-mail, as the SMTP server received it")
    await _show_received(stage, message, logs.items[-1])
    stage.screen.title("7. What the API keeps about it")
    stage.screen.fact("message", f"{message.id}, {message.status}")
    await _show_events(stage, message)
    for log in logs.items:
        _show_log(stage, log)


async def _message_with(stage: Stage, story: RunStory, statuses: tuple[str, ...]) -> Message | None:
    """Return the e-mail of a run once it has one of the statuses."""
    page = await stage.server.messages.list(workflow_recipient_run_id=story.run_id)
    for message in page.items:
        if _kind(message) == "email":
            if message.status in ("undelivered", "bounced", "not_sent"):
                raise DemoFailed(f"The e-mail {message.id} is {message.status}.")
            return message if message.status in statuses else None
    return None


def _kind(message: Message) -> str:
    return message.channel.type if message.channel is not None else ""


async def _show_received(stage: Stage, message: Message, log: MessageDeliveryLog) -> None:
    if log.request.host != stage.stack.smtp_address:
        stage.screen.say(f"It went to {log.request.host}: CARILLON_SMTP_URL names that server.")
        return
    folder = Path(stage.stack.mail_dir)
    message_id = str((message.metadata or {})["external_id"])

    async def look() -> EmailMessage | None:
        return await asyncio.to_thread(find_mail, folder, message_id)

    mail = await until(look, what=f"The e-mail {message_id} did not come to {folder}")
    for name in ("From", "To", "Subject", "Message-ID", "Content-Type"):
        stage.screen.fact(f"{name}:", str(mail[name]).split(";")[0])
    stage.screen.quote(text_of(mail))


async def _show_events(stage: Stage, message: Message) -> None:
    events = await stage.server.messages.list_events(message.id)
    for event in reversed(events.items):
        stage.screen.fact("event", f"{clock_time(event.inserted_at)}  {event.type}")


def _show_log(stage: Stage, log: MessageDeliveryLog) -> None:
    request, response = log.request, log.response
    stage.screen.fact("delivery attempt", f"{log.service_name} {request.host}  {request.path}")
    stage.screen.fact("answer", f"{response.status} {response.body}")


async def _show_silence(stage: Stage, story: RunStory) -> None:
    stage.screen.title(f"8. Nothing for {stage.grace} but what came before the cancel")
    run = await story.follow("cancelled", silently=True)
    _, left = seconds_left(run)
    await asyncio.sleep(min(max(left + _SILENCE_SECONDS, 0.0), PATIENCE_SECONDS))
    page = await stage.server.messages.list(workflow_recipient_run_id=story.run_id)
    kinds = [_kind(message) for message in page.items]
    count = mails_to(Path(stage.stack.mail_dir), f"{stage.grace}@{_DOMAIN}")
    stage.screen.fact("messages", ", ".join(kinds))
    stage.screen.fact("e-mails received", count)
    if kinds != ["in_app_feed"] or count:
        raise DemoFailed(f"The cancelled run {story.run_id} sent something.")


def _show_temporal(stage: Stage, story: RunStory) -> None:
    stage.screen.title("9. The same run as an operator sees it in the Temporal UI")
    stage.screen.fact("Temporal workflow", story.temporal_id)
    if stage.stack.temporal_ui_url is not None:
        place = f"/namespaces/{stage.stack.temporal_namespace}/workflows/"
        stage.screen.say(f"{stage.stack.temporal_ui_url}{place}{quote(story.temporal_id, safe='')}")

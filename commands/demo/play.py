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
    screen, server = stage.screen, stage.server
    screen.aside(f"API {stage.stack.api_url}, environment {ENVIRONMENT}; times are UTC")

    screen.title("1. Identify two users")
    for user_id, name in ((stage.ada, "Ada Lovelace"), (stage.grace, "Grace Hopper")):
        user = await server.users.update(user_id, name=name, email=f"{user_id}@{_DOMAIN}")
        screen.say(f"{user.id:<14} {user.name}, {user.email}")

    screen.title(f"2. Trigger the workflow `{WORKFLOW}`: in the app, a delay, an e-mail")
    answer = await server.workflows.trigger(
        WORKFLOW, recipients=[stage.ada], data={"workspace": "Analytical Engine"}
    )
    screen.say(f"Accepted as workflow run {answer.workflow_run_id}")
    welcome = await find_run(stage, answer.workflow_run_id, stage.ada)
    # On a machine that is very busy the delay may be over before anybody looks.
    run = await welcome.follow("paused", "completed")
    due, left = seconds_left(run)
    screen.say(f"The run is {run.status}: resumes at {clock_time(due)}, in {left:.1f} s")

    await _look_at_feed(stage)

    screen.title(f"4. Trigger it for {stage.grace} too, and change your mind")
    key = f"welcome-{stage.grace}"
    answer = await server.workflows.trigger(
        WORKFLOW, recipients=[stage.grace], cancellation_key=key
    )
    unwanted = await find_run(stage, answer.workflow_run_id, stage.grace)
    await unwanted.follow("paused")
    await server.workflows.cancel(WORKFLOW, cancellation_key=key)
    cancelled = await unwanted.follow("cancelled")
    screen.say(f"The run is {cancelled.status}; its e-mail must not come")

    screen.title(f"5. The story of {stage.ada} goes on")
    await welcome.follow("completed")
    await _show_email(stage, welcome)
    await _show_silence(stage, unwanted)

    screen.title("9. The same run as an operator sees it in the Temporal UI")
    screen.fact("Temporal workflow", welcome.temporal_id)
    if stage.stack.temporal_ui_url is not None:
        place = f"/namespaces/{stage.stack.temporal_namespace}/workflows/"
        screen.say(f"{stage.stack.temporal_ui_url}{place}{quote(welcome.temporal_id, safe='')}")


async def _look_at_feed(stage: Stage) -> None:
    stage.screen.title(f"3. What the browser of {stage.ada} gets, with the public key")

    async def only_item() -> FeedListItemsResponse | None:
        channel = stage.stack.channels["in_app_feed"].id
        feed = await stage.browser.users.feeds.list_items(stage.ada, channel)
        return feed.entries[0] if feed.entries else None

    item = await until(only_item, what="The message did not reach the feed")
    for block in item.blocks:
        rendered = getattr(block, "rendered", "")
        stage.screen.fact(getattr(block, "name", ""), html.unescape(_TAG.sub("", rendered)).strip())
    await _expect_badge(stage, "at first", unseen=1, unread=1)
    await stage.browser.messages.mark_as_seen(item.id)
    await _expect_badge(stage, "after seen", unseen=0, unread=1)
    await stage.browser.messages.mark_as_read(item.id)
    await _expect_badge(stage, "after read", unseen=0, unread=0)


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


async def _show_email(stage: Stage, story: RunStory) -> None:
    async def sent_message() -> Message | None:
        page = await stage.server.messages.list(workflow_recipient_run_id=story.run_id)
        for message in page.items:
            if _kind(message) == "email":
                if message.status in ("undelivered", "bounced", "not_sent"):
                    raise DemoFailed(f"The e-mail {message.id} is {message.status}.")
                return message if message.status in ("sent", "delivered") else None
        return None

    message = await until(sent_message, what="The e-mail was not sent")
    logs = await stage.server.messages.list_delivery_logs(message.id)
    if not logs.items:
        raise DemoFailed(f"The message {message.id} has no delivery log.")
    stage.screen.title("6. The e-mail, as the SMTP server received it")
    await _show_received(stage, message, logs.items[-1])
    stage.screen.title("7. What the API keeps about it")
    stage.screen.fact("message", f"{message.id}, {message.status}")
    events = await stage.server.messages.list_events(message.id)
    for event in reversed(events.items):
        stage.screen.fact("event", f"{clock_time(event.inserted_at)}  {event.type}")
    for log in logs.items:
        request, response = log.request, log.response
        stage.screen.fact("delivery attempt", f"{log.service_name} {request.host}  {request.path}")
        stage.screen.fact("answer", f"{response.status} {response.body}")


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

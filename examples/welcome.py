"""Welcome a new user: in the app at once, by e-mail five seconds later.

    export KNOCK_BASE_URL=http://127.0.0.1:8000 KNOCK_API_KEY=sk_…
    python examples/welcome.py

The SDK is Knock's own (`pip install knockapi`); base URL and key are all it has to be told.
"""

from __future__ import annotations

import time

from knockapi import Knock


def main() -> None:
    """Trigger the sample workflow and read back what it sent."""
    knock = Knock()
    answer = knock.workflows.trigger(
        "welcome",
        # An inline recipient is identified on the way: made when new, merged when known.
        recipients=[{"id": "example-ada", "name": "Ada", "email": "ada@example.com"}],
        data={"workspace": "Analytical Engine"},
    )
    print("workflow run", answer.workflow_run_id)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        messages = list(knock.messages.list(workflow_run_id=answer.workflow_run_id))
        if {message.status for message in messages} == {"sent", "delivered"}:
            break
        time.sleep(0.5)
    else:
        raise SystemExit("The e-mail was not sent within 30 s.")
    for message in messages:
        print(message.channel.type if message.channel else "?", message.status, message.id)


if __name__ == "__main__":
    main()

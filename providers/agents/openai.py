"""OpenAI's chat completions API, and the many that speak like it."""

from __future__ import annotations

import httpx

from domain.kit.json_types import JsonObject, JsonValue
from providers.agents.base import Question, Reply, entries, members


class OpenAi:
    """Asks GPT, or another model behind the same API."""

    base_url = "https://api.openai.com/v1"
    can_search = False

    def build_request(self, base_url: str, api_key: str, question: Question) -> httpx.Request:
        """Write the request."""
        body: JsonObject = {
            "model": question.model,
            "messages": [{"role": "user", "content": question.prompt}, *question.turns],
        }
        if question.schema is not None:
            # Not strict: that mode refuses most schemas. The answer is checked anyway.
            wanted = {"name": "answer", "schema": question.schema, "strict": False}
            body["response_format"] = {"type": "json_schema", "json_schema": wanted}
        headers = {"authorization": f"Bearer {api_key}"}
        return httpx.Request("POST", f"{base_url}/chat/completions", headers=headers, json=body)

    def read(self, body: JsonValue, question: Question) -> Reply:
        """Read the first choice."""
        choices = entries(members(body).get("choices"))
        if not choices:
            return Reply(problem="The answer has no text.")
        message, reason = members(choices[0].get("message")), choices[0].get("finish_reason")
        if message.get("refusal") or reason == "content_filter":
            return Reply(is_refusal=True)
        if reason == "length":
            return Reply(problem="The answer was too long and was cut off.")
        text = message.get("content")
        if not isinstance(text, str) or not text.strip():
            return Reply(problem="The answer has no text.")
        return Reply(text=text)

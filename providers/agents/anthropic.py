"""Anthropic's Messages API, and whoever speaks like it."""

from __future__ import annotations

import httpx

from domain.kit.json_types import JsonObject, JsonValue
from providers.agents.base import Question, Reply, entries, members

_VERSION = "2023-06-01"
_MOST_TOKENS = 8_192
_MOST_SEARCHES = 5
# The model answers in JSON by calling a tool whose input is what we want.
_TOOL = "respond"
_USE_TOOL = f"Give your final answer by calling the tool `{_TOOL}`, and not as text."


class Anthropic:
    """Asks Claude."""

    base_url = "https://api.anthropic.com"
    can_search = True

    def build_request(self, base_url: str, api_key: str, question: Question) -> httpx.Request:
        """Write the request."""
        body: JsonObject = {
            "model": question.model,
            "max_tokens": _MOST_TOKENS,
            "messages": [{"role": "user", "content": question.prompt}, *question.turns],
        }
        tools: list[JsonObject] = []
        if question.web_search:
            tools.append(
                {"type": "web_search_20250305", "name": "web_search", "max_uses": _MOST_SEARCHES}
            )
        if question.schema is not None:
            about = "Takes the answer."
            tools.append({"name": _TOOL, "description": about, "input_schema": question.schema})
            if question.web_search:
                # To force the tool would keep the model from searching before.
                body["system"] = _USE_TOOL
            else:
                body["tool_choice"] = {"type": "tool", "name": _TOOL}
        if tools:
            body["tools"] = tools
        headers = {"x-api-key": api_key, "anthropic-version": _VERSION}
        return httpx.Request("POST", f"{base_url}/v1/messages", headers=headers, json=body)

    def read(self, body: JsonValue, question: Question) -> Reply:
        """Read the answer: its tool call where JSON was wanted, else its text."""
        answer = members(body)
        content = entries(answer.get("content"))
        stop = answer.get("stop_reason")
        if stop == "refusal":
            return Reply(is_refusal=True)
        if stop == "max_tokens":
            return Reply(problem="The answer was too long and was cut off.")
        if stop == "pause_turn":
            return Reply(said={"role": "assistant", "content": answer.get("content")})
        for block in content:
            if block.get("type") == "tool_use" and block.get("name") == _TOOL:
                return Reply(value=block.get("input"))
        texts = [block.get("text") for block in content if block.get("type") == "text"]
        text = "".join(each for each in texts if isinstance(each, str))
        return Reply(text=text) if text.strip() else Reply(problem="The answer has no text.")

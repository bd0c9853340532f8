"""Requests as readers of the documents may send them, by method and path."""

from __future__ import annotations

from collections.abc import Mapping

from domain.kit.json_types import JsonObject

_GREETING: JsonObject = {
    "name": "Greeting",
    "steps": [
        {
            "ref": "in_app",
            "type": "channel",
            "channel_key": "in-app",
            "channel_type": "in_app_feed",
            "template": {"markdown_body": "Hello **{{ recipient.name }}**"},
        },
        {
            "ref": "wait",
            "type": "delay",
            "settings": {"delay_for": {"unit": "hours", "value": 1}},
        },
        {
            "ref": "email",
            "type": "channel",
            "channel_key": "smtp",
            "channel_type": "email",
            "template": {
                "subject": "Hello {{ recipient.name }}",
                "html_body": "<p>{{ data.text }}</p>",
                "settings": {"layout_key": "default"},
            },
        },
    ],
}

_FRAME: JsonObject = {
    "name": "Frame",
    "html_layout": "<html><body>{{ content }}<hr>{{ footer_links }}</body></html>",
    "text_layout": "{{ content }}",
    "footer_links": [{"text": "Settings", "url": "https://example.com/settings"}],
}

_LOOKUP: JsonObject = {
    "name": "Find an order",
    "settings": {
        "method": "get",
        "url": "https://api.example.com/orders/{{ inputs.id }}",
        "headers": [{"key": "Authorization", "value": "Bearer {{ vars.orders_token }}"}],
        "response_path": "order",
        "data_input_schema": {
            "type": "object",
            "properties": {"id": {"type": "string"}},
            "required": ["id"],
        },
        "data_input_values_str": '{"id": "A-7"}',
    },
}

_BANNER: JsonObject = {
    "name": "Welcome",
    "channel_key": "in-app-guide",
    "steps": [
        {
            "ref": "step_1",
            "schema_key": "banner",
            "schema_semver": "0.0.1",
            "schema_variant_key": "default",
            "values": {"title": "Hello {{ recipient.name }}"},
        }
    ],
    "activation_url_patterns": [{"directive": "allow", "pathname": "/home"}],
}
_SALE: JsonObject = {
    "name": "Spring sale",
    "steps": [
        {
            "type": "channel",
            "ref": "email_1",
            "channel_key": "smtp",
            "template": {"subject": "20 % off", "html_body": "<p>Until Sunday.</p>"},
        }
    ],
}
_PAYING: JsonObject = {
    "name": "Paying",
    "type": "dynamic",
    "segments": [
        {
            "conditions": [
                {"property": "recipient.plan", "operator": "equal_to", "argument": "pro"},
                {"property": "recipient.since", "operator": "exists"},
            ]
        }
    ],
}

REQUESTS: Mapping[str, Mapping[str, JsonObject]] = {
    "POST /v1/workflows/{key}/trigger": {
        "known": {
            "summary": "Known recipients",
            "value": {"recipients": ["ada"], "data": {"text": "Hi"}},
        },
        "inline": {
            "summary": "Recipients identified inline, with an actor and a cancellation key",
            "value": {
                "recipients": [{"id": "ada", "name": "Ada", "email": "ada@example.com"}],
                "actor": "grace",
                "tenant": "acme",
                "data": {"text": "Hi"},
                "cancellation_key": "greeting-1",
            },
        },
    },
    "POST /v1/workflows/{key}/cancel": {
        "one": {
            "summary": "The run of one recipient",
            "value": {"cancellation_key": "greeting-1", "recipients": ["ada"]},
        }
    },
    "PUT /v1/users/{user_id}": {
        "user": {
            "summary": "A user with a custom property",
            "value": {"name": "Ada", "email": "ada@example.com", "plan": "pro"},
        }
    },
    "PUT /v1/objects/{collection}/{object_id}": {
        "project": {
            "summary": "An object with a custom property",
            "value": {"name": "Carillon", "deadline": "2026-12-24"},
        }
    },
    "POST /v1/objects/{collection}/{object_id}/subscriptions": {
        "two": {
            "summary": "A known user, and one identified inline",
            "value": {
                "recipients": ["ada", {"id": "grace", "name": "Grace"}],
                "properties": {"role": "reviewer"},
            },
        }
    },
    "DELETE /v1/objects/{collection}/{object_id}/subscriptions": {
        "one": {"summary": "One recipient", "value": {"recipients": ["ada"]}}
    },
    "POST /v1/schedules": {
        "digest": {
            "summary": "Every second Monday, 9:30 in the time zone of each",
            "value": {
                "workflow": "greeting",
                "recipients": ["ada", {"id": "grace", "timezone": "America/New_York"}],
                "repeats": [
                    {
                        "frequency": "weekly",
                        "interval": 2,
                        "days": ["mon"],
                        "hours": 9,
                        "minutes": 30,
                    }
                ],
                "data": {"text": "Hi"},
            },
        },
        "once": {
            "summary": "Once",
            "value": {
                "workflow": "greeting",
                "recipients": ["ada"],
                "scheduled_at": "2030-01-01T09:00:00Z",
            },
        },
    },
    "POST /v1/schedules/bulk/create": {
        "two": {
            "summary": "Two schedules of different workflows",
            "value": {
                "schedules": [
                    {
                        "workflow": "greeting",
                        "recipient": "ada",
                        "repeats": [{"frequency": "daily", "hours": 9}],
                    },
                    {
                        "workflow": "reminder",
                        "recipient": {"id": "grace", "timezone": "America/New_York"},
                        "scheduled_at": "2030-01-01T09:00:00Z",
                    },
                ]
            },
        }
    },
    "POST /v1/users/bulk/preferences": {
        "no_email": {
            "summary": "No email for two users",
            "value": {
                "user_ids": ["ada", "grace"],
                "preferences": {"id": "default", "channel_types": {"email": False}},
            },
        }
    },
    "PUT /v1/schedules": {
        "end": {
            "summary": "Let a schedule end",
            "value": {
                "schedule_ids": ["01a20369-4332-72dc-a9d2-ce5e359dec18"],
                "ending_at": "2030-01-01T00:00:00Z",
            },
        }
    },
    "DELETE /v1/schedules": {
        "one": {
            "summary": "One schedule",
            "value": {"schedule_ids": ["01a20369-4332-72dc-a9d2-ce5e359dec18"]},
        }
    },
    "PUT /v1/tenants/{tenant_id}": {
        "tenant": {
            "summary": "A tenant with its colours",
            "value": {
                "name": "Acme",
                "settings": {"branding": {"primary_color": "#4663AF"}},
            },
        }
    },
    "POST /v1/audiences/{key}/members": {
        "two": {
            "summary": "A user, and a user for a tenant",
            "value": {
                "members": [
                    {"user": {"id": "ada", "name": "Ada"}},
                    {"user": {"id": "grace"}, "tenant": "acme"},
                ]
            },
        }
    },
    "DELETE /v1/audiences/{key}/members": {
        "one": {"summary": "One member", "value": {"members": [{"user": {"id": "ada"}}]}}
    },
    "PUT /v1/guides/{key}": {
        "a banner": {"summary": "A banner on one page", "value": {"guide": _BANNER}},
    },
    "PUT /v1/guides/{key}/validate": {
        "a banner": {"summary": "A banner on one page", "value": {"guide": _BANNER}},
    },
    "PUT /v1/guides/{key}/activate": {
        "now": {"summary": "At once", "value": {"status": True}},
        "for a day": {
            "summary": "For a day",
            "value": {"from": "2030-03-20T10:00:00Z", "until": "2030-03-21T10:00:00Z"},
        },
    },
    "PUT /v1/broadcasts/{key}": {
        "a sale": {
            "summary": "An e-mail to every user",
            "value": {"broadcast": _SALE},
        },
    },
    "PUT /v1/broadcasts/{key}/validate": {
        "a sale": {
            "summary": "An e-mail to every user",
            "value": {"broadcast": _SALE},
        },
    },
    "PUT /v1/broadcasts/{key}/send": {
        "at once": {"summary": "Now", "value": {}},
        "later": {"summary": "At a given time", "value": {"send_at": "2030-03-20T10:00:00Z"}},
    },
    "PUT /v1/audiences/{key}": {
        "static": {
            "summary": "Members by hand",
            "value": {"audience": {"name": "Beta testers", "type": "static"}},
        },
        "dynamic": {
            "summary": "Members by their properties",
            "value": {"audience": _PAYING},
        },
    },
    "PUT /v1/audiences/{key}/validate": {
        "dynamic": {
            "summary": "Members by their properties",
            "value": {"audience": _PAYING},
        }
    },
    "POST /v1/workflows/{workflow_key}/steps/{step_ref}/preview_template": {
        "for somebody": {
            "summary": "For a user described inline",
            "value": {
                "recipient": {"id": "ada", "name": "Ada", "email": "ada@example.com"},
                "data": {"text": "Your order is on its way."},
            },
        },
        "a batch": {
            "summary": "After a batch, with its items",
            "value": {
                "recipient": "ada",
                "activities": [
                    {"data": {"text": "First"}, "actor": "grace"},
                    {"data": {"text": "Second"}, "actor": "tom"},
                ],
            },
        },
    },
    "POST /v1/templates/preview": {
        "a text message": {
            "summary": "A text message",
            "value": {
                "channel_type": "sms",
                "template": {"text_body": "Hello {{ recipient.name }}"},
                "recipient": {"id": "ada", "name": "Ada", "phone_number": "+15550100"},
            },
        }
    },
    "POST /v1/email_layouts/preview": {
        "frame": {
            "summary": "A frame around an example",
            "value": {"email_layout": _FRAME, "recipient": "ada"},
        }
    },
    "POST /v1/partials/preview": {
        "a card": {
            "summary": "A partial with its input",
            "value": {
                "partial": {"name": "Card", "type": "html", "content": "<b>{{ title }}</b>"},
                "data": {"title": "Hello"},
            },
        }
    },
    "PUT /v1/workflows/{key}": {
        "greeting": {
            "summary": "Feed item, wait, e-mail",
            "value": {"workflow": _GREETING},
        }
    },
    "PUT /v1/email_layouts/{key}": {
        "frame": {
            "summary": "A frame around every e-mail",
            "value": {"email_layout": _FRAME},
        }
    },
    "PUT /v1/email_layouts/{key}/validate": {
        "frame": {
            "summary": "A frame around every e-mail",
            "value": {"email_layout": _FRAME},
        }
    },
    "PUT /v1/reusable_requests/{key}": {
        "lookup": {
            "summary": "Looks an order up by its id",
            "value": {"reusable_request": _LOOKUP},
        }
    },
    "PUT /v1/reusable_requests/{key}/validate": {
        "lookup": {
            "summary": "Looks an order up by its id",
            "value": {"reusable_request": _LOOKUP},
        }
    },
    "POST /v1/admin/reusable_requests/{key}/preview": {
        "given": {
            "summary": "For a user, with an input",
            "value": {"recipient": "ada", "inputs": {"id": "A-8"}},
        }
    },
    "PUT /v1/workflows/{key}/validate": {
        "greeting": {
            "summary": "Feed item, wait, e-mail",
            "value": {"workflow": _GREETING},
        }
    },
}

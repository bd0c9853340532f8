"""The workflows that a fresh stack begins with: small, and each shows what the next does not."""

from __future__ import annotations

from domain.kit.json_types import JsonObject

_NOT_THE_AUTHOR: JsonObject = {
    "variable": "recipient.id",
    "operator": "not_equal_to",
    "argument": "actor.id",
}

WELCOME: JsonObject = {
    "name": "Welcome",
    "description": "Greets a new user in the app at once, and by e-mail a moment later.",
    "categories": ["onboarding"],
    "steps": [
        {
            "type": "channel",
            "ref": "in_app_1",
            "name": "Greeting in the app",
            "channel_type": "in_app_feed",
            "channel_key": "in-app",
            "template": {
                "markdown_body": "Welcome aboard, **{{ recipient.name | default: 'friend' }}**! "
                "Your workspace{% if data.workspace %} _{{ data.workspace }}_{% endif %} is ready.",
                "action_url": "{{ data.start_url | default: 'https://example.com/start' }}",
            },
        },
        {
            "type": "delay",
            "ref": "delay_1",
            "name": "Let the greeting sink in",
            "settings": {"delay_for": {"unit": "seconds", "value": 5}},
        },
        {
            "type": "channel",
            "ref": "email_1",
            "name": "Welcome e-mail",
            "channel_type": "email",
            "channel_key": "smtp",
            "template": {
                "subject": "Welcome, {{ recipient.name | default: 'friend' }}!",
                "html_body": "<h1>Good to have you here"
                "{% if recipient.name %}, {{ recipient.name | escape }}{% endif %}</h1>"
                "<p>Three things are worth five minutes of your first day:</p>"
                "<ol><li>Invite the people you work with.</li>"
                "<li>Tell us when you would rather not be disturbed.</li>"
                "<li>Send yourself a first notification.</li></ol>"
                "<p><a class='block-button block-button--solid block-button--md' "
                "href='{{ data.start_url | default: 'https://example.com/start' | escape }}'>"
                "Get started</a></p>",
                "text_body": None,
                "settings": {"layout_key": "default"},
            },
        },
    ],
}

COMMENT_CREATED: JsonObject = {
    "name": "Comment created",
    "description": "Tells people about a comment in the app, and by e-mail if they did not look.",
    "categories": ["collaboration"],
    "steps": [
        {
            "type": "channel",
            "ref": "in_app_1",
            "name": "Comment in the app",
            "channel_type": "in_app_feed",
            "channel_key": "in-app",
            "conditions": {"all": [_NOT_THE_AUTHOR]},
            "template": {
                "markdown_body": "**{{ actor.name | default: 'Someone' }}** commented on "
                "**{{ data.document_title | default: 'your document' }}**:\n\n"
                "> {{ data.comment | truncate: 140 }}",
                "action_url": "{{ data.document_url | default: 'https://example.com' }}",
            },
        },
        {
            "type": "delay",
            "ref": "delay_1",
            "name": "Time to notice it in the app",
            "settings": {"delay_for": {"unit": "minutes", "value": 5}},
        },
        {
            "type": "channel",
            "ref": "email_1",
            "name": "E-mail for those who have not seen it",
            "channel_type": "email",
            "channel_key": "smtp",
            "conditions": {
                "all": [
                    # Nothing is unseen for the author, who got nothing in the app either.
                    _NOT_THE_AUTHOR,
                    {
                        "variable": "refs.in_app_1.engagement_status",
                        "operator": "not_contains",
                        "argument": "$message.seen",
                    },
                ]
            },
            "template": {
                "subject": "{{ actor.name | default: 'Someone' }} commented on "
                "{{ data.document_title | default: 'your document' }}",
                "html_body": "<p><strong>{{ actor.name | default: 'Someone' | escape }}</strong> "
                "wrote:</p><blockquote>{{ data.comment | escape }}</blockquote>"
                "<p><a class='block-button block-button--solid block-button--md' "
                "href='{{ data.document_url | default: 'https://example.com' | escape }}'>"
                "Read and reply</a></p>",
                "text_body": None,
                "settings": {"layout_key": "default"},
            },
        },
    ],
}

INVOICE_PAID: JsonObject = {
    "name": "Invoice paid",
    "description": "Sends a receipt, and tells the customer's own system if it asked for that.",
    "categories": ["billing"],
    "settings": {"override_preferences": True},
    "trigger_data_json_schema": {
        "type": "object",
        "required": ["invoice_number", "amount"],
        "properties": {
            "invoice_number": {"type": "string", "minLength": 1},
            "amount": {"type": "string", "description": "As it is to be shown: 49.00 EUR"},
            "invoice_url": {"type": "string"},
            "webhook_url": {"type": "string"},
        },
    },
    "steps": [
        {
            "type": "channel",
            "ref": "email_1",
            "name": "Receipt",
            "channel_type": "email",
            "channel_key": "smtp",
            "template": {
                "subject": "Receipt for invoice {{ data.invoice_number }}",
                "html_body": "<h1>Thank you</h1>"
                "<p>We have received your payment.</p>"
                "<table role='presentation'>"
                "<tr><td>Invoice</td><td>{{ data.invoice_number | escape }}</td></tr>"
                "<tr><td>Amount</td><td>{{ data.amount | escape }}</td></tr></table>"
                "{% if data.invoice_url %}<p><a href='{{ data.invoice_url | escape }}'>"
                "Download the invoice</a></p>{% endif %}",
                "text_body": "Thank you: we have received your payment.\n\n"
                "Invoice: {{ data.invoice_number }}\nAmount: {{ data.amount }}\n"
                "{% if data.invoice_url %}\n{{ data.invoice_url }}\n{% endif %}",
                "settings": {"layout_key": "default"},
            },
        },
        {
            "type": "channel",
            "ref": "webhook_1",
            "name": "Call the customer's system",
            "channel_type": "http",
            "channel_key": "webhook",
            "conditions": {
                "all": [{"variable": "data.webhook_url", "operator": "not_empty", "argument": None}]
            },
            "template": {
                "method": "post",
                "url": "{{ data.webhook_url }}",
                "headers": [{"key": "content-type", "value": "application/json"}],
                "query_params": [],
                "body": '{"event": "invoice.paid", '
                '"invoice_number": {{ data.invoice_number | json }}, '
                '"amount": {{ data.amount | json }}, "customer": {{ recipient.id | json }}}',
            },
        },
    ],
}

SAMPLE_WORKFLOWS: dict[str, JsonObject] = {
    "welcome": WELCOME,
    "comment-created": COMMENT_CREATED,
    "invoice-paid": INVOICE_PAID,
}

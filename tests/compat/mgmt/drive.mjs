// Calls the product with Knock's Management SDK, and prints what each call came to.

import { createRequire } from "node:module";

// The package lies in a folder of its own, which the test names.
const load = createRequire(process.argv[2]);
const { default: KnockMgmt } = load("@knocklabs/mgmt");
const client = new KnockMgmt({
  serviceToken: process.env.KNOCK_SERVICE_TOKEN,
  baseURL: process.argv[3],
  maxRetries: 0,
});
const environment = "development";
const note = { environment, commit: true, commit_message: "By the SDK" };

async function all(page) {
  const found = [];
  for await (const entry of page) found.push(entry);
  return found;
}

async function refused(call) {
  try {
    await call();
  } catch (error) {
    return { name: error.constructor.name, status: error.status, error: error.error };
  }
  return null;
}

const layout = { name: "Plain", html_layout: "<html>{{ content }}</html>", text_layout: "{{ content }}" };
const partial = { name: "Sign", type: "html", content: "<p>Yours</p>" };
const messageType = {
  name: "Tip",
  description: "A hint",
  preview: "<p>{{ title }}</p>",
  variants: [{ key: "default", name: "Default", fields: [{ type: "text", key: "title", label: "Title", settings: {} }] }],
};
const guide = {
  name: "Tips",
  channel_key: "in-app-guide",
  steps: [{ ref: "one", schema_key: "tip", schema_semver: "0.0.1", schema_variant_key: "default", values: { title: "Hi" } }],
};
const workflow = {
  name: "Welcome aboard",
  steps: [
    {
      type: "channel",
      ref: "mail",
      channel_key: "smtp",
      template: { subject: "Hi {{ recipient.name }}", html_body: "<b>{{ data.what }}</b>", settings: { layout_key: "plain" } },
    },
    { type: "channel", ref: "feed", channel_key: "in-app", template: { markdown_body: "Hi **{{ recipient.name }}**" } },
  ],
};
const said = {};

said.whoami = await client.auth.verify();
said.environments = (await all(client.environments.list())).map((each) => each.slug);
said.environment = await client.environments.retrieve("production");
said.channels = (await all(client.channels.list({ limit: 2 }))).map((each) => each.key);
said.channel = await client.channels.retrieve("smtp");

said.upserted = {
  layout: (await client.emailLayouts.upsert("plain", { ...note, email_layout: layout })).email_layout,
  partial: (await client.partials.upsert("sign", { ...note, partial })).partial,
  translation: (
    await client.translations.upsert("en", {
      ...note,
      namespace: "",
      translation: { format: "json", content: JSON.stringify({ hello: "Hello" }) },
    })
  ).translation,
  messageType: (await client.messageTypes.upsert("tip", { ...note, message_type: messageType })).message_type,
  audience: (
    await client.audiences.upsert("crew", { ...note, audience: { name: "Crew", type: "static" } })
  ).audience,
};
said.upserted.guide = (await client.guides.upsert("tips", { ...note, guide })).guide;
said.upserted.workflow = (await client.workflows.upsert("aboard", { environment, workflow })).workflow;

said.retrieved = {
  layout: await client.emailLayouts.retrieve("plain", { environment }),
  partial: await client.partials.retrieve("sign", { environment }),
  translation: await client.translations.retrieve("en", { environment }),
  messageType: await client.messageTypes.retrieve("tip", { environment }),
  audience: await client.audiences.retrieve("crew", { environment }),
  guide: await client.guides.retrieve("tips", { environment }),
  workflow: await client.workflows.retrieve("aboard", { environment, hide_uncommitted_changes: false }),
};
said.listed = {
  layout: (await all(client.emailLayouts.list({ environment }))).map((each) => each.key),
  partial: (await all(client.partials.list({ environment }))).map((each) => each.key),
  translation: (await all(client.translations.list({ environment }))).map((each) => each.locale_code),
  messageType: (await all(client.messageTypes.list({ environment }))).map((each) => each.key),
  audience: (await all(client.audiences.list({ environment }))).map((each) => each.key),
  guide: (await all(client.guides.list({ environment }))).map((each) => each.key),
  workflow: (await all(client.workflows.list({ environment, limit: 1 }))).map((each) => each.key),
};
said.validated = (await client.workflows.validate("aboard", { environment, workflow })).workflow;
said.preview = await client.workflows.steps.previewTemplate("mail", {
  workflow_key: "aboard",
  environment,
  recipient: "ada",
  data: { what: "bread" },
});
said.committed = await client.commits.commitAll({ environment, commit_message: "All" });
said.promoted = await client.commits.promoteAll({ to_environment: "production" });
said.commits = (await all(client.commits.list({ environment, limit: 3 }))).map((each) => each.resource);
said.commit = await client.commits.retrieve((await client.commits.list({ environment })).entries[0].id);
said.abroad = await client.workflows.retrieve("aboard", { environment: "production" });
said.switched = (await client.workflows.activate("aboard", { environment, status: false })).workflow;
said.members = await all(client.members.list());
said.variables = await all(client.variables.list({ environment }));
said.missing = await refused(() => client.workflows.retrieve("nowhere", { environment }));
said.invalid = await refused(() =>
  client.workflows.upsert("broken", { environment, workflow: { name: "", steps: [{ type: "channel", ref: "x" }] } }),
);
const stranger = new KnockMgmt({ serviceToken: "nobody", baseURL: process.argv[3], maxRetries: 0 });
said.stranger = await refused(() => stranger.auth.verify());

process.stdout.write(JSON.stringify(said));

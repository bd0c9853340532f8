-- Enough of everything that reading a table whole, or sorting it, is the worse plan.
INSERT INTO environments (id, slug, name, position, inserted_at, updated_at)
VALUES (%(environment)s, 'crowded', 'Crowded', 1, now(), now());
INSERT INTO recipients (environment_id, collection, id, properties, inserted_at, updated_at)
SELECT %(environment)s, CASE WHEN n %% 2 = 0 THEN '$users' ELSE '$tenants' END, 'r-' || n,
       jsonb_build_object('name', 'Name ' || n), now() - n * interval '1 minute', now()
FROM generate_series(1, 10000) AS n;
INSERT INTO subscriptions (environment_id, object_collection, object_id, recipient_collection,
    recipient_id, properties, inserted_at, updated_at)
SELECT %(environment)s, 'topics', 'topic-' || n %% 90, '$users', 'user-' || n, '{}'::jsonb,
       now() - n * interval '1 minute', now() FROM generate_series(1, 9000) AS n
UNION ALL
SELECT %(environment)s, 'topics', 'topic-' || n, '$users', 'user-' || n %% 90, '{}',
       now() - n * interval '1 minute', now() FROM generate_series(100, 9000) AS n;
INSERT INTO audience_members (environment_id, audience_key, user_id, tenant_id, added_at)
SELECT %(environment)s, 'audience-' || n %% 90, 'user-' || n, '',
       now() - n * interval '1 minute' FROM generate_series(1, 9000) AS n;
INSERT INTO broadcasts (environment_id, key, content, sha, status, scheduled_at, sends,
    inserted_at, updated_at)
SELECT %(environment)s, 'broadcast-' || n, '{}', '',
       CASE WHEN n %% 100 = 0 THEN 'scheduled' ELSE 'sent' END, now() - n * interval '1 minute', 1,
       now() - n * interval '1 minute', now() FROM generate_series(1, 3000) AS n;
INSERT INTO broadcast_addressees (workflow_run_id, environment_id, user_id, tenant_id)
SELECT md5('w' || n %% 3)::uuid, %(environment)s, 'user-' || n, ''
FROM generate_series(1, 9000) AS n;
INSERT INTO audience_builds (environment_id, audience_key, version_id, position, passes, due_at)
SELECT %(environment)s, 'audience-' || n, md5('v')::uuid, '', 2, 'infinity'
FROM generate_series(1, 3000) AS n;
INSERT INTO workflow_runs (id, environment_id, workflow_key, version_id, data, settings, source,
    recipient_count, accepted_at)
SELECT md5('w' || n)::uuid, %(environment)s, 'workflow-1', md5('v')::uuid, '{}', '{}', '{}', 10,
       now() - n * interval '10 minutes' FROM generate_series(0, 3000) AS n;
INSERT INTO recipient_runs (id, environment_id, workflow_run_id, workflow_key, version_id,
    collection, recipient_id, tenant_id, cancellation_key, status, error_count, event_count,
    step_outcomes, resumes_at, inserted_at, updated_at)
SELECT (lpad(to_hex(n), 8, '0') || '-0000-7000-8000-000000000000')::uuid, %(environment)s,
       md5('w' || n / 10)::uuid, 'workflow-' || n %% 300, md5('v')::uuid, '$users',
       'user-' || n %% 500, CASE WHEN n %% 3 = 0 THEN 'tenant-' || n %% 900 END, 'order-' || n %% 9,
       CASE WHEN n %% 700 = 0 THEN 'paused' WHEN n %% 900 = 0 THEN 'cancelled'
            ELSE 'completed' END,
       CASE WHEN n %% 800 = 0 THEN 1 ELSE 0 END, 0, '{}', CASE WHEN n %% 700 = 0 THEN now() END,
       now() - n * interval '1 minute', now()
FROM generate_series(1, 30000) AS n;
INSERT INTO messages (id, environment_id, channel_id, channel_type, recipient_run_id,
    workflow_run_id, workflow_key, version_id, step_ref, categories, collection, recipient_id,
    tenant_id, actors, data, content, delivery_status, seen_at, read_at, interacted_at,
    link_clicked_at, archived_at, provider_metadata, retry_count, inserted_at, updated_at)
SELECT md5('m' || n)::uuid, %(environment)s,
       ('018f0000-0000-7000-8000-' || lpad(to_hex(n %% 300), 12, '0'))::uuid, 'in_app_feed',
       (lpad(to_hex(n), 8, '0') || '-0000-7000-8000-000000000000')::uuid,
       md5('w' || n / 10)::uuid, 'workflow-' || n %% 300, md5('v')::uuid, 'feed',
       CASE WHEN n %% 905 = 0 THEN '{legal}'::text[] ELSE '{news}' END, '$users',
       'user-' || n %% 500, CASE WHEN n %% 3 = 0 THEN 'tenant-' || n %% 900 END, '[]',
       jsonb_build_object('order', n), '{}',
       CASE WHEN n %% 700 = 0 THEN 'bounced' WHEN n %% 800 = 0 THEN 'undelivered'
            ELSE 'delivered' END,
       CASE WHEN n %% 900 = 0 THEN now() END, CASE WHEN n %% 901 = 0 THEN now() END,
       CASE WHEN n %% 902 = 0 THEN now() END, CASE WHEN n %% 903 = 0 THEN now() END,
       CASE WHEN n %% 904 = 0 THEN now() END, '{}', 0, now() - n * interval '1 minute', now()
FROM generate_series(1, 30000) AS n;
INSERT INTO batches (id, environment_id, workflow_key, step_ref, collection, recipient_id, identity,
    batch_key, is_latest, leader_run_id, carrier_run_id, opened_at, closes_at, item_count,
    closed_at, resumed_at)
SELECT md5('b' || n)::uuid, %(environment)s, 'workflow-' || n %% 300, 'batch_1', '$users',
       'user-' || n %% 500, decode(md5('i' || n), 'hex'), '', false, md5('l' || n)::uuid,
       md5('l' || n)::uuid, now(), now() - n * interval '1 minute', 3,
       CASE WHEN n %% 100 <> 0 THEN now() END, CASE WHEN n %% 101 <> 0 THEN now() END
FROM generate_series(1, 20000) AS n;
INSERT INTO batch_items (recipient_run_id, step_ref, batch_id, environment_id, workflow_run_id,
    workflow_key, cancellation_key, data, inserted_at)
SELECT md5('r' || n)::uuid, 'batch_1', md5('b' || n / 3)::uuid, %(environment)s,
       md5('w' || n)::uuid, 'workflow-' || n %% 300, 'order-' || n, '{}', now()
FROM generate_series(1, 30000) AS n;
INSERT INTO message_events (message_id, id, event_type, inserted_at)
SELECT md5('m' || n)::uuid, md5('me' || n)::uuid, 'message.read', now()
FROM generate_series(1, 30000) AS n;
INSERT INTO event_waits (recipient_run_id, step_ref, environment_id, workflow_key, event_type,
    event_key, source_key, recipient_path, collection, recipient_id, registered_at, expires_at,
    looks_from, judged, settled_at)
SELECT md5('r' || n)::uuid, 'wait_1', %(environment)s, 'workflow-1', 'message', 'read',
       'workflow-7', '', '$users', 'user-' || n %% 5000, now() - n * interval '1 minute', now(),
       now(), '{}', CASE WHEN n %% 500 <> 0 THEN now() END
FROM generate_series(1, 20000) AS n;
INSERT INTO source_events (id, environment_id, source_key, event, body, headers,
    verification_status, happened_at, inserted_at, processed_at)
SELECT md5('e' || n)::uuid, %(environment)s, 'source-' || n %% 20, 'event-' || n %% 700, '{}', '{}',
       'verified', now(), now() - n * interval '1 minute', now()
FROM generate_series(1, 30000) AS n;
INSERT INTO webhook_endpoints (id, environment_id, shown_url, event_types, is_enabled, inserted_at,
    updated_at)
SELECT md5('h' || n)::uuid, %(environment)s, 'https://example.com', '{}', true, now(), now()
FROM generate_series(0, 299) AS n;
INSERT INTO webhook_events (id, environment_id, event_type, body, collection, recipient_id,
    happened_at, inserted_at)
SELECT md5('e' || n)::uuid, %(environment)s, 'message.read', '{}', '$users', 'user-' || n %% 500,
       now(), now() - n * interval '1 minute' FROM generate_series(1, 30000) AS n;
INSERT INTO webhook_deliveries (id, environment_id, endpoint_id, event_id, event_type, state,
    attempts, interruptions, due_at, redeliveries, inserted_at, updated_at)
SELECT md5('d' || n)::uuid, %(environment)s, md5('h' || n %% 300)::uuid, md5('e' || n)::uuid,
       'message.' || CASE WHEN n %% 17 = 0 THEN 'sent' ELSE 'read' END,
       CASE WHEN n %% 700 = 0 THEN 'failed' WHEN n %% 800 = 0 THEN 'waiting'
            WHEN n %% 900 = 0 THEN 'sending' ELSE 'delivered' END,
       1, 0, now(), 0, now() - n * interval '1 minute', now() FROM generate_series(1, 30000) AS n;
INSERT INTO content_versions (id, environment_id, resource_type, key, content, sha, inserted_at)
SELECT md5('v' || n)::uuid, %(environment)s, 'workflow', 'workflow-' || n, '{}', '', now()
FROM generate_series(0, 299) AS n;
INSERT INTO commits (id, environment_id, resource_type, resource_key, version_id, author_name,
    author_email, is_empty, inserted_at)
SELECT md5('c' || n)::uuid, %(environment)s, 'workflow', 'workflow-' || n %% 300,
       md5('v' || n %% 300)::uuid, 'Ada', 'ada@example.com', false, now()
FROM generate_series(0, 29999) AS n;
INSERT INTO schedules (id, environment_id, workflow_key, collection, recipient_id, tenant_id,
    repeats, due_at, failures, inserted_at, updated_at)
SELECT md5('s' || n)::uuid, %(environment)s, 'workflow-' || n %% 30, '$users', 'user-' || n %% 900,
       CASE WHEN n %% 3 = 0 THEN 'tenant-' || n %% 900 END, '[]',
       now() + n * interval '1 minute', 0, now(), now()
FROM generate_series(1, 20000) AS n;
INSERT INTO short_links (key, environment_id, message_id, collection, recipient_id, url,
    inserted_at)
SELECT md5('l' || n), %(environment)s, md5('m' || n)::uuid, '$users', 'user-' || n %% 50,
       'https://example.com', now() - n * interval '1 hour'
FROM generate_series(1, 20000) AS n;
ANALYZE

-- A year of everything for the production environment, with common values and rare ones.
-- Scale 1 is a million messages and runs, 200,000 users, 100,000 objects, a million subscriptions.
INSERT INTO recipients (environment_id, collection, id, properties, inserted_at, updated_at)
SELECT %(environment)s, '$users', 'reader-' || n, jsonb_build_object('name', 'Reader ' || n), at, at
FROM (SELECT n, now() - n * interval '2 minutes' AS at
      FROM generate_series(0, %(users)s - 1) AS n) AS numbers
ON CONFLICT DO NOTHING;
INSERT INTO recipients (environment_id, collection, id, properties, inserted_at, updated_at)
SELECT %(environment)s, 'projects', 'project-' || n, jsonb_build_object('name', 'Project ' || n),
       at, at
FROM (SELECT n, now() - n * interval '5 minutes' AS at
      FROM generate_series(0, %(objects)s - 1) AS n) AS numbers;
INSERT INTO recipients (environment_id, collection, id, properties, inserted_at, updated_at)
SELECT %(environment)s, '$tenants', 'tenant-' || n, jsonb_build_object('name', 'Tenant ' || n),
       at, at
FROM (SELECT n, now() - n * interval '1 hour' AS at
      FROM generate_series(0, %(objects)s / 10 - 1) AS n) AS numbers;
-- Project 0 has a hundredth of all followers, reader 0 follows a hundredth of all projects, and
-- project 0 as many.
INSERT INTO subscriptions (environment_id, object_collection, object_id, recipient_collection,
    recipient_id, properties, inserted_at, updated_at)
SELECT %(environment)s, 'projects',
       CASE WHEN n %% 100 = 0 THEN 'project-0' ELSE 'project-' || n %% %(objects)s END,
       CASE WHEN n %% 1000 = 2 THEN 'projects' ELSE '$users' END,
       CASE WHEN n %% 100 = 0 THEN 'reader-' || n / 100 WHEN n %% 1000 = 1 THEN 'reader-0'
            WHEN n %% 1000 = 2 THEN 'project-0' ELSE 'reader-' || n / 5 END,
       '{}', now() - n * interval '30 seconds', now()
FROM generate_series(1, %(messages)s) AS n
ON CONFLICT DO NOTHING;
INSERT INTO audience_members (environment_id, audience_key, user_id, tenant_id, added_at)
SELECT %(environment)s, 'everybody', 'reader-' || n, '', now() - n * interval '1 minute'
FROM generate_series(0, %(users)s - 1) AS n;
INSERT INTO workflow_runs (id, environment_id, workflow_key, version_id, data, settings, source,
    recipient_count, accepted_at)
SELECT md5('w' || n)::uuid, %(environment)s, 'workflow-' || n %% 20, %(version)s, '{}', '{}',
       '{"type": "api"}', 10, now() - n * interval '5 minutes'
FROM generate_series(0, %(messages)s / 10) AS n;
INSERT INTO recipient_runs (id, environment_id, workflow_run_id, workflow_key, version_id,
    collection, recipient_id, tenant_id, status, error_count, event_count, step_outcomes,
    resumes_at, inserted_at, updated_at)
SELECT (lpad(to_hex(floor(extract(epoch FROM at) * 1000)::bigint), 12, '0')
        || '7000' || '8000' || lpad(to_hex(n), 12, '0'))::uuid,
       %(environment)s, md5('w' || n / 10)::uuid, 'workflow-' || n %% 20, %(version)s, '$users',
       CASE WHEN n %% 100 = 0 THEN 'reader-0' ELSE 'reader-' || n %% %(users)s END,
       CASE WHEN n %% 3 = 0 THEN 'tenant-' || n %% 50 END,
       CASE WHEN n %% 50000 = 0 THEN 'paused' WHEN n %% 70000 = 0 THEN 'cancelled'
            ELSE 'completed' END,
       CASE WHEN n %% 90000 = 0 THEN 1 ELSE 0 END, 0, '{}',
       CASE WHEN n %% 50000 = 0 THEN now() + interval '1 year' END, at, at
FROM (SELECT n, now() - n * interval '31 seconds' AS at
      FROM generate_series(1, %(messages)s) AS n) AS numbers;
INSERT INTO messages (id, environment_id, channel_id, channel_type, recipient_run_id,
    workflow_run_id, workflow_key, version_id, step_ref, categories, collection, recipient_id,
    tenant_id, actors, data, content, delivery_status, seen_at, read_at, interacted_at,
    link_clicked_at, archived_at, provider_metadata, retry_count, inserted_at, updated_at)
SELECT md5('m' || n)::uuid, %(environment)s,
       CASE WHEN n %% 2 = 0 THEN %(feed)s ELSE %(mail)s END,
       CASE WHEN n %% 2 = 0 THEN 'in_app_feed' ELSE 'email' END,
       (lpad(to_hex(floor(extract(epoch FROM at) * 1000)::bigint), 12, '0')
        || '7000' || '8000' || lpad(to_hex(n), 12, '0'))::uuid,
       md5('w' || n / 10)::uuid, 'workflow-' || n %% 20, %(version)s, 'feed',
       CASE WHEN n %% 60000 = 0 THEN '{legal}'::text[] ELSE '{news}' END,
       CASE WHEN n %% 1000 = 5 THEN 'projects' ELSE '$users' END,
       CASE WHEN n %% 100 = 0 THEN 'reader-0' WHEN n %% 1000 = 5 THEN 'project-0'
            ELSE 'reader-' || n %% %(users)s END,
       CASE WHEN n %% 3 = 0 THEN 'tenant-' || n %% 50 END, '[]',
       jsonb_build_object('page', 'Page ' || n %% 1000, 'plan', CASE WHEN n %% 4 = 0 THEN 'pro'
           ELSE 'free' END, 'order', n),
       jsonb_build_object('blocks', jsonb_build_array(jsonb_build_object(
           'name', 'body', 'type', 'markdown', 'content', 'There is **news** on {{ data.page }}.',
           'rendered', '<p>There is <strong>news</strong> on page ' || n || '.</p>'))),
       CASE WHEN n %% 2 = 0 THEN 'delivered' WHEN n %% 50001 = 0 THEN 'bounced'
            WHEN n %% 40001 = 0 THEN 'undelivered' WHEN n %% 30001 = 0 THEN 'not_sent'
            WHEN n %% 20001 = 0 THEN 'delivery_attempted' WHEN n %% 10001 = 0 THEN 'queued'
            ELSE 'sent' END,
       CASE WHEN n %% 2 = 0 THEN at END, CASE WHEN n %% 4 = 0 THEN at END,
       CASE WHEN n %% 80000 = 0 THEN at END, CASE WHEN n %% 70001 = 0 THEN at END,
       CASE WHEN n %% 30 = 0 THEN at END, '{}', 0, at, at
FROM (SELECT n, now() - n * interval '31 seconds' AS at
      FROM generate_series(1, %(messages)s) AS n) AS numbers;
INSERT INTO deliveries (message_id, environment_id, channel_id, channel_type, due_at, retry,
    attempts, interruptions, inserted_at)
SELECT id, environment_id, channel_id, channel_type, now() + interval '1 year', 0, 0, 0, now()
FROM messages WHERE environment_id = %(environment)s
     AND delivery_status IN ('queued', 'delivery_attempted');
INSERT INTO message_events (message_id, id, event_type, inserted_at)
SELECT md5('m' || n)::uuid, md5('e' || n)::uuid, 'message.read', now()
FROM generate_series(4, %(messages)s, 4) AS n;
INSERT INTO schedules (id, environment_id, workflow_key, collection, recipient_id, tenant_id,
    repeats, due_at, failures, inserted_at, updated_at)
SELECT md5('s' || n)::uuid, %(environment)s, 'workflow-' || n %% 20,
       CASE WHEN n %% 1000 = 5 THEN 'projects' ELSE '$users' END,
       CASE WHEN n %% 100 = 0 THEN 'reader-0' WHEN n %% 1000 = 5 THEN 'project-0'
            ELSE 'reader-' || n %% %(users)s END,
       CASE WHEN n %% 9001 = 0 THEN 'tenant-9' END, '[]', now() + interval '1 year', 0, now(),
       now()
FROM generate_series(1, %(objects)s) AS n
